// SPDX-License-Identifier: Apache-2.0
// What `vqscope doctor` says of readings: text, JSON, exit status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/doctor/layout.h"
#include "agent/doctor/report.h"
#include "agent/recording/reader.h"

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint64_t kSecond = 1'000'000'000;

// vda: one queue, two vCPUs, requests from both, interrupts on vCPU 1. `requests` in 10 s.
Reading reading(std::uint64_t seconds, std::uint64_t requests) {
  Reading result;
  result.topology.online_cpus = {0, 1};
  result.topology.possible_cpus = 2;
  result.topology.vmm = "qemu";
  Disk disk;
  disk.name = "vda";
  disk.driver = "virtio_blk";
  disk.transport = "virtio-pci";
  disk.bus_id = "0000:00:02.0";
  disk.scheduler = "none";
  disk.queues = {{0, {0, 1}, 128}};
  disk.interrupts = {{30, 0, "virtio1-req.0"}};
  disk.virtio = VirtioDevice{1, 0};
  result.topology.disks = {disk};
  result.probes = {{"block", true, "", {}}, {"irq", true, "", {}}};
  result.snapshot.time_ns = seconds * kSecond;
  DeviceSnapshot& device = result.snapshot.devices.emplace_back();
  device.name = "vda";
  device.instance = 1;
  QueueCounters& queue = device.queues.emplace().emplace_back();
  queue.origins = {{0, requests * 3 / 4, 0}, {requests / 4, 0, 0}};
  queue.inflight_ns = requests * 84'000;
  if (requests > 0) {
    queue.ops[VQS_READ].emplace().bytes = requests * 4096;
    queue.ops[VQS_READ]->device.set(60, requests);
    queue.ops[VQS_READ]->device.sum_ns = requests * 84'000;
  }
  device.vectors = {{{30, 0, "virtio1-req.0"}, {0, requests / 10}, {}}};
  return result;
}

Report report(std::uint64_t requests, std::optional<Platform> platform = Platform::kQemu) {
  return make_report(reading(10, 0), reading(20, requests), FullTime(), platform);
}

TEST(Doctor, StatusFollowsTheWorstFinding) {
  EXPECT_EQ(report(400'000).status, kCritical);
  EXPECT_EQ(report(40'000).status, kWarning);
  EXPECT_EQ(report(0).status, kCouldNotTell);
}

TEST(Doctor, CannotTellOfOneQueueBelowTheBusyRate) {
  const Report quiet = report(4'000);
  EXPECT_EQ(quiet.status, kCouldNotTell);
  ASSERT_EQ(quiet.untold.size(), 1U);
  EXPECT_EQ(quiet.untold[0].reason, "400 requests/s are too few to judge its one queue by");
}

TEST(Doctor, IsHealthyWhenAJudgedDiskHasNothingButInformation) {
  Reading first = reading(10, 0), last = reading(20, 4'000);
  for (Reading* end : {&first, &last}) end->topology.online_cpus = {0};
  EXPECT_EQ(make_report(first, last, FullTime(), {}).status, kHealthy);
}

TEST(Doctor, OneJudgedDiskIsEnoughToBeHealthy) {
  Reading first = reading(10, 0), last = reading(20, 4'000);
  for (Reading* end : {&first, &last}) {
    end->topology.online_cpus = {0};
    end->topology.disks.push_back(end->topology.disks[0]);
    end->topology.disks[1].name = "vdb";
    end->snapshot.devices.push_back(reading(10, 0).snapshot.devices[0]);
    end->snapshot.devices[1].name = "vdb";
  }
  const Report one_idle = make_report(first, last, FullTime(), {});
  EXPECT_EQ(one_idle.status, kHealthy);
  ASSERT_EQ(one_idle.untold.size(), 1U);
  EXPECT_EQ(one_idle.untold[0].device, "vdb");
  EXPECT_EQ(one_idle.untold[0].reason, "it was idle");
}

TEST(Doctor, TextNamesTheFindingTheEvidenceAndTheRemedy) {
  const std::string text = to_text(report(400'000), {});
  EXPECT_THAT(text, HasSubstr("CRITICAL  vda: All requests squeeze through one queue and interrupt one vCPU\n"));
  EXPECT_THAT(text, HasSubstr("  - 40,000 requests/s come from vCPU 0 (75 %), vCPU 1 (25 %).\n"));
  EXPECT_THAT(text, HasSubstr("[single_queue]"));
  EXPECT_THAT(text, HasSubstr("      -device virtio-blk-pci,drive=disk0,num-queues=2,iothread=iothread0\n"));
  EXPECT_THAT(text, HasSubstr("                 requests from      interrupts on\n"
                              "                vCPU 0  vCPU 1     vCPU 0  vCPU 1\n"
                              "  queue 0         75 %    25 %          .   100 %\n"));
  EXPECT_TRUE(text.ends_with("\nResult: critical\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(Doctor, ParagraphsKeepToTheWidth) {
  for (const std::size_t width : {60U, 80U, 100U}) {
    std::istringstream lines(to_text(report(400'000), {width, false}));
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with("      ")) {  // snippets are to be copied
        EXPECT_LE(line.size(), width) << line;
      }
  }
}

TEST(Doctor, ColoursOnlyWhenAsked) {
  EXPECT_THAT(to_text(report(400'000), {80, true}), HasSubstr("\x1b[1;31mCRITICAL\x1b[0m"));
}

TEST(Doctor, OnAnIdleDiskSaysHowToMakeLoad) {
  const std::string text = to_text(report(0), {});
  EXPECT_THAT(text, HasSubstr("Could not tell about vda: it was idle.\n"));
  EXPECT_THAT(text, HasSubstr("fio --name=load --readonly --rw=randread"));
  EXPECT_THAT(text, HasSubstr("--filename=/dev/vda --numjobs=2 --cpus_allowed=0,1"));
  EXPECT_THAT(text, Not(HasSubstr("What to do")));  // information needs no remedy
  EXPECT_TRUE(text.ends_with("Result: could not tell\n"));
}

TEST(Doctor, SaysWhenADiskWentAwayCameOrWasReplaced) {
  const auto notes = [](const char* before, std::uint64_t before_instance, const char* after, std::uint64_t instance) {
    Reading first = reading(10, 0), last = reading(20, 0);
    first.snapshot.devices[0].name = first.topology.disks[0].name = before;
    last.snapshot.devices[0].name = last.topology.disks[0].name = after;
    first.snapshot.devices[0].instance = before_instance;
    last.snapshot.devices[0].instance = instance;
    return make_report(first, last, FullTime(), {}).notes;
  };
  EXPECT_THAT(notes("vda", 1, "vda", 1), IsEmpty());
  EXPECT_THAT(notes("vda", 1, "vda", 2), ElementsAre("vda was replaced by another disk while it was watched."));
  EXPECT_THAT(notes("vda", 1, "vdb", 2),
              ElementsAre("vda went away while it was watched.",
                          "vdb came while the others were watched; run this again to judge it."));
}

TEST(Doctor, SaysWhyRequestsWereNotSeen) {
  Reading first = reading(10, 0), last = reading(20, 0);
  for (Reading* end : {&first, &last}) {
    end->snapshot.devices[0].queues.reset();
    end->probes = {{"block", false, "not permitted", {}}, {"irq", false, "no BTF", {}}};
  }
  const Report blind = make_report(first, last, FullTime(), {});
  EXPECT_EQ(blind.status, kCouldNotTell);
  ASSERT_EQ(blind.untold.size(), 1U);
  EXPECT_EQ(blind.untold[0].reason, "its requests could not be seen: not permitted");
  EXPECT_FALSE(blind.untold[0].idle);
  ASSERT_EQ(blind.notes.size(), 1U);
  EXPECT_THAT(blind.notes[0], HasSubstr("no BTF"));
  EXPECT_THAT(to_text(blind, {}), Not(HasSubstr("fio")));
}

TEST(Doctor, RemediesOfSeveralDisksAreGivenOnce) {
  Reading first = reading(10, 0), last = reading(20, 400'000);
  for (Reading* end : {&first, &last}) {
    end->topology.disks.push_back(end->topology.disks[0]);
    end->topology.disks[1].name = "vdb";
    end->snapshot.devices.push_back(end->snapshot.devices[0]);
    end->snapshot.devices[1].name = "vdb";
  }
  const std::string text = to_text(make_report(first, last, FullTime(), Platform::kQemu), {});
  EXPECT_THAT(text, HasSubstr("CRITICAL  vdb"));
  EXPECT_THAT(text, HasSubstr("The same for vdb."));
  const std::string snippet = "-device virtio-blk-pci,drive=disk0,num-queues=2,iothread=iothread0";
  EXPECT_EQ(text.find(snippet), text.rfind(snippet));
}

TEST(Doctor, JsonHasTheDocumentedKeys) {
  const auto json = nlohmann::json::parse(to_json(report(400'000)));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["result"], "critical");
  EXPECT_EQ(json["status"], 2);
  EXPECT_EQ(json["window_seconds"], 10.0);
  EXPECT_EQ(json["platforms"], nlohmann::json({"qemu"}));
  const auto& disk = json["disks"][0];
  EXPECT_EQ(disk["device"], "vda");
  EXPECT_EQ(disk["requests_per_second"], 40'000.0);
  EXPECT_EQ(disk["requests_by_cpu"], nlohmann::json({300'000, 100'000}));
  EXPECT_EQ(disk["interrupts_by_cpu"], nlohmann::json({0, 40'000}));
  EXPECT_EQ(disk["by_queue"][0]["interrupts_by_cpu"], nlohmann::json({0, 40'000}));
  EXPECT_EQ(disk["by_op"]["read"]["device_latency"]["count"], 400'000);
  EXPECT_FALSE(disk["by_op"].contains("write"));
  EXPECT_FALSE(disk.contains("oldest_inflight_seconds"));
  const auto& finding = json["findings"][0];
  EXPECT_EQ(finding["finding"], "single_queue");
  EXPECT_EQ(finding["severity"], "critical");
  EXPECT_EQ(finding["numbers"]["queues"], 1.0);
  EXPECT_FALSE(finding["evidence"].empty());
  EXPECT_THAT(finding["remedy"]["steps"][0]["snippet"].get<std::string>(), HasSubstr("num-queues=2"));
  EXPECT_TRUE(json["could_not_tell"].empty());
}

TEST(Doctor, JsonOfAnIdleDiskSaysThatItIsIdle) {
  const auto json = nlohmann::json::parse(to_json(report(0)));
  EXPECT_EQ(json["status"], 3);
  EXPECT_EQ(json["could_not_tell"][0]["device"], "vda");
  EXPECT_EQ(json["could_not_tell"][0]["idle"], true);
}

TEST(Doctor, FindsWithARunningAgentsReadingsWhatItFindsWithItsOwn) {
  Reading first = reading(10, 0), last = reading(20, 400'000);
  for (Reading* end : {&first, &last}) {
    end->topology.disks[0].facts = {1U << 12, 5, 2000, 64, 254};
    end->topology.guest = {{1}, {1, 0, 3}, "quiet virtio_blk.num_request_queues=1", "ovirt"};
  }
  last.snapshot.cpu_times = {{1'000, 0}, {1'000, 200}};
  first.snapshot.cpu_times = {{0, 0}, {0, 0}};
  const auto over_the_wire = [](const Reading& reading) {
    auto decoded = decode_recorded_snapshot(encode_recording({}, reading), "test");
    EXPECT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->reading.topology, reading.topology);
    EXPECT_EQ(decoded->reading.snapshot, reading.snapshot);
    return decoded->reading;
  };
  const Report own = make_report(first, last, FullTime(), {});
  EXPECT_EQ(to_json(make_report(over_the_wire(first), over_the_wire(last), FullTime(), {})), to_json(own));
  EXPECT_THAT(to_json(own), HasSubstr("guest_limits_queues"));
  EXPECT_THAT(to_json(own), HasSubstr("steal"));
}

TEST(Layout, WrapsAtWordsAndKeepsLongOnesWhole) {
  EXPECT_EQ(wrap("one two three", 9, "- ", "  "), "- one two\n  three\n");
  EXPECT_EQ(wrap("a-very-long-word b", 6, "", " "), "a-very-long-word\n b\n");
  EXPECT_EQ(wrap("", 80, "x: ", ""), "x: \n");
}

DiskDiagnosis many(std::size_t queues, std::size_t cpus) {
  DiskDiagnosis result;
  for (std::size_t q = 0; q < queues; ++q) {
    QueueLoad& queue = result.measured.queues.emplace_back();
    queue.submissions.resize(cpus);
    queue.interrupts.resize(cpus);
    queue.submissions[q % cpus] = queue.interrupts[q % cpus] = 100 - q;
  }
  result.measured.submissions.resize(cpus);
  for (const QueueLoad& queue : result.measured.queues)
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) result.measured.submissions[cpu] += queue.submissions[cpu];
  result.measured.interrupts = result.measured.submissions;
  return result;
}

TEST(Picture, OfManyCpusAndQueuesStaysSmall) {
  const std::string drawn = picture(many(64, 64), 80);
  std::istringstream lines(drawn);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_EQ(count, 2U + 16 + 1);
  EXPECT_THAT(drawn, HasSubstr("others"));
  EXPECT_THAT(drawn, HasSubstr("... and 48 quieter queues"));
}

TEST(Picture, OfNothingIsNone) { EXPECT_EQ(picture({}, 80), ""); }

TEST(Picture, LinesOfSeveralQueuesHaveTheirOwnRow) {
  DiskDiagnosis shared = many(2, 2);
  for (QueueLoad& queue : shared.measured.queues) queue.interrupts = {0, 0};
  shared.measured.interrupts = {50, 0};
  EXPECT_THAT(picture(shared, 80), HasSubstr("several            .       .      100 %       .\n"));
}

}  // namespace
}  // namespace vqscope
