// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/lock_paths.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

namespace vqscope {

namespace {

struct Member {
  std::uint32_t offset = 0;  // bytes
  __u32 type = 0;
};

// Also in members without a name.
std::optional<Member> find_member(const btf* types, __u32 structure, std::string_view name) {
  const btf_type* type = btf__type_by_id(types, structure);
  for (__u32 i = 0; i < btf_vlen(type); ++i) {
    const btf_member& member = btf_members(type)[i];
    const std::uint32_t offset = btf_member_bit_offset(type, i) / 8;
    const std::string_view found = btf__name_by_offset(types, member.name_off);
    if (found == name) return Member{offset, member.type};
    if (!found.empty() || !btf_is_composite(btf__type_by_id(types, member.type))) continue;
    if (const auto inner = find_member(types, member.type, name)) return Member{offset + inner->offset, inner->type};
  }
  return std::nullopt;
}

// The name of a structure, behind whatever it is called besides; empty: it is none.
std::string_view structure_name(const btf* types, __u32 id) {
  const int resolved = btf__resolve_type(types, id);
  const btf_type* type = resolved < 0 ? nullptr : btf__type_by_id(types, static_cast<__u32>(resolved));
  return type != nullptr && btf_is_composite(type) ? btf__name_by_offset(types, type->name_off) : "";
}

// Puts a path together; the first thing that is not as expected ends it.
class Builder {
 public:
  explicit Builder(const btf* types) : types_(types) {}

  // The kernel calls it by this name, and it is a structure.
  std::uint32_t size_of(const char* structure) {
    const btf_type* type = find(structure);
    return type == nullptr ? 0 : type->size;
  }

  // A member that is a pointer to that structure, or to nothing of which the type is known.
  void follow(const char* structure, const char* member, const char* target = "") {
    const auto offset = offset_of(structure, member, [&](const btf_type* type) {
      return btf_is_ptr(type) && structure_name(types_, type->type) == target;
    });
    path_.offsets[path_.pointers++] = offset;
  }

  std::uint32_t spinlock(const char* structure, const char* member) {
    const auto id = member_of(structure, member);
    if (id && structure_name(types_, id->type) != "spinlock") differs(structure, member);
    return id ? id->offset : 0;
  }

  // Of its first element.
  std::uint32_t array(const char* structure, const char* member, const char* element) {
    return offset_of(structure, member, [&](const btf_type* type) {
      return btf_is_array(type) && (*element == 0 || structure_name(types_, btf_array(type)->type) == element);
    });
  }

  void lies_in_context() { path_.from_context = 1; }
  void serves_whole_disk() { path_.of_disk = 1; }
  void lies_at(std::uint32_t offset, std::uint32_t stride = 0) {
    path_.lock = offset;
    path_.stride = stride;
  }

  // The path holds while this elevator is in force.
  void requires_elevator(const std::string& name) {
    const auto pointer = [](const btf_type* type) { return btf_is_ptr(type); };
    path_.name_offsets[0] = offset_of("request_queue", "elevator", pointer);
    path_.name_offsets[1] = offset_of("elevator_queue", "type", pointer);
    path_.name_offsets[2] = offset_of("elevator_type", "elevator_name", pointer);
    std::memcpy(path_.elevator, name.data(), std::min<std::size_t>(name.size(), VQS_ELEVATOR_NAME - 1));
  }

  [[nodiscard]] Result<std::optional<vqs_lock_path>> finish() {
    if (!error_.empty()) return fail(error_, ENOENT);
    path_.known = 1;
    return std::optional(path_);
  }

 private:
  const btf_type* find(const char* structure) {
    const int id = btf__find_by_name_kind(types_, structure, BTF_KIND_STRUCT);
    if (id < 0 && error_.empty()) error_ = fmt::format("this kernel's type information has no struct {}", structure);
    return id < 0 ? nullptr : btf__type_by_id(types_, static_cast<__u32>(id));
  }

  std::optional<Member> member_of(const char* structure, const char* member) {
    const int id = find(structure) == nullptr ? -1 : btf__find_by_name_kind(types_, structure, BTF_KIND_STRUCT);
    if (id < 0) return std::nullopt;
    const auto found = find_member(types_, static_cast<__u32>(id), member);
    if (!found && error_.empty()) error_ = fmt::format("struct {} has no member {} here", structure, member);
    return found;
  }

  void differs(const char* structure, const char* member) {
    if (error_.empty()) error_ = fmt::format("{} of struct {} is of another type here", member, structure);
  }

  template <typename Check>
  std::uint32_t offset_of(const char* structure, const char* member, Check check) {
    const auto found = member_of(structure, member);
    if (!found) return 0;
    const int resolved = btf__resolve_type(types_, found->type);
    if (resolved < 0 || !check(btf__type_by_id(types_, static_cast<__u32>(resolved)))) differs(structure, member);
    return found->offset;
  }

  const btf* types_;
  vqs_lock_path path_ = {};
  std::string error_;
};

// What a driver or an elevator has private, and the module that it may be in.
struct Owner {
  std::string_view name;
  const char* module;
  const char* structure;
  void (*build)(Builder&);
};

constexpr Owner kDrivers[] = {
    {"virtio_blk", "virtio_blk", "virtio_blk_vq",
     [](Builder& path) {
       path.follow("request_queue", "queuedata");
       path.follow("virtio_blk", "vqs", "virtio_blk_vq");
       path.lies_at(path.spinlock("virtio_blk_vq", "lock"), path.size_of("virtio_blk_vq"));
     }},
    // The driver's data lie behind the Scsi_Host.
    {"virtio_scsi", "virtio_scsi", "virtio_scsi_vq",
     [](Builder& path) {
       path.follow("request_queue", "queuedata");
       path.follow("scsi_device", "host", "Scsi_Host");
       path.lies_at(path.array("Scsi_Host", "hostdata", "") + path.array("virtio_scsi", "req_vqs", "virtio_scsi_vq") +
                        path.spinlock("virtio_scsi_vq", "vq_lock"),
                    path.size_of("virtio_scsi_vq"));
     }},
    {"nvme", "nvme", "nvme_queue",
     [](Builder& path) {
       path.lies_in_context();
       path.follow("blk_mq_hw_ctx", "driver_data");
       path.lies_at(path.spinlock("nvme_queue", "sq_lock"));
     }},
};

void to_elevator_data(Builder& path) {
  path.serves_whole_disk();
  path.follow("request_queue", "elevator", "elevator_queue");
  path.follow("elevator_queue", "elevator_data");
}

constexpr Owner kElevators[] = {
    {"mq-deadline", "mq_deadline", "deadline_data",
     [](Builder& path) {
       to_elevator_data(path);
       path.lies_at(path.spinlock("deadline_data", "lock"));
     }},
    {"bfq", "bfq", "bfq_data",
     [](Builder& path) {
       to_elevator_data(path);
       path.lies_at(path.spinlock("bfq_data", "lock"));
     }},
    {"kyber", "kyber_iosched", "kyber_hctx_data",
     [](Builder& path) {
       path.lies_in_context();
       path.follow("blk_mq_hw_ctx", "sched_data");
       path.lies_at(path.spinlock("kyber_hctx_data", "lock"));
     }},
};

Result<std::optional<vqs_lock_path>> find_of(std::span<const Owner> owners, const std::string& name, bool elevator,
                                             const btf* kernel, const ModuleTypes& module) {
  const auto owner = std::ranges::find(owners, name, &Owner::name);
  if (owner == owners.end()) return std::nullopt;
  const btf* types = kernel;
  if (btf__find_by_name_kind(kernel, owner->structure, BTF_KIND_STRUCT) < 0) types = module(owner->module);
  if (types == nullptr)
    return fail(
        fmt::format("neither this kernel's type information nor that of its modules has a struct {}", owner->structure),
        ENOENT);
  Builder path(types);
  owner->build(path);
  if (elevator) path.requires_elevator(name);
  return path.finish();
}

}  // namespace

Result<std::optional<vqs_lock_path>> find_lock_path(const Disk& disk, vqs_lock_kind kind, const btf* kernel,
                                                    const ModuleTypes& module) {
  if (kind == VQS_QUEUE_LOCK) return find_of(kDrivers, disk.driver, false, kernel, module);
  if (kind == VQS_ELEVATOR_LOCK) return find_of(kElevators, disk.scheduler, true, kernel, module);
  Builder path(kernel);
  path.lies_in_context();
  path.lies_at(path.spinlock("blk_mq_hw_ctx", "lock"));
  return path.finish();
}

}  // namespace vqscope
