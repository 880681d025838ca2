// SPDX-License-Identifier: Apache-2.0
// What `vqscope doctor` says of readings: text, JSON, exit status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "agent/base/wrap.h"
#include "agent/commands/doctor/layout.h"
#include "agent/commands/doctor/report.h"
#include "agent/recording/reader.h"
#include "tests/unit/disk_case.h"

namespace vqscope {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::uint64_t kSecond = 1'000'000'000;

// vda: one queue, two vCPUs, requests from both, interrupts on vCPU 1, completions that take most of a request's time.
// `requests` in 10 s.
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
  queue.inflight_ns = queue.device_ns = requests * 84'000;
  if (requests > 0) queue.delay = {requests / 4 * 60'000, requests * 3 / 4 * 60'000};
  if (requests > 0) {
    queue.ops[VQS_READ].emplace().bytes = requests * 4096;
    queue.ops[VQS_READ]->device.set(60, requests);
    queue.ops[VQS_READ]->device.sum_ns = requests * 84'000;
  }
  device.vectors = {{{30, 0, "virtio1-req.0"}, {0, requests / 10}, {}}};
  device.locks = {{"queue", 0, 0, 0, {}}};
  return result;
}

Report report(std::uint64_t requests, std::optional<Platform> platform = Platform::kQemu) {
  return make_report(reading(10, 0), reading(20, requests), Course(), {platform});
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

TEST(Doctor, FewRequestsThatAreJudgedAreNotCalledTooFew) {
  Reading last = reading(20, 500);  // 50 a second, 160 ms each
  QueueCounters& queue = last.snapshot.devices[0].queues->front();
  queue.inflight_ns = queue.device_ns = 80 * kSecond;
  queue.ops[VQS_READ]->device = {};
  test::Case::add(queue.ops[VQS_READ]->device, 0.16, 500);
  const Report slow = make_report(reading(10, 0), last, Course(), {});
  EXPECT_EQ(slow.status, kWarning);
  EXPECT_THAT(slow.untold, IsEmpty());
  EXPECT_THAT(to_text(slow, {}), AllOf(HasSubstr("[slow_at_device]"), Not(HasSubstr("too few to judge"))));
}

TEST(Doctor, IsHealthyWhenAJudgedDiskHasNothingButInformation) {
  Reading first = reading(10, 0), last = reading(20, 4'000);
  for (Reading* end : {&first, &last}) end->topology.online_cpus = {0};
  EXPECT_EQ(make_report(first, last, Course(), {}).status, kHealthy);
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
  const Report one_idle = make_report(first, last, Course(), {});
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
  EXPECT_THAT(text, HasSubstr("      -device PRESENT-OPTIONS,num-queues=2\n"));
  for (const char* label : {"Check first: ", "Interrupts: ", "To go back: ", "At risk: "})
    EXPECT_THAT(text, HasSubstr("\n    " + std::string(label)));
  EXPECT_THAT(text, HasSubstr("              requests from vCPU   interrupts on vCPU\n"
                              "                        0      1             0      1\n"
                              "  queue 0            75 %   25 %             .  100 %\n"));
  EXPECT_TRUE(text.ends_with("\nMore about a finding: vqscope explain single_queue\nResult: critical\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(Doctor, TheVerdictComesFirst) {
  EXPECT_THAT(to_text(report(400'000), {}),
              StartsWith("CRITICAL  vda: All requests squeeze through one queue and interrupt one vCPU\n"
                         "What to do: "));
  Reading first = reading(10, 0), last = reading(20, 4'000);
  for (Reading* end : {&first, &last}) end->topology.online_cpus = {0};
  EXPECT_THAT(to_text(make_report(first, last, Course(), {}), {}),
              StartsWith("HEALTHY  Nothing is wrong that shows under this load on vda (400 requests/s).\n"
                         "If it is slow at other times, run this again then.\n\n"));
  EXPECT_THAT(to_text(report(0), {}), StartsWith("COULD NOT TELL  vda: it was idle.\nRun it again under the load "));
}

TEST(Doctor, TheVerdictIsAboutWhatSomethingCanBeDoneAboutAmongEquals) {
  Reading first = reading(10, 0), last = reading(20, 400'000);
  for (Reading* end : {&first, &last}) end->topology.vmm = "firecracker";
  QueueCounters& queue = last.snapshot.devices[0].queues->front();
  queue.requeues = 100'000;
  queue.queue_ns = 400'000ULL * 90'000;
  queue.ops[VQS_READ]->queue.set(60, 400'000);
  queue.ops[VQS_READ]->queue.sum_ns = queue.queue_ns;
  const std::string text = to_text(make_report(first, last, Course(), {}), {});
  EXPECT_THAT(text, StartsWith("WARNING  vda: The driver pushes requests back\n"));
  EXPECT_THAT(text, HasSubstr("(1 more below)\n"));
  EXPECT_THAT(text, HasSubstr("WARNING  vda: All requests squeeze through one queue"));
  EXPECT_THAT(text, HasSubstr("\nMore about a finding: vqscope explain requeues\n"));
}

TEST(Doctor, TheVerdictHasTwoLinesForEveryFindingAndEveryRemedy) {
  constexpr std::size_t kColumns = 80;
  for (const FindingKind& kind : finding_kinds())
    EXPECT_LE(std::string("CRITICAL  nvme0n1: ").size() + kind.title.size(), kColumns) << kind.id;
  for (int remedy = 0; remedy <= static_cast<int>(Remedy::kIndirectDescriptors); ++remedy)
    for (const auto& platforms : {std::vector<Platform>{}, {Platform::kFirecracker}, {Platform::kQemu}}) {
      const Reading guest = reading(1, 0);
      const std::string words =
          instructions_for(static_cast<Remedy>(remedy), &guest.topology.disks[0], guest.topology, platforms).in_short;
      EXPECT_LE(std::string("What to do: . (19 more below)").size() + words.size(), kColumns) << words;
      EXPECT_EQ(words.empty(), remedy == 0);
    }
  std::istringstream lines(to_text(report(400'000), {kColumns, false}));
  std::string what, next, blank;
  std::getline(std::getline(std::getline(lines, what), next), blank);
  EXPECT_EQ(blank, "");
}

TEST(Doctor, NothingOfTheVerdictIsCutOff) {
  Report long_report = report(400'000);
  const std::string name = long_report.diagnosis.findings[0].device = "a-name-that-is-much-longer-than-those-of-disks";
  const std::string text = to_text(long_report, {60, false});
  EXPECT_THAT(text, StartsWith("CRITICAL  " + name));
  EXPECT_THAT(text.substr(0, text.find("\n\n")), HasSubstr("interrupt one\n  vCPU\nWhat to do: "));
}

TEST(Doctor, ShowsHowToMakeLoadOnlyWhereThatWouldTellMore) {
  EXPECT_THAT(to_text(report(0), {}), HasSubstr("fio"));
  Reading first = reading(10, 0), last = reading(20, 20);
  last.snapshot.devices[0].queues->front().ops[VQS_READ]->errors = 3;
  const Report broken = make_report(first, last, Course(), {});
  EXPECT_EQ(broken.status, kCritical);
  EXPECT_FALSE(broken.untold.empty());
  EXPECT_THAT(to_text(broken, {}), Not(HasSubstr("fio")));
  EXPECT_THAT(to_markdown(broken), Not(HasSubstr("fio")));
}

// What a person without rights sees at once: nothing was measured, and both readings are one.
Report unmeasured() {
  Reading only = reading(10, 0);
  only.topology.disks[0].facts.virtio_features = 0;
  only.topology.disks[0].facts.msix_vectors = 2;
  only.snapshot.devices[0].queues.reset();
  only.probes = {{"block", false, "not permitted", {}}, {"irq", false, "not permitted", {}}};
  return make_report(only, only, Course(), {{}, true, false, {}});
}

TEST(Doctor, WithoutRightsSaysSoAndTellsWhatTheSettingsShow) {
  const Report report = unmeasured();
  EXPECT_EQ(report.status, kCouldNotTell);
  EXPECT_EQ(report.result, "could not tell");
  const std::string text = to_text(report, {});
  EXPECT_THAT(text, StartsWith("COULD NOT TELL  Without rights, only how the disks are set up can be told.\n"
                               "Run it as root, or with CAP_BPF and CAP_PERFMON: sudo vqscope doctor\n\n"
                               "Nothing was measured. How 1 disk and 2 online vCPUs are set up, from sysfs:\n"));
  EXPECT_THAT(text, HasSubstr("  1 queue for 2 online vCPUs, 128 requests each; 2 MSI-X vectors; multiqueue\n"
                              "    off, indirect descriptors off\n"));
  EXPECT_THAT(text, HasSubstr("INFO  vda: The disk has fewer queues than there are vCPUs\n"));
  EXPECT_THAT(text, HasSubstr("INFO  vda: The virtio ring works without indirect descriptors\n"));
  EXPECT_THAT(text, Not(HasSubstr("requests/s")));
  EXPECT_THAT(text, Not(HasSubstr("fio")));
}

TEST(Doctor, IdleIsNoAlarmWhereThatIsAskedFor) {
  const Report idle = make_report(reading(10, 0), reading(20, 0), Course(), {{}, true, true, {}});
  EXPECT_EQ(idle.status, kHealthy);
  EXPECT_EQ(idle.result, "idle");
  EXPECT_THAT(to_text(idle, {}), StartsWith("IDLE  vda: it was idle.\n"));
  EXPECT_TRUE(to_text(idle, {}).ends_with("Result: idle\n"));
  // Requests that could not be seen are another matter, and so is what is wrong.
  Reading first = reading(10, 0), last = reading(20, 0);
  for (Reading* end : {&first, &last}) end->snapshot.devices[0].queues.reset();
  EXPECT_EQ(make_report(first, last, Course(), {{}, true, true, {}}).status, kCouldNotTell);
  EXPECT_EQ(make_report(reading(10, 0), reading(20, 400'000), Course(), {{}, true, true, {}}).status, kCritical);
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

TEST(Doctor, LinesOfADiskWithLongNamesAndManyQueuesKeepToTheWidth) {
  Reading first = reading(10, 0), last = reading(20, 400'000);
  for (Reading* end : {&first, &last}) {
    Disk& disk = end->topology.disks[0];
    disk.name = "nvme10c10n100";
    disk.bus_id = "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0";
    disk.scheduler = "mq-deadline";
    disk.facts.msix_vectors = 65;
    end->snapshot.devices[0].name = disk.name;
    end->topology.online_cpus.resize(128);
    std::iota(end->topology.online_cpus.begin(), end->topology.online_cpus.end(), 0U);
    QueueCounters& queue = end->snapshot.devices[0].queues->front();
    queue.origins.resize(128, {end == &last ? 1'000U : 0U, 0, 0});
    end->snapshot.devices[0].vectors[0].per_cpu.resize(128, end == &last ? 100 : 0);
  }
  for (const std::size_t width : {60U, 80U}) {
    for (const Report& long_report :
         {make_report(first, last, Course(), {}), make_report(first, first, Course(), {})}) {
      std::istringstream lines(to_text(long_report, {width, false}));
      for (std::string line; std::getline(lines, line);)
        if (!line.starts_with("      ") && line.find("/sys/devices") == std::string::npos) {
          EXPECT_LE(line.size(), width) << line;
        }
    }
  }
}

TEST(Doctor, MarkdownIsForATicket) {
  const std::string text = to_markdown(report(400'000));
  EXPECT_THAT(
      text, StartsWith("# vqscope doctor: critical\n\n**vda: All requests squeeze through one queue and interrupt one "
                       "vCPU**\n\nWhat to do: "));
  EXPECT_THAT(text, HasSubstr("\n## vda\n\n- virtio\\_blk, virtio-pci, 0000:00:02.0, elevator none\n"));
  EXPECT_THAT(text, HasSubstr("\n### critical: vda: All requests"));
  EXPECT_THAT(text, HasSubstr("\n- 40,000 requests/s come from vCPU 0 (75 %), vCPU 1 (25 %).\n"));
  EXPECT_THAT(text, HasSubstr("(`single_queue`)"));
  EXPECT_THAT(text, HasSubstr("\n## What to do\n\n### For `single_queue`"));
  EXPECT_THAT(text, HasSubstr("num-queues=2"));
  std::size_t fences = 0;
  for (std::size_t at = text.find("```"); at != std::string::npos; at = text.find("```", at + 3)) ++fences;
  EXPECT_EQ(fences % 2, 0U);
  EXPECT_GE(fences, 4U);
  EXPECT_THAT(to_markdown(report(0)), HasSubstr("fio --name=load --readonly"));
}

TEST(Doctor, MarkdownTellsWhereWhenAndWithWhatItWasMeasured) {
  RecordingHeader header;
  header.vqscope_version = "0.1.0";
  header.kernel_release = "6.12.1-amd64";
  header.machine = "x86_64";
  header.started_realtime_ns = 1'763'820'000ULL * kSecond;
  ReportOptions options;
  options.origin = {"db_1", header};
  const Report measured = make_report(reading(10, 0), reading(20, 400'000), Course(), options);
  EXPECT_THAT(to_markdown(measured), HasSubstr("\n- Host: db\\_1, Linux 6.12.1-amd64 (x86\\_64)\n"
                                               "- Window: 2025-11-22 14:00:00 to 2025-11-22 14:00:10 UTC (10 s)\n"
                                               "- Measured by: vqscope 0.1.0\n\n"));
  const auto origin = nlohmann::json::parse(to_json(measured))["origin"];
  EXPECT_EQ(origin["place"], "db_1");
  EXPECT_EQ(origin["kernel_release"], "6.12.1-amd64");
  EXPECT_EQ(origin["started_unix_seconds"], 1'763'820'000.0);
  options.permitted = false;
  EXPECT_THAT(to_markdown(make_report(reading(10, 0), reading(10, 0), Course(), options)),
              HasSubstr("\n- Read at 2025-11-22 14:00:00 UTC\n"));
}

TEST(Doctor, TellsOfACpuThatHadNoTimeToSpare) {
  Reading first = reading(10, 0), last = reading(20, 4'000);
  for (Reading* end : {&first, &last}) end->topology.online_cpus = {0};
  const auto report_of = [&](std::vector<CpuLoad> full) {
    ReportOptions options;
    options.full_cpus = std::move(full);
    return make_report(first, last, Course(), options);
  };
  const auto text = [&](std::vector<CpuLoad> full) { return to_text(report_of(std::move(full)), {200, false}); };
  const std::string busy = text({{1, 0.96, 0.03}});
  EXPECT_THAT(busy, StartsWith("HEALTHY"));
  EXPECT_THAT(busy, HasSubstr("If it is slow now, its programs may wait for vCPUs, not for disks (see below).\n"));
  EXPECT_THAT(busy, HasSubstr("1 online vCPU. vCPU 1 was busy for 96 % of the time, and ready to run for 3 % while the "
                              "host ran something else.\n"));
  EXPECT_THAT(text({{1, 1, 0}}), HasSubstr("vCPU 1 was busy for 100 % of the time.\n"));
  EXPECT_THAT(text({{0, 1, 0}, {1, 1, 0}}), HasSubstr("vCPUs 0-1 had no more than 5 % of the time to spare.\n"));
  EXPECT_THAT(text({}), HasSubstr("1 online vCPU.\n"));
  const auto full = nlohmann::json::parse(to_json(report_of({{1, 0.96, 0.03}})))["full_cpus"];
  ASSERT_EQ(full.size(), 1U);
  EXPECT_EQ(full[0]["cpu"], 1);
  EXPECT_NEAR(full[0]["busy_ratio"], 0.96, 1e-9);
}

TEST(Doctor, TellsNoPercentileThatRequestsAreTooFewFor) {
  const auto text = [](std::uint64_t requests) {
    return to_text(make_report(reading(10, 0), reading(20, requests), Course(), {}), {200, false});
  };
  EXPECT_THAT(text(19), HasSubstr("  reads: 84 us on average at the device; 19 seen, too few for a median and p99\n"));
  EXPECT_THAT(text(999),
              testing::ContainsRegex("  reads: [0-9.]+ us median at the device; 999 seen, too few for p99\n"));
  EXPECT_THAT(text(1'000), testing::ContainsRegex("  reads: [0-9.]+ us median, [0-9.]+ us p99 at the device\n"));
  const auto latency = [](std::uint64_t requests) {
    return nlohmann::json::parse(to_json(report(requests)))["disks"][0]["by_op"]["read"]["device_latency"];
  };
  EXPECT_FALSE(latency(19).contains("p50_seconds"));
  EXPECT_TRUE(latency(20).contains("p50_seconds"));
  EXPECT_FALSE(latency(999).contains("p99_seconds"));
  EXPECT_TRUE(latency(1'000).contains("p99_seconds"));
  EXPECT_FALSE(latency(1'000).contains("p999_seconds"));
}

TEST(Doctor, ColoursOnlyWhenAsked) {
  EXPECT_THAT(to_text(report(400'000), {80, true}), StartsWith("\x1b[1;31mCRITICAL\x1b[0m  vda: "));
}

TEST(Doctor, OnAnIdleDiskSaysHowToMakeLoad) {
  const std::string text = to_text(report(0), {});
  EXPECT_THAT(text, HasSubstr("Could not tell about vda: it was idle.\n"));
  EXPECT_THAT(text, HasSubstr("fio --name=load --readonly --rw=randread"));
  EXPECT_THAT(text, HasSubstr("--filename=/dev/vda \\\n      --numjobs=2 --cpus_allowed=0-1 \\\n"));
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
    return make_report(first, last, Course(), {}).notes;
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
  const Report blind = make_report(first, last, Course(), {});
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
  const std::string text = to_text(make_report(first, last, Course(), {Platform::kQemu}), {200, false});
  EXPECT_THAT(text, HasSubstr("CRITICAL  vdb"));
  EXPECT_THAT(text, HasSubstr("The same for vdb."));
  const std::string snippet = "-device PRESENT-OPTIONS,num-queues=2";
  EXPECT_EQ(text.find(snippet), text.rfind(snippet));
}

TEST(Doctor, JsonHasTheDocumentedKeys) {
  const auto json = nlohmann::json::parse(to_json(report(400'000)));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["result"], "critical");
  EXPECT_EQ(json["status"], 2);
  EXPECT_THAT(json["verdict"]["what"].get<std::string>(), StartsWith("vda: All requests"));
  EXPECT_THAT(json["verdict"]["next"].get<std::string>(), StartsWith("What to do: "));
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
  const auto& step = finding["remedy"]["steps"][0];
  EXPECT_EQ(step["snippet"], "-device PRESENT-OPTIONS,num-queues=2");
  for (const char* key : {"check_first", "interrupts", "undo", "risk"}) EXPECT_NE(step[key], "") << key;
  EXPECT_TRUE(json["could_not_tell"].empty());
}

TEST(Doctor, JsonOfAnIdleDiskSaysThatItIsIdle) {
  const auto json = nlohmann::json::parse(to_json(report(0)));
  EXPECT_EQ(json["status"], 3);
  EXPECT_EQ(json["could_not_tell"][0]["device"], "vda");
  EXPECT_EQ(json["could_not_tell"][0]["idle"], true);
  EXPECT_EQ(json["could_not_tell"][0]["too_few_requests"], true);
  const auto slow = nlohmann::json::parse(to_json(report(1'990)));
  EXPECT_EQ(slow["could_not_tell"][0]["idle"], false) << "199 requests/s";
  EXPECT_EQ(slow["could_not_tell"][0]["too_few_requests"], true);
}

TEST(Doctor, SaysWhichProbesAreOffAndWhatIsMissingForIt) {
  Reading first = reading(10, 0), last = reading(20, 400'000);
  for (Reading* end : {&first, &last})
    end->probes = {{"block", true, "", 0}, {"notify", false, "no fentry", {}}, {"lock", false, "no BTF", {}}};
  EXPECT_THAT(
      make_report(first, last, Course(), {}).notes,
      ElementsAre("The notify probe is off, so what notifications of the host take was not measured: no fentry.",
                  "The lock probe is off, so waits for locks were not measured: no BTF."));
}

TEST(Doctor, TellsWhereTheTimeOfARequestGoes) {
  Reading first = reading(10, 0), last = reading(20, 400'000);
  QueueCounters& queue = last.snapshot.devices[0].queues->front();
  queue.queue_ns = 400'000ULL * 10'000;
  queue.device_ns = 400'000ULL * 90'000;
  queue.delay.reset();
  last.snapshot.devices[0].locks.clear();
  const auto text = [&] { return to_text(make_report(first, last, Course(), {}), {200, false}); };
  EXPECT_THAT(text(), HasSubstr("\n  Of 100 us that a request takes on average: 10 % before issue, 90 % from there to "
                                "completion\n"));
  for (OriginCounters& origin : queue.origins) {
    origin.cross += origin.unknown;
    origin.unknown = 0;
  }
  queue.delay = {0, 400'000ULL * 20'000};
  last.snapshot.devices[0].locks = {{"queue", 0U, 100, 400'000'000, {}}};
  const std::string told =
      "Of 100 us that a request takes on average: 10 % before issue, 70 % at the host, 20 % in completion (0 % on the "
      "submitting vCPU, 20 % on another); within these, 1 % in waits for locks";
  EXPECT_THAT(text(), HasSubstr("\n  " + told + "\n"));
  const Report report = make_report(first, last, Course(), {});
  EXPECT_THAT(to_markdown(report), HasSubstr("- Of 100 us that a request takes on average: 10 % before issue"));
  const auto time = nlohmann::json::parse(to_json(report))["disks"][0]["request_time"];
  EXPECT_EQ(time["requests"], 400'000);
  EXPECT_NEAR(time["seconds"], 40, 1e-9);
  EXPECT_NEAR(time["at_host_seconds"], 28, 1e-9);
  EXPECT_NEAR(time["completion_cross_cpu_seconds"], 8, 1e-9);
  EXPECT_NEAR(time["lock_wait_seconds"], 0.4, 1e-9);
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
  const Report own = make_report(first, last, Course(), {});
  EXPECT_EQ(to_json(make_report(over_the_wire(first), over_the_wire(last), Course(), {})), to_json(own));
  EXPECT_THAT(to_json(own), HasSubstr("guest_limits_queues"));
  EXPECT_THAT(to_json(own), HasSubstr("steal"));
}

TEST(Wrap, BreaksAtWordsAndKeepsLongOnesWhole) {
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

TEST(Picture, TheBusiestSubmitterAndTheBusiestTakerHaveAColumn) {
  // vCPU 40 submits more than any other, and is less than all others together; 50 takes the most interrupts.
  DiskDiagnosis disk = many(1, 64);
  QueueLoad& queue = disk.measured.queues[0];
  std::fill(queue.submissions.begin(), queue.submissions.end(), 10);
  std::fill(queue.interrupts.begin(), queue.interrupts.end(), 100);
  queue.submissions[40] = 30;
  queue.interrupts[40] = 0;
  queue.interrupts[50] = 200;
  disk.measured.submissions = queue.submissions;
  disk.measured.interrupts = queue.interrupts;
  for (const std::size_t width : {58U, 78U, 98U}) {
    std::istringstream lines(picture(disk, width));
    std::string heads, row;
    std::getline(lines, heads);
    std::getline(lines, heads);
    EXPECT_THAT(heads, HasSubstr(" 40")) << width;
    EXPECT_THAT(heads, HasSubstr(" 50")) << width;
    EXPECT_THAT(heads, HasSubstr(" others")) << width;
    while (std::getline(lines, row)) EXPECT_LE(row.size(), width) << row;
  }
}

TEST(Picture, OfNothingIsNone) { EXPECT_EQ(picture({}, 80), ""); }

TEST(Picture, LinesOfSeveralQueuesHaveTheirOwnRow) {
  DiskDiagnosis shared = many(2, 2);
  for (QueueLoad& queue : shared.measured.queues) queue.interrupts = {0, 0};
  shared.measured.interrupts = {50, 0};
  EXPECT_THAT(picture(shared, 80), HasSubstr("several               .      .         100 %      .\n"));
}

}  // namespace
}  // namespace vqscope
