// SPDX-License-Identifier: Apache-2.0
// From files of recordings to the seconds that they hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "agent/commands/compare/sides.h"
#include "recorder.h"

namespace vqscope {
namespace {

using test::kCpus;
using test::Recorder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(LoadSeries, AddsUpWhatLiesBetweenReadings) {
  Recorder recorder(2);
  const auto series = load_series(recorder.record(31, 1000, 1'000'000).save(), {});
  ASSERT_TRUE(series) << series.error().message;
  EXPECT_EQ(series->seconds, 30);
  ASSERT_EQ(series->devices.size(), 1U);
  const DeviceSeries& device = series->devices[0];
  EXPECT_EQ(device.seconds.size(), 30U);
  EXPECT_EQ(device.totals.requests(), 30'000U);
  EXPECT_EQ(device.totals.bytes(), 30'000U * 4096);
  EXPECT_NEAR(device.totals.queued_seconds, 30, 1e-6);
  EXPECT_THAT(device.interrupts, ElementsAre(7500, 7500, 0, 0));
  EXPECT_EQ(device.full_share, 0);
  EXPECT_THAT(device.notes, IsEmpty());
}

TEST(LoadSeries, TakesAWindowInSecondsFromTheStart) {
  Recorder recorder(1);
  const auto path = recorder.record(61, 1000, 1'000'000).save();
  const auto series = load_series(path, {{10, 40}, std::nullopt});
  ASSERT_TRUE(series);
  EXPECT_EQ(series->begin, 10);
  EXPECT_EQ(series->seconds, 30);
  EXPECT_THAT(series->notes, IsEmpty());
  EXPECT_THAT(load_series(path, {{10, 60}, std::nullopt})->notes, IsEmpty());
  EXPECT_THAT(load_series(path, {{10}, std::nullopt})->notes, IsEmpty());
  const auto longer = load_series(path, {{10, 90}, std::nullopt});
  EXPECT_EQ(longer->seconds, 50);
  EXPECT_THAT(longer->notes,
              ElementsAre(HasSubstr("ends after 60 s, so that the window up to 90 s is cut short there")));
  EXPECT_THAT(load_series(path, {{70, 90}, std::nullopt}).error().message, HasSubstr("too short for that window"));
}

TEST(LoadSeries, ASegmentAfterARebootFollowsTheOneBefore) {
  Recorder recorder(1);
  const auto path = recorder.record(11, 1000, 1'000'000).boot("another").record(11, 1000, 1'000'000).save();
  const auto series = load_series(path, {});
  ASSERT_TRUE(series);
  EXPECT_EQ(series->devices[0].seconds.size(), 20U);
  EXPECT_EQ(series->seconds, 21);
  EXPECT_THAT(series->devices[0].notes, IsEmpty());
  EXPECT_EQ(count_segments(path), 2U);
}

TEST(LoadSeries, LeavesOutASecondInWhichCountersBeganAnew) {
  Recorder recorder(1);
  recorder.record(11, 1000, 1'000'000);
  const std::uint64_t now = recorder.reading().snapshot.time_ns;
  recorder.reading() = test::quiet_reading(1, kCpus);
  recorder.reading().snapshot.time_ns = now;
  for (int i = 0; i < 5; ++i) {
    recorder.pass_second(1000, 1'000'000);
    recorder.add_reading();
  }
  const auto series = load_series(recorder.save(), {});
  ASSERT_TRUE(series);
  EXPECT_EQ(series->devices[0].seconds.size(), 14U);
  EXPECT_EQ(series->devices[0].totals.requests(), 14'000U);
  EXPECT_THAT(series->devices[0].notes, ElementsAre(HasSubstr("began anew 11 s into")));
}

TEST(LoadSeries, SaysThatVqscopeWasStartedAgainAndWhatIsLeftOutBecauseOfIt) {
  Recorder recorder(1);
  recorder.record(11, 1000, 1'000'000).restart("2").record(11, 1000, 1'000'000);
  const auto once = load_series(recorder.save(), {});
  ASSERT_TRUE(once);
  EXPECT_EQ(once->devices[0].seconds.size(), 20U);
  EXPECT_THAT(once->notes, testing::UnorderedElementsAre(
                               testing::StartsWith("vqscope:  -> 2, seen 13 s into "),
                               AllOf(testing::StartsWith("vqscope was started again, seen 13 s into "),
                                     HasSubstr(": counters began anew there, so what was done in between (3 s) is left "
                                               "out, and findings are of what came after"))));
  recorder.restart("2").record(11, 1000, 1'000'000);
  EXPECT_THAT(load_series(recorder.save(), {})->notes,
              testing::Contains(AllOf(testing::StartsWith("vqscope was started again, seen 13 s, 26 s into "),
                                      HasSubstr("so what was done in between (6 s) is left out"))));
  EXPECT_THAT(load_series(recorder.save(), {{0, 9}, std::nullopt})->notes, IsEmpty());
  EXPECT_THAT(load_series(recorder.save(), {{}, 1})->notes, IsEmpty());
}

TEST(LoadSeries, SaysThatTheGuestWasBootedAgainAndThatRecordingWasBegunAgain) {
  Recorder booted(1), begun(1);
  booted.record(11, 1000, 1'000'000).boot("another").record(11, 1000, 1'000'000);
  EXPECT_THAT(load_series(booted.save(), {})->notes,
              ElementsAre(AllOf(testing::StartsWith("the guest was booted again, seen 11 s into "),
                                HasSubstr("so what was done in between is left out"))));
  begun.record(11, 1000, 1'000'000);
  begun.reading().snapshot.time_ns += 30'000'000'000;
  begun.record(11, 1000, 1'000'000);
  EXPECT_THAT(load_series(begun.save(), {})->notes,
              ElementsAre(AllOf(testing::StartsWith("recording was begun again, seen 40 s into "),
                                HasSubstr(": what was done in between (30 s) is left out, and findings"))));
}

TEST(LoadSeries, SaysWhereReadingsAreMissing) {
  Recorder recorder(1);
  recorder.record(11, 1000, 1'000'000);
  recorder.reading().snapshot.time_ns += 4'000'000'000;
  recorder.pass_second(1000, 1'000'000);
  recorder.add_reading();
  EXPECT_THAT(load_series(recorder.save(), {})->notes,
              ElementsAre(AllOf(testing::StartsWith("there was no reading from 10 s to 15 s into "),
                                HasSubstr(": what was done meanwhile counts as one second each time"))));
}

TEST(LoadSeries, SaysWhenADiskVanishes) {
  Recorder recorder(1);
  recorder.record(11, 1000, 1'000'000);
  recorder.reading().topology.disks[0].name = recorder.reading().snapshot.devices[0].name = "vdb";
  for (int i = 0; i < 5; ++i) {
    recorder.pass_second(1000, 1'000'000);
    recorder.add_reading();
  }
  const auto series = load_series(recorder.save(), {});
  ASSERT_TRUE(series);
  ASSERT_NE(series->find("vda"), nullptr);
  EXPECT_EQ(series->find("vda")->seconds.size(), 10U);
  EXPECT_THAT(series->find("vda")->notes, ElementsAre(HasSubstr("vda vanished 10 s into")));
}

TEST(LoadSeries, SaysHowMuchOfADamagedRecordingCounts) {
  Recorder recorder(1);
  recorder.record(31, 1000, 1'000'000);
  const auto path = recorder.save();
  std::filesystem::resize_file(path, recorder.bytes().size() - 1);
  const auto series = load_series(path, {});
  ASSERT_TRUE(series);
  EXPECT_EQ(series->devices[0].seconds.size(), 29U);
  EXPECT_THAT(series->notes, ElementsAre(HasSubstr("the last record is not whole")));
}

TEST(LoadSeries, SaysWhatWasTurnedWhileItWasRecorded) {
  Recorder recorder(1);
  recorder.record(11, 1000, 1'000'000);
  recorder.reading().topology.disks[0].scheduler = "bfq";
  recorder.reading().topology.disks[0].facts.settings[1].value = "4096";
  recorder.reading().topology.online_cpus.pop_back();
  for (int i = 0; i < 5; ++i) {
    recorder.pass_second(1000, 1'000'000);
    recorder.add_reading();
  }
  const auto path = recorder.save();
  const auto series = load_series(path, {});
  ASSERT_TRUE(series);
  EXPECT_THAT(series->devices.at(0).notes,
              ElementsAre("vda: elevator: none -> bfq, seen 11 s into " + path.string(),
                          "vda: read_ahead_kb: 128 -> 4096, seen 11 s into " + path.string()));
  EXPECT_THAT(series->notes, ElementsAre("vCPUs online: 4 -> 3, seen 11 s into " + path.string()));
}

TEST(LoadSeries, AddsUpWhatTheGuestDidBesides) {
  Recorder recorder(1);
  recorder.record(1, 0, 0);
  for (int i = 0; i < 10; ++i) {
    recorder.reading().snapshot.activity.cpu->user += 60;
    recorder.reading().snapshot.activity.cpu->idle += 40;
    *recorder.reading().snapshot.activity.cpu_some_us += 250'000;
    recorder.pass_second(1000, 1'000'000);
    recorder.add_reading();
  }
  const auto series = load_series(recorder.save(), {});
  ASSERT_TRUE(series);
  EXPECT_EQ(series->activity.cpu, (CpuUse{600, 0, 0, 0, 400, 0, 0}));
  EXPECT_EQ(series->activity.cpu_some_us, 2'500'000U);
  EXPECT_EQ(series->activity.io_full_us, std::nullopt);
  EXPECT_EQ(series->activity_seconds, 10);
}

TEST(LoadSeries, KnowsThatAllTagsOfAnElevatorWereInUse) {
  for (const auto& [scheduler, full] : {std::pair("mq-deadline", 1.0), {"none", 0.0}}) {
    Recorder recorder(1);
    recorder.reading().topology.disks[0].scheduler = scheduler;
    recorder.reading().topology.disks[0].nr_requests = 8;
    recorder.reading().topology.disks[0].queues[0].tags = 256;
    if (std::string(scheduler) == "none") recorder.reading().topology.disks[0].nr_requests = 256;
    recorder.record(11, 1000, 8'000'000);  // eight in flight
    const auto series = load_series(recorder.save(), {});
    ASSERT_TRUE(series);
    EXPECT_EQ(series->devices.at(0).full_share, full) << scheduler;
  }
}

TEST(SharedSeconds, AreThoseOfTheSameTimeOfTheSameBoot) {
  Recorder recorder(1), other(1);
  const auto path = recorder.record(31, 1000, 1'000'000).save();
  const auto whole = load_series(path, {}), first = load_series(path, {{0, 20}, {}}),
             second = load_series(path, {{15, 30}, {}});
  EXPECT_EQ(shared_seconds(*whole, *whole), 30);
  EXPECT_EQ(shared_seconds(*first, *second), 5);
  const auto elsewhere = load_series(other.boot("another").record(31, 1000, 1'000'000).save(), {});
  EXPECT_EQ(shared_seconds(*whole, *elsewhere), 0);
}

TEST(LoadSeries, NeedsTwoReadings) {
  Recorder recorder(1);
  EXPECT_THAT(load_series(recorder.record(1, 0, 0).save(), {}).error().message,
              HasSubstr("has no two readings of a disk to compare: it is too short"));
}

}  // namespace
}  // namespace vqscope
