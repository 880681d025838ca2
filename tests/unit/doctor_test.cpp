// SPDX-License-Identifier: Apache-2.0
// What `vqscope doctor` says of readings: findings, advice, JSON, exit status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/commands/doctor/report.h"
#include "agent/recording/reader.h"
#include "tests/unit/disk_case.h"
#include "tests/unit/doctor_reading.h"

namespace vqscope {
namespace {

using test::kSecond;
using test::reading;
using test::report;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Doctor, StatusFollowsTheWorstFinding) {
  EXPECT_EQ(report(400'000).status, kCritical);
  EXPECT_EQ(report(40'000).status, kWarning);
  EXPECT_EQ(report(0).status, kCouldNotTell);
}

TEST(Doctor, PrintsJsonWhateverBytesNamesHave) {
  const std::string odd = "a\xff\xc3(";
  Reading first = reading(10, 0), last = reading(20, 400'000);
  for (Reading* end : {&first, &last}) {
    end->topology.vmm = odd;
    Disk& disk = end->topology.disks[0];
    disk.name = disk.driver = disk.transport = disk.bus_id = disk.scheduler = end->snapshot.devices[0].name = odd;
    disk.stacking = {Layer{odd, odd, odd}, {odd}, {{odd, odd, odd}}};
  }
  const auto json = nlohmann::json::parse(to_json(make_report(first, last, Course(), {})));
  EXPECT_EQ(json["vmm"], "a\xef\xbf\xbd\xef\xbf\xbd(");
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

TEST(Doctor, MakesLoadOnTheDiskThatPathsLeadToAndNotOnThem) {
  EXPECT_THAT(load_command({"nvme0c0n1", "nvme0c1n1", "vda"}, reading(10, 0).topology),
              HasSubstr("--filename=/dev/nvme0n1:/dev/vda \\\n"));
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
  EXPECT_EQ(verdict_of(blind).what, "vda: its requests could not be seen (see below).");
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

TEST(Doctor, RemediesOfWhatIsOnlyWorthKnowingArePrintedIfTheyAreAskedFor) {
  Reading first = reading(10, 0), last = reading(20, 4'000);
  for (Reading* end : {&first, &last}) end->topology.disks[0].scheduler = "mq-deadline";
  const auto report_of = [&](bool all) {
    ReportOptions options{.platform = Platform::kQemu, .all_remedies = all};
    Report made = make_report(first, last, Course(), options);
    Finding& finding = made.diagnosis.findings.emplace_back(report(400'000).diagnosis.findings.at(0));
    finding.found.severity = Severity::kInfo;
    return made;
  };
  for (const auto& [asked, plain] :
       {std::pair(to_text(report_of(true), {200, false}), to_text(report_of(false), {200, false})),
        std::pair(to_markdown(report_of(true)), to_markdown(report_of(false)))}) {
    EXPECT_THAT(asked, HasSubstr("What would change the INFO findings\n"));
    EXPECT_THAT(asked, HasSubstr("num-queues=2"));
    EXPECT_THAT(asked, Not(HasSubstr("--remedies")));
    EXPECT_THAT(plain, HasSubstr("What would change the INFO findings: vqscope doctor --remedies\n"));
    EXPECT_THAT(plain, Not(HasSubstr("num-queues")));
    EXPECT_THAT(plain, Not(HasSubstr("What to do")));
  }
}

TEST(Doctor, TellsOfRequestsThatWereNotCountedWhereTheyAreNotNegligible) {
  Reading first = reading(10, 0), last = reading(20, 400'000);
  first.snapshot.losses.emplace();
  last.snapshot.losses.emplace();
  const auto notes = [&](std::uint64_t lost) {
    (*last.snapshot.losses)[VQS_LOST_STALE_SLOT] = lost;
    return make_report(first, last, Course(), {}).notes;
  };
  EXPECT_EQ(notes(100).size(), 0U);
  ASSERT_EQ(notes(8'000).size(), 1U);
  EXPECT_EQ(notes(8'000)[0],
            "Not counted: 8,000 of 408,000 requests (2 %), whose completion was not seen [stale_slot]. "
            "More: vqscope explain stale_slot");
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

// A completion that is under way while it is read may be in one counter and not yet in another.
TEST(Doctor, HasTheSameRequestsInItsRateAsByOperation) {
  Reading last = reading(20, 400'000);
  QueueCounters& queue = last.snapshot.devices[0].queues->front();
  queue.origins[0].local += 3;
  queue.ops[VQS_WRITE].emplace().device.set(50, 1'000);
  const Report report = make_report(reading(10, 0), last, Course(), {});
  const auto disk = nlohmann::json::parse(to_json(report))["disks"][0];
  std::uint64_t requests = 0;
  for (const auto& op : disk["by_op"]) requests += op["device_latency"]["count"].get<std::uint64_t>();
  EXPECT_EQ(requests, 401'000U);
  EXPECT_EQ(disk["requests_per_second"], 40'100);
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

}  // namespace
}  // namespace vqscope
