// SPDX-License-Identifier: Apache-2.0
// The verdict of `vqscope doctor`, in two sentences.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/commands/doctor/report.h"
#include "tests/unit/doctor_reading.h"

namespace vqscope {
namespace {

using test::kSecond;
using test::reading;
using test::report;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Doctor, TheVerdictComesFirst) {
  EXPECT_THAT(to_text(report(400'000), {}),
              StartsWith("CRITICAL  vda: All requests squeeze through one queue and interrupt one vCPU\n"
                         "What to do: "));
  Reading first = reading(10, 0), last = reading(20, 4'000);
  for (Reading* end : {&first, &last}) end->topology.online_cpus = {0};
  EXPECT_THAT(to_text(make_report(first, last, Course(), {}), {}),
              StartsWith("HEALTHY  Nothing wrong shows under this load on vda (400 requests/s).\n"
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
      EXPECT_FALSE(words.empty()) << remedy;
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

TEST(Doctor, TellsOfACpuThatHadNoTimeToSpare) {
  Reading first = reading(10, 0), last = reading(20, 4'000);
  for (Reading* end : {&first, &last}) end->topology.online_cpus = {0};
  // Ticks of each vCPU: all, of which the host took, and idle.
  const auto report_of = [&](const std::vector<CpuTime>& times) {
    first.snapshot.cpu_times.assign(times.size(), CpuTime{0, 0, 0});
    last.snapshot.cpu_times = times;
    return make_report(first, last, Course(), {});
  };
  const auto text = [&](const std::vector<CpuTime>& times) { return to_text(report_of(times), {200, false}); };
  const std::string busy = text({{1'000, 0, 900}, {1'000, 30, 10}});
  EXPECT_THAT(busy, StartsWith("HEALTHY"));
  EXPECT_THAT(busy, HasSubstr("If it is slow now, its programs may wait for vCPUs, not for disks (see below).\n"));
  EXPECT_THAT(busy, HasSubstr("1 online vCPU. vCPU 1 was busy for 96 % of the time, and ready to run for 3 % while the "
                              "host ran something else. What"));
  EXPECT_THAT(text({{1'000, 0, 900}, {1'000, 0, 0}}),
              HasSubstr("vCPU 1 was busy for 100 % of the time. What a program waits beyond"));
  EXPECT_THAT(text({{1'000, 0, 0}, {1'000, 0, 0}}),
              HasSubstr("vCPUs 0-1 had no more than 5 % of the time to spare. What a"));
  EXPECT_THAT(text({{1'000, 0, 900}}), HasSubstr("1 online vCPU.\n")) << "nobody waits for a vCPU that is idle";
  const auto full = nlohmann::json::parse(to_json(report_of({{1'000, 0, 900}, {1'000, 30, 10}})))["full_cpus"];
  ASSERT_EQ(full.size(), 1U);
  EXPECT_EQ(full[0]["cpu"], 1);
  EXPECT_NEAR(full[0]["busy_ratio"], 0.96, 1e-9);
  const auto in_json = [&](const std::vector<CpuTime>& times) {
    return nlohmann::json::parse(to_json(report_of(times)))["full_cpus"];
  };
  EXPECT_EQ(in_json({{1'000, 0, 900}}), nlohmann::json::array());
  EXPECT_TRUE(in_json({{1'000, 0, {}}}).is_null()) << "of an agent that does not tell of it";
}

// 5,000 requests/s of which nothing is wrong, each 5.7 ms at the host: `inflight` of them on average.
Report deep(double inflight, std::uint64_t completion_ns = 60'000) {
  constexpr std::uint64_t kRequests = 50'000, kLatency = 5'700'000;
  Reading first = reading(10, 0), last = reading(20, kRequests);
  for (Reading* end : {&first, &last}) end->topology.online_cpus = {0};
  QueueCounters& queue = last.snapshot.devices[0].queues->front();
  queue.device_ns = kRequests * kLatency;
  queue.inflight_ns = static_cast<std::uint64_t>(inflight * 10 * kSecond);
  queue.delay = {kRequests / 4 * completion_ns, kRequests * 3 / 4 * completion_ns};
  return make_report(first, last, Course(), {});
}

TEST(Headline, OfAHealthyDiskTellsWhereTheTimeOfManyRequestsGoes) {
  const Report report = deep(31);
  EXPECT_EQ(report.status, kHealthy);
  EXPECT_EQ(verdict_of(report).next, "On vda 99 % of 5.7 ms pass at the host, 31 in flight; see the note below.");
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("run the load with half its depth or jobs: if it brings as many")));
  const std::string text = to_text(report, {80, false});
  EXPECT_EQ(text.find("\n\n"), text.find('\n', text.find('\n') + 1)) << "two lines, then the rest:\n" << text;
  EXPECT_THAT(verdict_of(deep(7.9)).next, StartsWith("If it is slow at other times")) << "few in flight";
  EXPECT_THAT(verdict_of(deep(31, 1'200'000)).next, StartsWith("If it is slow")) << "in this guest";
}

}  // namespace
}  // namespace vqscope
