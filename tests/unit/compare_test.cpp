// SPDX-License-Identifier: Apache-2.0
// From files of recordings to what is printed.
#include "agent/compare/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/compare/render.h"
#include "agent/compare/units.h"
#include "agent/recording/writer.h"
#include "guest.h"
#include "readings.h"

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr unsigned kCpus = 4;

// A guest whose disk does `rate` reads a second, which take `latency_ns` each.
class Recorder {
 public:
  explicit Recorder(unsigned queues) : reading_(test::quiet_reading(queues, kCpus)) {
    header_.boot_id = "boot";
    header_.kernel_release = "6.1.0";
    header_.started_realtime_ns = 1'700'000'000'000'000'000;
  }

  // Takes `count` readings a second apart, the first at once.
  Recorder& record(int count, std::uint64_t rate, std::uint64_t latency_ns) {
    bytes_ += encoder_.begin(header_);
    for (int i = 0; i < count; ++i) {
      if (i > 0) pass_second(rate + static_cast<std::uint64_t>(i % 7), latency_ns);
      bytes_ += encoder_.add(reading_);
    }
    return *this;
  }

  Recorder& rename_disk(const std::string& name) {
    reading_.topology.disks[0].name = reading_.snapshot.devices[0].name = name;
    return *this;
  }
  Recorder& boot(const std::string& id) {
    header_.boot_id = id;
    reading_ = test::quiet_reading(static_cast<unsigned>(reading_.topology.disks[0].queues.size()), kCpus);
    return *this;
  }
  Reading& reading() { return reading_; }
  Recorder& add_reading() {
    bytes_ += encoder_.add(reading_);
    return *this;
  }
  void pass_second(std::uint64_t rate, std::uint64_t latency_ns) {
    reading_.snapshot.time_ns += 1'000'000'000;
    for (DeviceSnapshot& device : reading_.snapshot.devices) {
      const std::uint64_t each = rate / device.queues->size();
      for (std::size_t q = 0; q < device.queues->size(); ++q) {
        QueueCounters& queue = (*device.queues)[q];
        if (!queue.ops[VQS_READ]) queue.ops[VQS_READ].emplace();
        OpCounters& op = *queue.ops[VQS_READ];
        for (std::size_t cell = 90; cell < 100; ++cell) op.device.add(cell, each / 10);
        const std::uint64_t done = each / 10 * 10;
        op.device.sum_ns += done * latency_ns;
        op.queue.add(0, done);
        op.bytes += done * 4096;
        queue.device_ns += done * latency_ns;
        queue.inflight_ns += done * latency_ns;
        queue.time_ns += done * latency_ns;
        for (std::size_t cpu = q; cpu < kCpus; cpu += device.queues->size())
          queue.origins[cpu].cross += done / (kCpus / device.queues->size());
        device.vectors[q].per_cpu[q] += done / 2;
      }
    }
  }

  std::filesystem::path save(const std::string& name = "file.vqr") const {
    const auto path = folder_.path() / name;
    std::ofstream(path, std::ios::binary) << bytes_;
    return path;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  test::TemporaryFolder folder_;
  RecordingHeader header_;
  Reading reading_;
  RecordingEncoder encoder_;
  std::string bytes_;
};

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

TEST(LoadSeries, NeedsTwoReadings) {
  Recorder recorder(1);
  EXPECT_THAT(load_series(recorder.record(1, 0, 0).save(), {}).error().message,
              HasSubstr("has no two readings of a disk to compare: it is too short"));
}

Comparison comparison_of(const Recorder& before, const Recorder& after,
                         const std::vector<std::pair<std::string, std::string>>& renamed = {}) {
  const auto a = load_series(before.save("before.vqr"), {}), b = load_series(after.save("after.vqr"), {});
  auto comparison = compare_series(*a, *b, renamed, 0.05);
  EXPECT_TRUE(comparison) << comparison.error().message;
  return comparison ? *comparison : Comparison{};
}

TEST(Compare, OneQueueThenFourIsBetterAndTellsWhatChanged) {
  Recorder before(1), after(4);
  before.record(31, 2000, 2'000'000);
  after.record(31, 4000, 1'000'000);
  const Comparison comparison = comparison_of(before, after);
  ASSERT_EQ(comparison.devices.size(), 1U);
  EXPECT_EQ(comparison.devices[0].judgement.verdict, Verdict::kBetter) << comparison.devices[0].judgement.reason;
  EXPECT_EQ(overall(comparison), Verdict::kBetter);

  const std::string text = render_text(comparison);
  EXPECT_THAT(text, testing::StartsWith("vda: BETTER: "));
  EXPECT_THAT(text, HasSubstr("vda: hardware queues: 1 -> 4"));
  EXPECT_THAT(text, HasSubstr("interrupts/s, vCPU 3"));
  EXPECT_THAT(text, HasSubstr("device p99.9"));
  for (const char byte : text) EXPECT_TRUE(byte == '\n' || (byte >= ' ' && byte < 0x7f));

  const std::string markdown = render_markdown(comparison);
  EXPECT_THAT(markdown, HasSubstr("| vda: hardware queues | 1 | 4 |"));
  EXPECT_THAT(markdown, HasSubstr("**vda: better**"));

  const auto json = nlohmann::json::parse(render_json(comparison));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["verdict"], "better");
  const auto& device = json["devices"][0];
  EXPECT_NEAR(device["numbers"]["requests_per_second"]["before"], 2000, 1);
  EXPECT_NEAR(device["numbers"]["irq_effective_cpus"]["after"], 4, 0.01);
  EXPECT_EQ(device["interrupts_per_second_by_cpu"]["after"].size(), 4U);
  EXPECT_TRUE(device["operations"]["read"]["device_latency_p99"].contains("ratio_low"));
}

TEST(Compare, ADiskThatWasRenamedIsMatchedWhenToldSo) {
  Recorder before(1), after(1);
  before.rename_disk("sda").record(31, 2000, 1'000'000);
  after.record(31, 2000, 1'000'000);
  const Comparison comparison = comparison_of(before, after, {{"sda", "vda"}});
  EXPECT_EQ(comparison.devices.at(0).judgement.verdict, Verdict::kNoDifference);
  EXPECT_THAT(render_text(comparison), HasSubstr("sda -> vda: NO DIFFERENCE"));

  const auto a = load_series(before.save(), {}), b = load_series(after.save(), {});
  EXPECT_THAT(compare_series(*a, *b, {}, 0.05).error().message,
              testing::AllOf(HasSubstr("sda is in"), HasSubstr("vda is in"), HasSubstr("--device A=B")));
  EXPECT_THAT(compare_series(*a, *b, {{"sdb", "vda"}}, 0.05).error().message, HasSubstr("has no disk sdb"));
}

TEST(Compare, TellsWhichSettingsChangedAndWhatTheGuestDid) {
  Recorder before(1), after(1);
  const auto record = [](Recorder& recorder, std::uint64_t user, std::uint64_t steal) {
    recorder.record(1, 0, 0);
    for (int i = 0; i < 30; ++i) {
      recorder.reading().snapshot.activity.cpu->user += user;
      recorder.reading().snapshot.activity.cpu->steal += steal;
      recorder.pass_second(2000, 1'000'000);
      recorder.add_reading();
    }
  };
  before.reading().topology.guest.command_line = "quiet";
  record(before, 100, 0);
  after.reading().topology.disks[0].facts.settings = {{"iosched/fifo_batch", "1"}, {"read_ahead_kb", "4096"}};
  after.reading().topology.disks[0].facts.wbt_lat_usec = 0;  // not known of the other
  after.reading().topology.guest.command_line = "quiet mitigations=off";
  record(after, 70, 30);
  const Comparison comparison = comparison_of(before, after);
  const std::string text = render_text(comparison);
  EXPECT_THAT(text, HasSubstr("        vda: iosched/fifo_batch: 16 -> 1\n"));
  EXPECT_THAT(text, HasSubstr("        vda: read_ahead_kb: 128 -> 4096\n"));
  EXPECT_THAT(text, Not(HasSubstr("wbt_lat_usec")));
  EXPECT_THAT(text, HasSubstr("changed kernel command line: - -> mitigations=off\n"));
  EXPECT_THAT(text, HasSubstr("taken by the host"));
  EXPECT_THAT(comparison.notes,
              testing::Contains(HasSubstr("the host took 0 % of the vCPUs' time before and 30 % after")));
  const auto json = nlohmann::json::parse(render_json(comparison));
  EXPECT_NEAR(json["guest"]["cpu_steal_share"]["after"], 0.3, 0.01);
  EXPECT_EQ(json["guest"]["io_full_pressure_share"]["after"], nullptr);
}

TEST(Compare, SettingsThatARecordingIsWithoutDidNotChange) {
  Recorder before(1), after(1);
  before.reading().topology.disks[0].facts.settings.clear();  // an older vqscope
  before.record(31, 2000, 1'000'000);
  after.record(31, 2000, 1'000'000);
  const Comparison comparison = comparison_of(before, after);
  EXPECT_THAT(comparison.changes, IsEmpty());
  EXPECT_THAT(comparison.notes, testing::Contains(HasSubstr("the settings of vda are in one of the recordings only")));
}

TEST(Compare, SaysOfABetterThatNothingSeemsToHaveChanged) {
  Recorder before(1), after(1);
  before.record(31, 2000, 2'000'000);
  after.record(31, 4000, 1'000'000);
  EXPECT_THAT(comparison_of(before, after).devices.at(0).judgement.notes,
              testing::Contains(HasSubstr("so much does one run differ from the next")));
}

TEST(Compare, RemarksNothingWhereTheVerdictSaysThatNothingCounts) {
  Recorder before(1), after(1);
  before.record(31, 2000, 1'000'000);
  after.record(31, 2000, 3'000'000);  // three times in flight at the same rate
  const Comparison comparison = comparison_of(before, after);
  EXPECT_EQ(comparison.devices.at(0).judgement.verdict, Verdict::kNotComparable);
  for (const Row& row : comparison.devices[0].rows) EXPECT_EQ(row.remark, "") << row.key;
  EXPECT_THAT(render_text(comparison), Not(HasSubstr("worse")));
}

TEST(Compare, HoldsEightyColumnsWhateverItsNamesAre) {
  Recorder before(4), after(4);
  const std::string name = "cciss!c0d0-of-a-very-long-name-that-no-disk-has-and-yet-the-kernel-would-take-it";
  for (Recorder* side : {&before, &after}) {
    side->rename_disk(name);
    side->record(31, side == &before ? 2'000'000 : 9'000'000, 123'456'789);
  }
  Comparison comparison = comparison_of(before, after);
  comparison.before.file = std::string(90, 'p') + "/" + std::string(90, 'q');
  comparison.before.header.note = "a note without end " + std::string(200, 'n');
  comparison.notes.push_back("in " + comparison.before.file);
  comparison.changes.push_back({"kernel command line", "root=" + std::string(100, 'u'), "-"});
  const std::string text = render_text(comparison), coloured = render_text(comparison, true);
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    EXPECT_LE(end - begin, 80U) << text.substr(begin, end - begin);
  EXPECT_NE(coloured, text);
  std::string plain;
  for (std::size_t i = 0; i < coloured.size(); ++i) {
    if (coloured[i] == '\x1b')
      i = coloured.find('m', i);
    else
      plain += coloured[i];
  }
  EXPECT_EQ(plain, text);
}

TEST(Compare, AUsersNoteCannotBreakTheOutput) {
  Recorder before(1), after(1);
  before.record(31, 2000, 1'000'000);
  after.record(31, 2000, 1'000'000);
  Comparison comparison = comparison_of(before, after);
  comparison.before.header.note = "a|b\n\x1b[31m\xff";
  EXPECT_THAT(render_text(comparison), Not(HasSubstr("\x1b")));
  EXPECT_THAT(render_markdown(comparison), HasSubstr("a\\|b "));
  EXPECT_TRUE(nlohmann::json::accept(render_json(comparison)));
}

TEST(RecordingWriter, LeavesAFileThatExistsAloneUnlessToldToAppend) {
  Recorder recorder(1);
  const auto path = recorder.record(3, 1000, 1000).save();
  EXPECT_THAT(RecordingWriter::create(path, false).error().message, HasSubstr("exists"));
  {
    auto writer = RecordingWriter::create(path, true);
    ASSERT_TRUE(writer) << writer.error().message;
    EXPECT_EQ(writer->cut_off(), 0U);
    EXPECT_THAT(RecordingWriter::create(path, true).error().message, HasSubstr("another vqscope records to"));
    ASSERT_TRUE(writer->write(recorder.bytes()));
    ASSERT_TRUE(writer->finish());
  }
  EXPECT_EQ(count_segments(path), 2U);
}

TEST(RecordingWriter, CutsOffATornEndAndNothingElse) {
  Recorder recorder(1);
  const auto path = recorder.record(3, 1000, 1000).save();
  const auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size - 1);
  {
    auto writer = RecordingWriter::create(path, true);
    ASSERT_TRUE(writer) << writer.error().message;
    EXPECT_GT(writer->cut_off(), 0U);
    EXPECT_EQ(std::filesystem::file_size(path), size - 1 - writer->cut_off());
    ASSERT_TRUE(writer->write(recorder.bytes()));
  }
  EXPECT_EQ(count_segments(path), 2U);
}

TEST(RecordingWriter, AppendsToNothingButASoundRecording) {
  test::TemporaryFolder folder;
  const auto foreign = folder.path() / "foreign";
  std::ofstream(foreign) << "notes that somebody needs";
  EXPECT_THAT(RecordingWriter::create(foreign, true).error().message, HasSubstr("is not a recording of vqscope"));
  EXPECT_EQ(std::filesystem::file_size(foreign), 25U);

  Recorder recorder(1);
  std::string bytes = recorder.record(5, 1000, 1000).bytes();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  const auto damaged = folder.path() / "damaged";
  std::ofstream(damaged, std::ios::binary) << bytes;
  EXPECT_THAT(RecordingWriter::create(damaged, true).error().message, HasSubstr("is damaged after"));
  EXPECT_EQ(std::filesystem::file_size(damaged), bytes.size());
}

TEST(RecordingWriter, LeavesNoEmptyFileBehind) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "new";
  { ASSERT_TRUE(RecordingWriter::create(path, false)); }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THAT(RecordingWriter::create(folder.path() / "no/such", false).error().message, HasSubstr("cannot create"));
  EXPECT_FALSE(RecordingWriter::create(folder.path(), true));
}

TEST(Units, AreReadable) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(4), "4");
  EXPECT_EQ(format_count(1.234), "1.23");
  EXPECT_EQ(format_count(98.76), "98.8");
  EXPECT_EQ(format_count(999.7), "1,000");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_seconds(239e-9), "239 ns");
  EXPECT_EQ(format_seconds(412e-6), "412 us");
  EXPECT_EQ(format_seconds(0.00125), "1.25 ms");
  EXPECT_EQ(format_seconds(3.2), "3.20 s");
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(4096), "4.00 KiB");
  EXPECT_EQ(format_bytes(1.5 * (1 << 30)), "1.50 GiB");
  EXPECT_EQ(format_percent(1.648), "+64.8 %");
  EXPECT_EQ(format_percent(0.25), "-75.0 %");
  EXPECT_EQ(format_percent(12.4), "x 12.4");
  EXPECT_EQ(format_interval(0.88, 1.46), "-12..+46 %");
  EXPECT_EQ(format_interval(0.981, 1.02), "-1.9..+2.0 %");
  EXPECT_EQ(format_interval(0.6, 3.2), "-40 %..x 3.20");
  EXPECT_EQ(format_interval(12, 15.2), "x 12.0..x 15.2");
}

}  // namespace
}  // namespace vqscope
