// SPDX-License-Identifier: Apache-2.0
// Where the locks of disks are, from type information that is put together here: what is missing or of another type
// turns a lock off, with a reason.
#include "agent/probes/lock_paths.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Type information of a kernel or, over that, of a module.
class Types {
 public:
  explicit Types(const Types* base = nullptr)
      : btf_(base != nullptr ? btf__new_empty_split(base->get()) : btf__new_empty(), btf__free) {
    if (base != nullptr) return;
    integer_ = btf__add_int(get(), "unsigned int", 4, 0);
    btf__add_struct(get(), "spinlock", 4);
    spinlock_ = btf__add_typedef(get(), "spinlock_t", btf__find_by_name(get(), "spinlock"));
    btf__add_struct(get(), "raw_spinlock", 4);
  }

  [[nodiscard]] btf* get() const { return btf_.get(); }

  struct Field {
    const char* name;  // empty: without a name
    int type;
    unsigned offset;
  };

  int structure(const char* name, unsigned size, const std::vector<Field>& fields) {
    const int id = btf__add_struct(get(), *name == 0 ? nullptr : name, size);
    for (const Field& field : fields)
      if (btf__add_field(get(), *field.name == 0 ? nullptr : field.name, field.type, field.offset * 8, 0) != 0)
        throw std::runtime_error("no field");
    return id;
  }

  int id(const char* name) { return btf__find_by_name(get(), name); }
  int pointer(int to) { return btf__add_ptr(get(), to); }
  int array(int of) { return btf__add_array(get(), integer_ > 0 ? integer_ : 1, of, 1); }

 private:
  std::unique_ptr<btf, void (*)(btf*)> btf_;
  int integer_ = 0, spinlock_ = 0;
};

Types kernel_types() {
  Types types;
  const int nothing = types.pointer(0), lock = types.id("spinlock_t");
  const int name = types.pointer(types.id("unsigned int"));
  const int type = types.structure("elevator_type", 64, {{"elevator_name", name, 40}});
  const int elevator =
      types.structure("elevator_queue", 32, {{"type", types.pointer(type), 0}, {"elevator_data", nothing, 8}});
  types.structure("request_queue", 128, {{"queuedata", nothing, 16}, {"elevator", types.pointer(elevator), 24}});
  const int inner = types.structure("", 8, {{"lock", lock, 4}});
  types.structure("blk_mq_hw_ctx", 128, {{"", inner, 64}, {"sched_data", nothing, 80}, {"driver_data", nothing, 88}});
  const int host = types.structure("Scsi_Host", 256, {{"hostdata", types.array(types.id("unsigned int")), 256}});
  types.structure("scsi_device", 64, {{"host", types.pointer(host), 8}});
  types.structure("deadline_data", 64, {{"lock", lock, 48}});
  return types;
}

int add_virtio_blk(Types& types, const char* lock_type = "spinlock_t") {
  const int vq = types.structure("virtio_blk_vq", 64, {{"lock", types.id(lock_type), 8}});
  return types.structure("virtio_blk", 64, {{"vqs", types.pointer(vq), 32}});
}

Disk disk(const char* driver, const char* scheduler = "none") {
  Disk result;
  result.name = "vda";
  result.driver = driver;
  result.scheduler = scheduler;
  return result;
}

Result<std::optional<vqs_lock_path>> find(const Types& kernel, const Disk& disk, vqs_lock_kind kind,
                                          const std::map<std::string, const Types*>& modules = {}) {
  return find_lock_path(disk, kind, kernel.get(), [&](const char* name) -> const btf* {
    const auto module = modules.find(name);
    return module == modules.end() ? nullptr : module->second->get();
  });
}

std::string reason(const Result<std::optional<vqs_lock_path>>& found) {
  return found ? "found" : found.error().message;
}

TEST(LockPath, OfVirtioBlkLeadsOverItsQueues) {
  Types kernel = kernel_types();
  add_virtio_blk(kernel);
  const auto found = find(kernel, disk("virtio_blk"), VQS_QUEUE_LOCK);
  ASSERT_TRUE(found && *found) << reason(found);
  const vqs_lock_path& path = **found;
  EXPECT_EQ(path.known, 1U);
  EXPECT_EQ(path.from_context, 0U);
  EXPECT_EQ(path.pointers, 2U);
  EXPECT_THAT(path.offsets, ElementsAre(16, 32, 0));
  EXPECT_EQ(path.lock, 8U);
  EXPECT_EQ(path.stride, 64U);
  EXPECT_THAT(path.elevator, ElementsAre(0, 0));
}

TEST(LockPath, OfADriverInAModuleIsFoundInItsTypes) {
  const Types kernel = kernel_types();
  EXPECT_THAT(reason(find(kernel, disk("virtio_blk"), VQS_QUEUE_LOCK)), HasSubstr("struct virtio_blk_vq"));
  Types module(&kernel);
  add_virtio_blk(module);
  const auto found = find(kernel, disk("virtio_blk"), VQS_QUEUE_LOCK, {{"virtio_blk", &module}});
  ASSERT_TRUE(found && *found) << reason(found);
  EXPECT_THAT((*found)->offsets, ElementsAre(16, 32, 0));
}

TEST(LockPath, OfVirtioScsiLiesBehindItsHost) {
  Types kernel = kernel_types();
  const int vq = kernel.structure("virtio_scsi_vq", 16, {{"vq_lock", kernel.id("spinlock_t"), 4}});
  kernel.structure("virtio_scsi", 200, {{"req_vqs", kernel.array(vq), 192}});
  const auto found = find(kernel, disk("virtio_scsi"), VQS_QUEUE_LOCK);
  ASSERT_TRUE(found && *found) << reason(found);
  EXPECT_THAT((*found)->offsets, ElementsAre(16, 8, 0));
  EXPECT_EQ((*found)->lock, 256U + 192 + 4);
  EXPECT_EQ((*found)->stride, 16U);
}

TEST(LockPath, OfNvmeAndOfDispatchBeginAtTheHardwareQueue) {
  Types kernel = kernel_types();
  kernel.structure("nvme_queue", 64, {{"sq_lock", kernel.id("spinlock_t"), 8}});
  const auto queue = find(kernel, disk("nvme"), VQS_QUEUE_LOCK),
             dispatch = find(kernel, disk("nvme"), VQS_DISPATCH_LOCK);
  ASSERT_TRUE(queue && *queue) << reason(queue);
  EXPECT_EQ((*queue)->from_context, 1U);
  EXPECT_THAT((*queue)->offsets, ElementsAre(88, 0, 0));
  EXPECT_EQ((*queue)->lock, 8U);
  ASSERT_TRUE(dispatch && *dispatch) << reason(dispatch);
  EXPECT_EQ((*dispatch)->pointers, 0U);
  EXPECT_EQ((*dispatch)->lock, 64U + 4);  // in a member without a name
}

TEST(LockPath, OfAnElevatorHoldsWhileItIsInForce) {
  const Types kernel = kernel_types();
  const auto found = find(kernel, disk("ahci", "mq-deadline"), VQS_ELEVATOR_LOCK);
  ASSERT_TRUE(found && *found) << reason(found);
  EXPECT_EQ((*found)->of_disk, 1U);
  EXPECT_THAT((*found)->offsets, ElementsAre(24, 8, 0));
  EXPECT_EQ((*found)->lock, 48U);
  EXPECT_THAT((*found)->name_offsets, ElementsAre(24, 0, 40));
  EXPECT_STREQ(reinterpret_cast<const char*>((*found)->elevator), "mq-deadline");
}

TEST(LockPath, OfKyberIsOneForEachHardwareQueue) {
  Types kernel = kernel_types();
  kernel.structure("kyber_hctx_data", 64, {{"lock", kernel.id("spinlock_t"), 12}});
  const auto found = find(kernel, disk("ahci", "kyber"), VQS_ELEVATOR_LOCK);
  ASSERT_TRUE(found && *found) << reason(found);
  EXPECT_EQ((*found)->of_disk, 0U);
  EXPECT_EQ((*found)->from_context, 1U);
  EXPECT_THAT((*found)->offsets, ElementsAre(80, 0, 0));
}

TEST(LockPath, ThereIsNoneWithoutAnElevatorAndOfDriversThatAreNotKnown) {
  const Types kernel = kernel_types();
  const auto elevator = find(kernel, disk("virtio_blk", "none"), VQS_ELEVATOR_LOCK);
  ASSERT_TRUE(elevator);
  EXPECT_FALSE(*elevator);
  const auto queue = find(kernel, disk("ahci"), VQS_QUEUE_LOCK);
  ASSERT_TRUE(queue);
  EXPECT_FALSE(*queue);
}

TEST(LockPath, IsNotGuessedWhereAStructureLooksDifferent) {
  Types other_lock = kernel_types();
  add_virtio_blk(other_lock, "raw_spinlock");
  EXPECT_EQ(reason(find(other_lock, disk("virtio_blk"), VQS_QUEUE_LOCK)),
            "lock of struct virtio_blk_vq is of another type here");

  Types no_pointer = kernel_types();
  const int vq = no_pointer.structure("virtio_blk_vq", 64, {{"lock", no_pointer.id("spinlock_t"), 8}});
  no_pointer.structure("virtio_blk", 64, {{"vqs", vq, 32}});
  EXPECT_EQ(reason(find(no_pointer, disk("virtio_blk"), VQS_QUEUE_LOCK)),
            "vqs of struct virtio_blk is of another type here");

  Types no_member = kernel_types();
  no_member.structure("bfq_data", 64, {{"mutex", no_member.id("spinlock_t"), 8}});
  EXPECT_EQ(reason(find(no_member, disk("ahci", "bfq"), VQS_ELEVATOR_LOCK)), "struct bfq_data has no member lock here");
}

}  // namespace
}  // namespace vqscope
