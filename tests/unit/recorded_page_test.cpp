// SPDX-License-Identifier: Apache-2.0
// What `vqscope serve --replay` shows.
#include "agent/commands/serve/recorded_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/commands/compare/sides.h"
#include "agent/commands/serve/pages.h"
#include "recorder.h"

namespace vqscope {
namespace {

using nlohmann::json;
using test::Recorder;
using ::testing::HasSubstr;

constexpr double kStart = 1'700'000'001;  // of a Recorder's first reading

Result<RecordedPage> page_of(const std::filesystem::path& file, const char* from = nullptr) {
  Piece piece{file, {}, {}};
  if (from != nullptr) piece.from = parse_moment(from);
  return make_recorded_page(piece, {}, "9.9", "run1");
}

// All that a browser asks for, in one answer.
json all_of(LivePage& page) {
  json all = json::parse(page.answer("", false)->bytes());
  while (all["more"]) {
    const json more = json::parse(page.answer("since=" + all["cursor"].get<std::string>(), false)->bytes());
    for (const json& step : more["steps"]) all["steps"].push_back(step);
    all["more"] = more["more"];
    all["cursor"] = more["cursor"];
  }
  return all;
}

TEST(RecordedPage, HasEverySecondOfTheRecording) {
  Recorder recorder(2);
  recorder.reading().topology.vmm = "firecracker";
  recorder.record(301, 2'000, 1'000'000);
  const auto file = recorder.save();
  const auto recorded = page_of(file);
  ASSERT_TRUE(recorded) << recorded.error().message;
  const json all = all_of(*recorded->page);
  EXPECT_EQ(all["recording"], (json{{"note", ""}, {"begin", kStart}, {"end", kStart + 300}}));
  EXPECT_EQ(all["machine"]["host"], file.string());
  EXPECT_EQ(all["machine"]["vmm"], "firecracker");
  ASSERT_EQ(all["steps"].size(), 300U);
  EXPECT_EQ(all["steps"][0]["time"], kStart + 1);
  EXPECT_EQ(all["steps"][299]["time"], kStart + 300);
  EXPECT_GE(all["steps"][0]["disks"][0]["requests_per_second"], 1'990);
  EXPECT_EQ(recorded->what, file.string() + ", from 2023-11-14 22:13:21 to 2023-11-14 22:18:21 UTC");
}

TEST(RecordedPage, ShowsTheFirstQuarterOfAnHourAndSaysWhatFollows) {
  Recorder recorder(1);
  recorder.record(1'000, 100, 1'000'000);
  const auto file = recorder.save();
  const auto recorded = page_of(file);
  ASSERT_TRUE(recorded) << recorded.error().message;
  const json all = all_of(*recorded->page);
  EXPECT_EQ(all["steps"].size(), 899U);
  EXPECT_EQ(all["steps"].front()["time"], kStart + 1) << "nothing is forgotten";
  EXPECT_EQ(all["recording"]["end"], kStart + 899);
  EXPECT_EQ(all["recording"]["goes_on_until"], kStart + 999);
  EXPECT_THAT(recorded->what, HasSubstr("; it goes on until 2023-11-14 22:30:00 UTC, of which --from shows more"));
  const auto rest = page_of(file, "15m");
  EXPECT_EQ(all_of(*rest->page)["steps"].size(), 99U);
}

TEST(RecordedPage, HasNoStepBetweenTwoRunsOfTheAgent) {
  Recorder recorder(1);
  recorder.record(5, 100, 1'000'000).boot("other").record(5, 100, 1'000'000);
  const auto recorded = page_of(recorder.save());
  ASSERT_TRUE(recorded) << recorded.error().message;
  EXPECT_EQ(all_of(*recorded->page)["steps"].size(), 8U);
}

TEST(RecordedPage, TellsWhatWasFoundAtEachMoment) {
  Recorder recorder(1);
  recorder.record(31, 2'000, 2'000'000);
  const auto file = recorder.save();
  std::vector<std::string> shown, told;
  const auto page = page_of(file);
  const json all = all_of(*page->page);
  ASSERT_GE(all["judged"].size(), 1U);
  for (const json& finding : all["judged"].back()["findings"]) shown.push_back(finding["finding"]);
  const auto series = load_series(file, {});
  for (const Finding& finding : series->findings) told.emplace_back(finding.kind->id);
  EXPECT_FALSE(told.empty());
  EXPECT_EQ(shown, told) << "it is the same all the time";
}

TEST(RecordedPage, JudgesAShortOneAtItsEnd) {
  Recorder recorder(1);
  recorder.record(4, 2'000, 2'000'000);
  const auto page = page_of(recorder.save());
  const json all = all_of(*page->page);
  ASSERT_EQ(all["judged"].size(), 1U);
  EXPECT_EQ(all["judged"][0]["step"], 3);
}

TEST(RecordedPage, NeedsTwoReadings) {
  Recorder recorder(1);
  recorder.record(1, 100, 1'000'000);
  const auto recorded = page_of(recorder.save());
  ASSERT_FALSE(recorded);
  EXPECT_THAT(recorded.error().message, HasSubstr("has no two readings of that time, and so nothing to show"));
}

TEST(RecordedPage, GivesNeitherMetricsNorASnapshot) {
  Recorder recorder(1);
  recorder.record(3, 100, 1'000'000);
  const auto recorded = page_of(recorder.save());
  const Site site("9.9", "/metrics");
  Connections connections(10);
  for (const auto& [path, status] : {std::pair("/", 200), std::pair("/metrics", 404), std::pair("/-/snapshot", 404),
                                     std::pair("/-/history", 200), std::pair("/-/ready", 200), std::pair("/x", 404)}) {
    HttpRequest request{};
    request.path = path;
    EXPECT_EQ(answer_of_recording(request, site, *recorded->page, "/metrics", connections).status, status) << path;
  }
}

}  // namespace
}  // namespace vqscope
