// SPDX-License-Identifier: Apache-2.0
// What remedies tell people to do, held to the rule of remedies.h for every remedy on every platform and kind of disk.
#include "agent/diagnosis/remedies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/base/text.h"
#include "tests/unit/disk_kinds.h"

namespace vqscope {
namespace {

using test::disks_of_every_kind;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kFirst = static_cast<int>(Remedy::kMoreQueues), kLast = static_cast<int>(Remedy::kIndirectDescriptors);

// What the tools refuse as long as it stands there (remedies_test.py tries it on those that there are).
constexpr const char* kPlaceholders[] = {
    "PRESENT-OPTIONS", "PRESENT-ATTRIBUTES", "PRESENT-FIELDS", "PRESENT-NAME", "IOTHREAD-ID", "VMID", "DOMAIN",
    "ENGINE",          "NAMESPACE",          "SERVER-ID"};

// Commands that only read.
constexpr const char* kLooks[] = {"cat ",
                                  "top -H ",
                                  "grep ",
                                  "dmesg ",
                                  "lsinitramfs ",
                                  "info ",  // QEMU's monitor
                                  "virsh iothreadinfo ",
                                  "virsh dumpxml ",
                                  "virsh schedinfo DOMAIN",
                                  "virsh vcpupin DOMAIN",
                                  "virsh emulatorpin DOMAIN",
                                  "virsh domstate ",
                                  "virsh domblkerror ",
                                  "virsh domstats ",
                                  "qm config ",
                                  "qm status ",
                                  "pvesm status",
                                  "kubectl get ",
                                  "kubectl describe ",
                                  "openstack server show ",
                                  "openstack volume list",
                                  "nova-manage libvirt get_machine_type ",
                                  "curl --cacert CA-FILE -u USER@PROFILE https://",
                                  "curl --unix-socket API-SOCKET http://"};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

template <typename Check>
void for_every_step(Check check) {
  for (const auto& [kind, topology] : disks_of_every_kind())
    for (int remedy = kFirst; remedy <= kLast; ++remedy)
      for (const Platform platform : kPlatforms) {
        const Instructions instructions =
            instructions_for(static_cast<Remedy>(remedy), &topology.disks[0], topology, {platform});
        EXPECT_FALSE(instructions.summary.empty());
        EXPECT_FALSE(instructions.steps.empty());
        for (const Step& step : instructions.steps) {
          SCOPED_TRACE(kind + ", remedy " + std::to_string(remedy) + ", " + std::string(name_of(platform)) + ": " +
                       step.text + "\n" + step.snippet);
          check(step, kind);
        }
      }
}

std::string all_of(Remedy remedy, const Topology& topology, Platform platform) {
  const Instructions instructions = instructions_for(remedy, &topology.disks[0], topology, {platform});
  std::string all = instructions.summary + "\n";
  for (const Step& step : instructions.steps) all += step.where + ": " + step.text + "\n" + step.snippet + "\n";
  return all;
}

Topology guest(std::string_view kind) {
  for (auto& [name, topology] : disks_of_every_kind())
    if (name == kind) return topology;
  throw std::runtime_error("no such kind of disk");
}

bool can_be_set(const Topology& topology, std::optional<Platform> platform = std::nullopt) {
  return queues_can_be_set(DiskEvidence{topology, topology.disks[0], Measured{}, platform});
}

TEST(Remedies, HaveStepsOnEveryPlatformThatSaySomething) {
  for_every_step([](const Step& step, const std::string&) {
    EXPECT_FALSE(step.where.empty());
    EXPECT_FALSE(step.text.empty());
  });
}

TEST(Remedies, StateNothingThatAGuestCannotKnow) {
  for_every_step([](const Step& step, const std::string&) {
    if (!step.caution) return;
    std::string lower = step.snippet;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    for (const char* unknown :
         {"unsafe",     "cache",        "aio",      "format",  "raw",       "qcow",      "type=",
          "/path",      "path_on",      "file=",    "-drive",  "-blockdev", "<disk ",    "<source",
          "discard",    "backup",       "serial",   "is_root", "read_only", "bootindex", "machine q35",
          "machine pc", "vm-vmid-disk", "storage:", "/dev/"})
      EXPECT_FALSE(contains(lower, unknown)) << unknown;
    // A size is that of a ring.
    for (std::size_t at = lower.find("size"); at != std::string::npos; at = lower.find("size", at + 1))
      EXPECT_THAT(lower.substr(0, at), AnyOf(EndsWith("queue-"), EndsWith("queue_"), EndsWith("msix_q")));
  });
}

TEST(Remedies, SayOfEveryChangeWhatToCheckWhatItInterruptsHowToGoBackAndWhatIsAtRisk) {
  for_every_step([](const Step& step, const std::string&) {
    if (!step.caution) return;
    for (const std::string& sentence :
         {step.caution->check_first, step.caution->interrupts, step.caution->undo, step.caution->risk})
      EXPECT_FALSE(sentence.empty());
  });
}

TEST(Remedies, WithoutACautionOnlyLook) {
  for_every_step([](const Step& step, const std::string&) {
    if (step.caution) return;
    EXPECT_FALSE(contains(step.snippet, ">"));
    for (std::string_view line : split(step.snippet, "\n"))
      EXPECT_TRUE(std::any_of(std::begin(kLooks), std::end(kLooks), [&](std::string_view look) {
        return line.starts_with(look);
      })) << line;
  });
}

TEST(Remedies, LeaveOpenOutsideTheGuestWhatOnlyItsAdministratorKnows) {
  for_every_step([](const Step& step, const std::string&) {
    if (!step.caution || step.snippet.empty()) return;
    const bool open = std::any_of(std::begin(kPlaceholders), std::end(kPlaceholders),
                                  [&](const char* word) { return contains(step.snippet, word); });
    EXPECT_EQ(open, step.where != "In this guest");
    EXPECT_FALSE(contains(step.snippet, "<PRESENT"));  // that would be a redirection to a shell
  });
}

TEST(Remedies, AddOneOptionToThoseThatThereAre) {
  for_every_step([](const Step& step, const std::string&) {
    for (const std::string_view mark : {"PRESENT-OPTIONS,", "PRESENT-ATTRIBUTES "}) {
      const std::size_t at = step.snippet.find(mark);
      if (at == std::string::npos || contains(step.snippet, "iothread-vq-mapping")) continue;
      std::string added = step.snippet.substr(at + mark.size());
      added = added.substr(0, added.find_first_of(" \n"));
      EXPECT_EQ(std::count(added.begin(), added.end(), '='), 1) << added;
      EXPECT_FALSE(contains(added, ",")) << added;
    }
  });
}

TEST(Remedies, AttachNoVolumeASecondTime) {
  for_every_step([](const Step& step, const std::string& kind) {
    for (const std::string_view bus : {"virtio", "scsi"}) {
      const std::size_t attaches = step.snippet.find("--" + std::string(bus) + "N ");
      if (attaches == std::string::npos) continue;
      const bool there = kind.starts_with(bus == "scsi" ? "virtio-scsi" : "virtio-blk");
      // On the bus where it is, its line is set anew; on another it has to be taken off the old one before.
      EXPECT_TRUE(there || contains(step.snippet.substr(0, attaches), "--delete PRESENT-DISK &&\n"));
    }
  });
}

TEST(Remedies, NeverUnbindTheDriverOfADisk) {
  for_every_step([](const Step& step, const std::string&) {
    EXPECT_FALSE(contains(step.snippet, "bind"));
    EXPECT_THAT(step.text, Not(HasSubstr("ind the driver anew")));
  });
}

TEST(Remedies, OverwriteNoFileOfTheGuest) {
  for_every_step([](const Step& step, const std::string&) {
    EXPECT_EQ(contains(step.snippet, "> /etc"), step.snippet.starts_with("(set -C; "));
  });
}

TEST(Remedies, AreFilledInWithTheRealNumbers) {
  Topology topology = guest("virtio-blk");
  topology.online_cpus = {0, 1, 2, 3, 4, 5};
  topology.possible_cpus = 8;
  const auto steps = [&](Platform platform) { return all_of(Remedy::kMoreQueues, topology, platform); };
  EXPECT_THAT(steps(Platform::kQemu), HasSubstr("\n-device PRESENT-OPTIONS,num-queues=6\n"));
  EXPECT_THAT(steps(Platform::kQemu), HasSubstr("Give vda 6 queues, one for each vCPU"));
  EXPECT_THAT(steps(Platform::kLibvirt), HasSubstr("\n<driver PRESENT-ATTRIBUTES queues='6'/>\n"));
  EXPECT_THAT(steps(Platform::kProxmox), HasSubstr("queues=6"));
  EXPECT_THAT(steps(Platform::kOvirt), HasSubstr("<virtio_scsi_multi_queues>6</virtio_scsi_multi_queues>"));
  EXPECT_THAT(steps(Platform::kCloudHypervisor), HasSubstr("\n--disk PRESENT-OPTIONS,num_queues=6\n"));
  topology.disks[0].virtio = VirtioDevice{1, 2};
  EXPECT_THAT(steps(Platform::kQemu), HasSubstr("\n-device PRESENT-OPTIONS,num_queues=6\n"));
  EXPECT_THAT(steps(Platform::kProxmox), HasSubstr("\nqm set VMID --scsiN PRESENT-OPTIONS,queues=6\n"));
  topology.disks[0].driver = "nvme";
  EXPECT_THAT(steps(Platform::kQemu), HasSubstr("max_ioqpairs=6"));
}

TEST(Remedies, CountTheVectorsThatADeviceNeeds) {
  const auto vectors = [&](const char* kind) { return all_of(Remedy::kMoreVectors, guest(kind), Platform::kQemu); };
  EXPECT_THAT(vectors("virtio-blk, 4 queues"), HasSubstr("PRESENT-OPTIONS,vectors=5"));
  EXPECT_THAT(vectors("virtio-scsi, 4 queues"), HasSubstr("PRESENT-OPTIONS,vectors=7"));
  EXPECT_THAT(vectors("nvme"), HasSubstr("PRESENT-OPTIONS,msix_qsize=5")) << "for a queue for each of 4 vCPUs";
  EXPECT_THAT(vectors("virtio-blk, MMIO"), Not(HasSubstr("vectors=")));
}

TEST(Remedies, GiveQemusNvmeAVectorForEachQueueToo) {
  Topology topology = guest("nvme");
  const auto steps = [&](std::uint32_t cpus, std::optional<std::uint32_t> vectors, Remedy remedy) {
    topology.online_cpus.resize(cpus);
    topology.disks[0].facts.msix_vectors = vectors;
    std::string text;
    for (const Step& step : instructions_for(remedy, &topology.disks[0], topology, {Platform::kQemu}).steps)
      text += step.snippet.substr(step.snippet.find(',') + 1) + " ";
    return text;
  };
  EXPECT_EQ(steps(8, 65, Remedy::kMoreQueues), "max_ioqpairs=8 ");
  EXPECT_EQ(steps(64, std::nullopt, Remedy::kMoreQueues), "max_ioqpairs=64 ");
  EXPECT_EQ(steps(48, 33, Remedy::kMoreQueues), "msix_qsize=49 max_ioqpairs=48 ");
  EXPECT_EQ(steps(128, 65, Remedy::kMoreQueues), "msix_qsize=129 max_ioqpairs=128 ");
  EXPECT_EQ(steps(128, std::nullopt, Remedy::kMoreQueues), "msix_qsize=129 max_ioqpairs=128 ");
  EXPECT_EQ(steps(128, 129, Remedy::kMoreQueues), "max_ioqpairs=128 ");
  EXPECT_EQ(steps(8, 1, Remedy::kMoreVectors), "msix_qsize=9 ");
  EXPECT_EQ(steps(128, 1, Remedy::kMoreVectors), "msix_qsize=129 max_ioqpairs=128 ");
  EXPECT_THAT(all_of(Remedy::kMoreQueues, topology, Platform::kQemu), Not(HasSubstr("take that away")));
}

TEST(Remedies, OfABootParameterNameEveryBootLoader) {
  Topology topology = guest("virtio-blk");
  topology.disks[0].facts.msix_vectors = 1;
  for (const Remedy remedy : {Remedy::kLiftGuestLimit, Remedy::kUseMsi})
    for (const char* tool :
         {"update-grub (Debian", "grub2-mkconfig -o /boot/grub2/grub.cfg (SUSE)", "(Arch)", "grubby"})
      EXPECT_THAT(all_of(remedy, topology, Platform::kQemu), HasSubstr(tool));
}

TEST(Remedies, OfferALongerQueueOnlyWhereThereIsASettingForIt) {
  const auto summary = [](Platform platform) {
    const Topology topology = guest("virtio-blk");
    return instructions_for(Remedy::kDeepenQueue, &topology.disks[0], topology, {platform}).summary;
  };
  EXPECT_THAT(summary(Platform::kQemu), HasSubstr("If it falls, lengthen the queue on the host"));
  EXPECT_THAT(summary(Platform::kFirecracker), HasSubstr("no setting of the host makes it longer"));
}

TEST(Remedies, ForARingWithoutRoomBeginWithWhatTellsWhetherItIsTheRing) {
  const Topology topology = guest("virtio-blk");
  const auto of = [&](Platform platform) {
    return instructions_for(Remedy::kMakeRoom, &topology.disks[0], topology, {platform});
  };
  EXPECT_EQ(of(Platform::kQemu).steps[0].snippet, "echo 64 > /sys/block/vda/queue/max_sectors_kb");
  EXPECT_THAT(of(Platform::kQemu).summary, HasSubstr("If they rise, lengthen the queue on the host"));
  EXPECT_THAT(of(Platform::kFirecracker).summary, HasSubstr("If they rise, leave it so"));
}

// The kernel changes these with what the step changes.
TEST(Remedies, GoBackToAllThatAStepChanges) {
  Topology topology = guest("virtio-blk");
  topology.disks[0].scheduler = "mq-deadline";
  const auto cautions = [&](Remedy remedy) {
    std::vector<Caution> found;
    for (const Step& step : instructions_for(remedy, &topology.disks[0], topology, {Platform::kQemu}).steps)
      if (step.caution && step.snippet.starts_with("echo ")) found.push_back(*step.caution);
    return found;
  };
  const auto smaller = cautions(Remedy::kMakeRoom);
  ASSERT_EQ(smaller.size(), 1U);
  EXPECT_THAT(smaller[0].check_first, HasSubstr("/sys/block/vda/queue/read_ahead_kb"));
  EXPECT_THAT(smaller[0].undo, HasSubstr("/sys/block/vda/queue/read_ahead_kb"));
  const auto elevators = cautions(Remedy::kSpareElevatorLock);
  ASSERT_EQ(elevators.size(), 2U);
  for (const Caution& caution : elevators) {
    EXPECT_THAT(caution.check_first, HasSubstr("grep . /sys/block/vda/queue/scheduler /sys/block/vda/queue/nr_requests "
                                               "/sys/block/vda/queue/iosched/*: "));
    EXPECT_THAT(caution.undo,
                HasSubstr("echo mq-deadline > /sys/block/vda/queue/scheduler, and echo what nr_requests"));
  }
}

TEST(Remedies, SayHonestlyThatFirecrackerHasOneQueue) {
  const Topology topology = guest("virtio-blk, MMIO");
  const Instructions instructions =
      instructions_for(Remedy::kMoreQueues, &topology.disks[0], topology, {Platform::kFirecracker});
  EXPECT_EQ(instructions.summary, "Firecracker cannot give vda more than one queue.");
  ASSERT_EQ(instructions.steps.size(), 1U);
  EXPECT_THAT(instructions.steps[0].text, HasSubstr("Nothing can be mended here"));
  EXPECT_THAT(instructions.steps[0].text, HasSubstr("unless your version offers num_queues"));
  EXPECT_EQ(instructions.steps[0].snippet, "");
}

TEST(Remedies, ChangeOfAFirecrackerDriveTheEngineAlone) {
  EXPECT_THAT(all_of(Remedy::kHostIo, guest("virtio-blk, MMIO"), Platform::kFirecracker),
              HasSubstr("\n{PRESENT-FIELDS, \"io_engine\": \"Async\"}\n"));
}

TEST(Remedies, AreThoseOfWhatManagesTheGuest) {
  for (int remedy = kFirst; remedy <= kLast; ++remedy)
    for (const Platform platform : {Platform::kKubevirt, Platform::kOpenStack, Platform::kOvirt, Platform::kProxmox})
      for (const auto& [kind, topology] : disks_of_every_kind())
        EXPECT_THAT(all_of(static_cast<Remedy>(remedy), topology, platform), Not(HasSubstr("virsh"))) << kind;
  EXPECT_THAT(all_of(Remedy::kMoreQueues, guest("virtio-blk"), Platform::kKubevirt),
              HasSubstr(R"({"spec": {"template": {"spec": {"domain": {"devices": {"blockMultiQueue": true}}}}}})"));
}

TEST(Remedies, MoveAnEmulatedAdapterByItsController) {
  for (const Remedy remedy : {Remedy::kUseVirtio, Remedy::kMoreQueues}) {
    const std::string text = all_of(remedy, guest("emulated scsi"), Platform::kProxmox);
    EXPECT_THAT(text, HasSubstr("\nqm set VMID --scsihw virtio-scsi-single\n"));
    EXPECT_THAT(text, HasSubstr("all SCSI disks of the machine"));
    EXPECT_THAT(text, Not(HasSubstr("PRESENT-OPTIONS")));
    EXPECT_THAT(all_of(remedy, guest("sata"), Platform::kProxmox), HasSubstr("--virtioN PRESENT-OPTIONS &&"));
    EXPECT_THAT(all_of(remedy, guest("emulated scsi"), Platform::kQemu),
                HasSubstr("-device virtio-scsi-pci,PRESENT-OPTIONS"));
    EXPECT_THAT(all_of(remedy, guest("emulated scsi"), Platform::kLibvirt), HasSubstr("model='virtio-scsi'"));
  }
}

// What the first lines of a report say and what the steps say is the same.
TEST(Remedies, PromiseNoQueuesWhereNoSettingGivesThem) {
  const auto in_short = [](const char* kind, Platform platform) {
    const Topology topology = guest(kind);
    return instructions_for(Remedy::kMoreQueues, &topology.disks[0], topology, {platform}).in_short;
  };
  EXPECT_EQ(in_short("virtio-blk", Platform::kQemu), "give it a queue for each vCPU, on the host");
  EXPECT_EQ(in_short("virtio-scsi", Platform::kKubevirt), "give it a queue for each vCPU, on the host");
  EXPECT_EQ(in_short("nvme", Platform::kProxmox), "nothing: no setting gives it more queues");
  EXPECT_EQ(in_short("virtio-blk", Platform::kFirecracker), "nothing: Firecracker gives a disk one queue only");
  Topology cloud = guest("virtio-blk");
  cloud.vmm = "amazon-ec2";
  EXPECT_EQ(instructions_for(Remedy::kMoreQueues, &cloud.disks[0], cloud, {}).in_short,
            "ask whoever runs the host for more queues");
  EXPECT_FALSE(can_be_set(cloud));
  EXPECT_TRUE(can_be_set(cloud, Platform::kQemu)) << "as asked for";
  EXPECT_TRUE(can_be_set(guest("virtio-blk")));
}

TEST(Remedies, AreNoneForADriveThatIsPassedThrough) {
  Topology topology = guest("nvme");
  EXPECT_TRUE(can_be_set(topology)) << "as far as is known, QEMU's own";
  topology.disks[0].facts.pci_id = 0x1b36'0010;
  EXPECT_TRUE(can_be_set(topology));
  topology.disks[0].facts.pci_id = 0x144d'a80a;
  EXPECT_FALSE(can_be_set(topology));
}

TEST(Remedies, WithoutAPlatformNameTheProvider) {
  const Topology topology = guest("virtio-blk");
  const Instructions cloud = instructions_for(Remedy::kMoreQueues, &topology.disks[0], topology, {});
  ASSERT_EQ(cloud.steps.size(), 1U);
  EXPECT_EQ(cloud.steps[0].where, "Your provider, or whoever runs the host");
}

}  // namespace
}  // namespace vqscope
