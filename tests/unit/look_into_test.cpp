// SPDX-License-Identifier: Apache-2.0
// What `vqscope doctor` says of a recording.
#include "agent/commands/doctor/look_into.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/commands/doctor/report.h"
#include "recorder.h"
#include "tests/unit/doctor_reading.h"

namespace vqscope {
namespace {

using test::Recorder;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::uint64_t kSecond = 1'000'000'000;

Result<Watched> look(const std::filesystem::path& file, const char* from = nullptr, const char* to = nullptr,
                     const MeasureOptions& measure = {}) {
  Piece piece{file, {}, {}};
  if (from != nullptr) piece.from = parse_moment(from);
  if (to != nullptr) piece.to = parse_moment(to);
  return look_into(piece, measure);
}

std::string why_not(const Result<Watched>& looked) { return looked ? "" : looked.error().message; }

Report report_of(const Watched& watched) {
  const Stretch& seen = watched.seen;
  return make_report(seen.first(), seen.last(), seen.course(),
                     {.notes = watched.notes, .origin = {watched.place, seen.header(), true}});
}

TEST(LookInto, ReportsOfTheRecordedMachineAndTime) {
  Recorder recorder(1);
  recorder.reading().topology.vmm = "firecracker";
  recorder.record(31, 20'000, 1'000'000);
  const auto file = recorder.save();
  const auto watched = look(file, "10s", "20s");
  ASSERT_TRUE(watched) << watched.error().message;
  const Report report = report_of(*watched);
  const std::string text = to_text(report, {.width = 1000});
  EXPECT_THAT(text, HasSubstr("Watched 1 disk for 10 s in a guest with 4 online vCPUs, from 2023-11-14 22:13:31 to "
                              "2023-11-14 22:13:41 UTC, as " +
                              file.string() + " has it."));
  EXPECT_EQ(report.platform.platforms, std::vector{Platform::kFirecracker}) << "as recorded, wherever it is read";
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json["origin"]["place"], file.string());
  EXPECT_EQ(json["origin"]["recorded"], true);
  EXPECT_EQ(json["origin"]["started_unix_seconds"], 1'700'000'011.0);
  EXPECT_EQ(json["origin"]["kernel_release"], "6.1.0");
  EXPECT_EQ(json["window_seconds"], 10.0);
  EXPECT_NEAR(json["disks"][0]["requests_per_second"], 20'000, 10);
  EXPECT_THAT(to_markdown(report), AllOf(HasSubstr("- Recording: "), HasSubstr(", Linux 6.1.0"),
                                         HasSubstr("- Window: 2023-11-14 22:13:31 to 2023-11-14 22:13:41 UTC (10 s)")));
}

TEST(LookInto, AsksNobodyToRunItAgainUnderAnotherLoad) {
  Recorder recorder(1);
  recorder.record(5, 0, 1'000'000);
  const Report report = report_of(*look(recorder.save()));
  EXPECT_EQ(report.status, kCouldNotTell);
  for (const std::string& form : {to_text(report, {.width = 1000}), to_markdown(report)})
    EXPECT_THAT(form, AllOf(HasSubstr("Look at a recording of the load that is slow."), Not(HasSubstr("un it again")),
                            Not(HasSubstr("un this again"))));
}

TEST(LookInto, SaysWhereThereIsNoReading) {
  Recorder recorder(1);
  recorder.record(10, 2000, 1'000'000);
  EXPECT_EQ(look(recorder.save())->seen.gaps(), "");
  recorder.reading().snapshot.time_ns += 30 * kSecond;
  recorder.add_reading();
  EXPECT_EQ(look(recorder.save())->seen.gaps(),
            "There is no reading for 30 s, from 2023-11-14 22:13:30 to 2023-11-14 22:14:00 UTC. What was counted "
            "meanwhile is in the sums, but not when in that time it came.");
  recorder.reading().snapshot.time_ns += 60 * kSecond;
  recorder.add_reading();
  EXPECT_THAT(look(recorder.save())->seen.gaps(),
              StartsWith("There are 2 times without a reading, 90 s in all, the longest from 2023-11-14 22:14:00 to"));
}

TEST(LookInto, TakesTheLongestPartWhereCountersBeganAnew) {
  Recorder recorder(1);
  recorder.record(5, 2000, 1'000'000);
  recorder.reading().snapshot.time_ns += 100 * kSecond;
  recorder.boot("second").record(11, 3000, 1'000'000).boot("third").record(3, 1000, 1'000'000);
  const auto watched = look(recorder.save());
  ASSERT_TRUE(watched) << watched.error().message;
  EXPECT_EQ(watched->seen.readings(), 11U);
  EXPECT_EQ(watched->seen.header().boot_id, "second");
  EXPECT_THAT(watched->notes, Contains(AllOf(HasSubstr("The counters began anew in it"),
                                             HasSubstr("This is the longest of its 3 parts, from "))));
}

TEST(LookInto, GoesOnWhereARunOfTheAgentIsInTwoSegments) {
  Recorder recorder(1);
  recorder.record(5, 2000, 1'000'000).record(5, 2000, 1'000'000);
  const auto watched = look(recorder.save());
  EXPECT_EQ(watched->seen.readings(), 10U);
  EXPECT_THAT(watched->notes, IsEmpty());
}

TEST(LookInto, SaysWhyNothingCanBeTold) {
  Recorder recorder(1);
  recorder.record(10, 2000, 1'000'000);
  const auto file = recorder.save();
  EXPECT_THAT(why_not(look(file, "3s", "3s")), HasSubstr("what is to be looked at is a single reading"));
  EXPECT_THAT(why_not(look(file, "3.3s", "3.6s")), HasSubstr("has no reading of that time"));
  EXPECT_THAT(why_not(look(file, "1h")), HasSubstr("is of 2023-11-14 22:13:21 to 2023-11-14 22:13:30 UTC"));
  MeasureOptions measure;
  measure.devices = {"sdx"};
  EXPECT_THAT(why_not(look(file, nullptr, nullptr, measure)), HasSubstr("there is no disk 'sdx'; there is: vda"));
  measure = {};
  measure.device_include = "^sd";
  EXPECT_THAT(why_not(look(file, nullptr, nullptr, measure)), HasSubstr("no disk matches --device-include='^sd'"));
  measure = {};
  measure.required_probes = {"no-such"};
  EXPECT_THAT(why_not(look(file, nullptr, nullptr, measure)),
              HasSubstr("there is none of that name in " + file.string()));
}

TEST(LookInto, ReadsADamagedRecordingAsFarAsItIsSound) {
  Recorder recorder(1);
  recorder.record(10, 2000, 1'000'000);
  const auto file = recorder.save();
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3);
  const auto watched = look(file);
  EXPECT_EQ(watched->seen.readings(), 9U);
  EXPECT_THAT(watched->notes, Contains(HasSubstr("(the last record is not whole); what comes after is left out")));
}

TEST(CutShort, IsNotHealthyButWhatWasFoundStands) {
  const auto cut_short = [](std::uint64_t requests, std::vector<std::uint32_t> cpus, const std::string& why) {
    Reading first = test::reading(10, 0), last = test::reading(20, requests);
    first.topology.online_cpus = last.topology.online_cpus = cpus;
    return make_report(first, last, Course(), {.cut_short = why});
  };
  const std::string why = "Its last answer is of 22:13:24 UTC.";
  ASSERT_EQ(cut_short(4'000, {0}, "").status, kHealthy);
  const Report cut = cut_short(4'000, {0}, why);
  EXPECT_EQ(cut.status, kCouldNotTell);
  EXPECT_THAT(
      to_text(cut, {.width = 1000}),
      AllOf(StartsWith("COULD NOT TELL  Nothing wrong showed on vda ("),
            HasSubstr(" requests/s) until the watching was cut short.\nSee the note below, and run this again."),
            HasSubstr("Note: " + why + "\n"), Not(HasSubstr("fio --name"))));
  EXPECT_THAT(nlohmann::json::parse(to_json(cut))["notes"], Contains(why));
  EXPECT_EQ(cut_short(400'000, {0, 1}, why).status, kCritical);
}

}  // namespace
}  // namespace vqscope
