// SPDX-License-Identifier: Apache-2.0
// From files of recordings to what is printed.
#include "agent/commands/compare/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/commands/compare/render.h"
#include "agent/commands/compare/sides.h"
#include "recorder.h"

namespace vqscope {
namespace {

using test::Recorder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Comparison comparison_of(const Recorder& before, const Recorder& after,
                         const std::vector<std::pair<std::string, std::string>>& renamed = {}) {
  const auto a = load_series(before.save("before.vqr"), {}), b = load_series(after.save("after.vqr"), {});
  auto comparison = compare_series(*a, *b, renamed, 0.05);
  EXPECT_TRUE(comparison) << comparison.error().message;
  return comparison ? *comparison : Comparison{};
}

// In one line, however it was wrapped.
std::string flat(const std::string& text) {
  std::string line;
  for (const char c : text)
    if (c != ' ' && c != '\n')
      line += c;
    else if (!line.ends_with(' '))
      line += ' ';
  return line;
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

TEST(Compare, ComparesNoFindingsWithASideThatCouldNotBeJudged) {
  Recorder before(1), after(1);
  before.record(31, 2000, 2'000'000);
  after.record(31, 1, 100'000);
  const auto loaded = load_series(before.save("before.vqr"), {});
  ASSERT_FALSE(loaded->findings.empty());
  const Comparison comparison = comparison_of(before, after);
  for (const FindingChange& finding : comparison.findings) EXPECT_TRUE(finding.before && finding.after) << finding.id;
  EXPECT_THAT(render_text(comparison), HasSubstr("what was found of vda is not compared: one side is too short"));
  // Whatever else it did.
  after.pass_second(1, 100'000);
  after.reading().snapshot.devices[0].queues->front().ops[VQS_READ]->errors += 1;
  after.add_reading();
  EXPECT_THAT(render_text(comparison_of(before, after)), HasSubstr("new     vda: io_errors"));
}

TEST(Compare, SaysOfReadingsAsTheyComeWhatItSaysOfTheirRecording) {
  Recorder before(1), after(4);
  before.complete_in(900'000).record(31, 2000, 2'000'000);
  SeriesMaker live("after.vqr");
  after.complete_in(100'000).record(1, 0, 0);
  live.take({after.header(), after.reading()});
  for (int second = 0; second < 30; ++second) {
    after.pass_second(4000, 1'000'000);
    after.add_reading();
    RecordingHeader header = after.header();
    header.started_realtime_ns += after.reading().snapshot.time_ns;  // each reading has its own
    live.take({header, after.reading()});
  }
  const auto first = load_series(before.save("before.vqr"), {}), recorded = load_series(after.save("after.vqr"), {});
  auto seen = live.finish();
  ASSERT_TRUE(first && recorded && seen);
  auto of_recording = compare_series(*first, *recorded, {}, 0.05), of_live = compare_series(*first, *seen, {}, 0.05);
  ASSERT_TRUE(of_recording && of_live);
  of_recording->after.file = of_live->after.file = "";  // a path, and where the readings came from
  EXPECT_EQ(render_json(*of_live), render_json(*of_recording));
  EXPECT_EQ(overall(*of_live), Verdict::kBetter);
}

TEST(Compare, SaysInEveryFormatThatVqscopeWasStartedAgain) {
  Recorder before(1), after(1);
  before.record(31, 2000, 1'000'000);
  after.record(16, 2000, 1'000'000).restart("2").record(16, 2000, 1'000'000);
  const Comparison comparison = comparison_of(before, after);
  EXPECT_THAT(flat(render_text(comparison)), HasSubstr("note vqscope was started again, seen 18 s into "));
  EXPECT_THAT(render_markdown(comparison), HasSubstr("\nNote: vqscope was started again, seen 18 s into "));
  const std::vector<std::string> notes = nlohmann::json::parse(render_json(comparison))["notes"];
  EXPECT_THAT(notes, testing::Contains(HasSubstr("in between (3 s) is left out, and findings are of what came after")));
}

// As where two disks of the truth differ by chance: 200 ms and 100 us by turns.
TEST(Compare, SaysInEveryFormatOfAnIntervalThatTellsNothingThatItDoes) {
  const auto record = [](Recorder& recorder, unsigned turn) {
    recorder.record(1, 0, 0);
    for (unsigned second = 0; second < 30; ++second) {
      recorder.pass_second(2000, (second / 3 + turn) % 2 == 0 ? 100'000 : 200'000'000);
      recorder.add_reading();
    }
  };
  Recorder before(1), after(1);
  record(before, 0);
  record(after, 1);
  const Comparison comparison = comparison_of(before, after);
  const Judgement& judgement = comparison.devices.at(0).judgement;
  EXPECT_EQ(judgement.verdict, Verdict::kNotComparable);
  const std::string advice =
      "record a minute or more of each side, while the load is steady and nothing else uses the disk and the vCPUs";
  EXPECT_THAT(judgement.reason, HasSubstr(advice));
  EXPECT_THAT(judgement.notes, ElementsAre("of a number with \"cannot tell\" these recordings leave open whether it is "
                                           "half or twice as much"))
      << "the advice is in the reason";
  for (const std::string& text : {flat(render_text(comparison)), render_markdown(comparison)}) {
    EXPECT_THAT(text, HasSubstr("cannot tell"));
    EXPECT_THAT(text, HasSubstr(advice));
    EXPECT_THAT(text, Not(HasSubstr("..x ")));
  }
  const auto numbers = nlohmann::json::parse(render_json(comparison))["devices"][0]["numbers"];
  EXPECT_EQ(numbers["latency_mean"]["cannot_tell"],
            "these recordings cannot tell whether it is more or less: half and twice as much are within its error; " +
                advice);
  EXPECT_LT(numbers["latency_mean"]["ratio_low"], 0.5);
  EXPECT_GT(numbers["latency_mean"]["ratio_high"], 2);
  EXPECT_FALSE(numbers["requests_per_second"].contains("cannot_tell"));
}

TEST(Compare, ExplainsAChangeByThePartsOfARequestsTime) {
  Recorder before(1), after(4);
  before.complete_in(900'000).record(31, 2000, 2'000'000);
  after.complete_in(100'000).record(31, 4000, 1'000'000);
  const Comparison comparison = comparison_of(before, after);
  const std::string text = render_text(comparison);
  EXPECT_THAT(text, HasSubstr("\n  time: of the whole recording's mean latency, 2.00 ms -> 1.00 ms, "));
  EXPECT_EQ(
      comparison.devices.at(0).time.sentence,
      "of the whole recording's mean latency, 2.00 ms -> 1.00 ms, 1.00 ms less (1.00 ms to 1.00 ms): in completion "
      "800 us less (800 us to 800 us), at the host 200 us less (200 us to 200 us)");
  EXPECT_THAT(text, testing::ContainsRegex("\n    in completion +900 us +100 us +-88.9 %"));
  EXPECT_THAT(text, testing::ContainsRegex("\n      cross-vCPU +900 us +100 us"));
  EXPECT_THAT(render_markdown(comparison), HasSubstr("Time: of the whole recording's mean latency"));
  const auto device = nlohmann::json::parse(render_json(comparison))["devices"][0];
  EXPECT_NEAR(device["time"]["parts"]["completion"]["change_seconds"], -800e-6, 1e-6);
  EXPECT_EQ(device["time"]["parts"]["completion"]["certain"], true);
  EXPECT_NEAR(device["numbers"]["at_host_mean"]["before"], 1.1e-3, 1e-6);
}

TEST(Compare, ExplainsNothingByPartsThatOneSideLacksNorWhereNothingWasSeen) {
  Recorder before(1), after(1), same(1);
  before.record(31, 2000, 2'000'000);
  after.complete_in(100'000).record(31, 4000, 1'000'000);
  same.complete_in(100'000).record(31, 4000, 1'000'000);
  const Comparison comparison = comparison_of(before, after);
  EXPECT_EQ(
      comparison.devices.at(0).time.sentence,
      "of the whole recording's mean latency, 2.00 ms -> 1.00 ms, 1.00 ms less (1.00 ms to 1.00 ms): between issue and "
      "completion 1.00 ms less (1.00 ms to 1.00 ms); left out: at the host (not measured before), in completion (not "
      "measured before)");
  EXPECT_THAT(render_text(comparison), testing::ContainsRegex("\n    at the host +- +900 us\n"));
  EXPECT_EQ(comparison_of(after, same).devices.at(0).time.sentence, "");
}

// The figures of a row and of the line `time:` are of one method.
TEST(Compare, APartIsCertainInItsRowExactlyWhereItIsInTheLineAboutTime) {
  std::uint64_t ns = 1;
  const auto record = [&](Recorder& recorder, std::uint64_t spread) {
    recorder.complete_in(100'000).record(1, 2000, 0);
    for (int second = 0; second < 30; ++second) {
      ns = ns * 48271 % 2147483647;  // Park and Miller
      recorder.complete_in(100'000 + ns % spread);
      recorder.pass_second(2000, 500'000 + ns % spread);
      recorder.add_reading();
    }
  };
  for (const std::uint64_t spread : {50'000U, 400'000U, 900'000U}) {
    Recorder a(1), b(1);
    record(a, spread);
    record(b, 2 * spread);
    const auto device = nlohmann::json::parse(render_json(comparison_of(a, b)))["devices"][0];
    for (const auto& [part, row] : {std::pair("at_host", "at_host_mean"), {"completion", "completion_mean"}}) {
      const auto& ratio = device["numbers"][row];
      EXPECT_EQ(device["time"]["parts"][part]["certain"].get<bool>(), ratio["ratio_low"] > 1 || ratio["ratio_high"] < 1)
          << part << " " << spread;
    }
  }
}

TEST(Compare, APercentileThatRequestsAreTooFewForIsAbsent) {
  Recorder before(1), after(1);
  before.record(31, 20, 2'000'000);  // some 600 requests
  after.record(31, 2000, 1'000'000);
  const Comparison comparison = comparison_of(before, after);
  const auto read = nlohmann::json::parse(render_json(comparison))["devices"][0]["operations"]["read"];
  EXPECT_TRUE(read["device_latency_p95"]["before"].is_number());
  EXPECT_TRUE(read["device_latency_p99"]["before"].is_null());
  EXPECT_TRUE(read["device_latency_p99"]["after"].is_number());
  EXPECT_FALSE(read["device_latency_p99"].contains("ratio"));
  EXPECT_TRUE(read["queue_latency_p99"]["before"].is_null());
  EXPECT_THAT(render_text(comparison), testing::ContainsRegex("\n  device p99 +- +[0-9]"));
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

TEST(Compare, GivesSharesOfWaitingOfLongEnoughWindowsAndNeverMoreThanAll) {
  const auto share_of = [](int seconds) {
    Recorder recorder(1);
    recorder.record(1, 0, 0);
    for (int i = 0; i < seconds; ++i) {
      *recorder.reading().snapshot.activity.cpu_some_us += 1'100'000;
      recorder.pass_second(2000, 1'000'000);
      recorder.add_reading();
    }
    Recorder other(1);
    other.record(12, 2000, 1'000'000);
    return nlohmann::json::parse(render_json(comparison_of(recorder, other)))["guest"]["cpu_pressure_share"]["before"];
  };
  EXPECT_EQ(share_of(4), nullptr);
  EXPECT_EQ(share_of(9), 1.0);
}

TEST(Compare, SaysOfAWorseThatTheCpusWereBusyAllTheTime) {
  const auto notes_of = [](std::uint64_t user, std::uint64_t waited_us) {
    Recorder before(1), after(1);
    const auto record = [&](Recorder& recorder, std::uint64_t rate, std::uint64_t latency_ns) {
      recorder.record(1, 0, 0);
      for (int i = 0; i < 30; ++i) {
        recorder.reading().snapshot.activity.cpu->user += user;
        recorder.reading().snapshot.activity.cpu->idle += 100 - user;
        *recorder.reading().snapshot.activity.cpu_some_us += waited_us;
        recorder.pass_second(rate, latency_ns);
        recorder.add_reading();
      }
    };
    record(before, 4000, 1'000'000);
    record(after, 2000, 2'000'000);
    const Comparison comparison = comparison_of(before, after);
    EXPECT_EQ(comparison.devices.at(0).judgement.verdict, Verdict::kWorse);
    return comparison.devices[0].judgement.notes;
  };
  const auto told = [](const char* shares) { return testing::Contains(HasSubstr(shares)); };
  EXPECT_THAT(notes_of(99, 0), told("the vCPUs were busy for 99 % of the time before and 99 % after, and tasks waited "
                                    "for CPUs for 0 % of the time before and 0 % after: latency and rate depend on"));
  EXPECT_THAT(notes_of(40, 600'000), told("tasks waited for CPUs for 60 % of the time before and 60 % after"));
  EXPECT_THAT(notes_of(90, 400'000), Not(told("the vCPUs were busy")));
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

}  // namespace
}  // namespace vqscope
