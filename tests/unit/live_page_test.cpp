// SPDX-License-Identifier: Apache-2.0
#include "exporters/page/live_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>

#include "agent/model/window.h"
#include "agent/view/disk_view.h"
#include "agent/view/losses.h"
#include "exporters/page/site.h"
#include "tests/unit/readings.h"
#include "tests/unit/top_case.h"

namespace vqscope {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Json = nlohmann::json;

constexpr std::uint64_t kSecond = 1'000'000'000;

// An agent whose guest is stirred each second.
class Agent {
 public:
  explicit Agent(Reading first, unsigned seed = 1) : reading(std::move(first)), random_(seed) { tell(); }

  void pass(unsigned seconds) {
    for (unsigned i = 0; i < seconds; ++i) {
      test::stir(reading, random_);
      tell();
    }
  }

  void tell() { page.add(reading, realtime_ns += kSecond); }

  [[nodiscard]] Json ask(const std::string& query = "") {
    const auto answer = page.answer(query, false);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? Json::parse(answer->bytes()) : Json();
  }

  // All that there is.
  [[nodiscard]] std::vector<Json> steps() {
    std::vector<Json> all;
    Json answer = ask();
    for (;;) {
      for (Json& step : answer["steps"]) all.push_back(std::move(step));
      if (!answer["more"]) return all;
      answer = ask("since=" + std::string(answer["cursor"]));
    }
  }

  Reading reading;
  std::uint64_t realtime_ns = 1'700'000'000 * kSecond;
  LivePage page{"1.2.3", "abc", "db1"};

 private:
  std::mt19937_64 random_;
};

std::uint64_t sum(const Json& counts) {
  std::uint64_t total = 0;
  for (const auto& count : counts) total += count.get<std::uint64_t>();
  return total;
}

TEST(LivePage, TellsWhatTheViewTellsOfEachSecond) {
  Agent agent(test::quiet_reading(2));
  agent.pass(1);
  const Reading first = agent.reading;
  agent.pass(1);
  const auto window = disk_window(first.snapshot, agent.reading.snapshot, "vda");
  ASSERT_TRUE(window);
  const Disk& disk = agent.reading.topology.disks[0];
  const DiskView view = disk_view(disk, &agent.reading.snapshot.devices[0], &*window);
  const Json shown = agent.steps().at(1)["disks"][0];
  EXPECT_EQ(shown["name"], "vda");
  EXPECT_NEAR(shown["requests_per_second"], *view.requests_rate, *view.requests_rate * 1e-5);
  EXPECT_NEAR(shown["bytes_per_second"], *view.bytes_rate, *view.bytes_rate * 1e-5);
  EXPECT_NEAR(shown["average_in_flight"], *view.average_inflight, *view.average_inflight * 1e-5);
  EXPECT_EQ(shown["at_device"]["count"], view.at_device.count);
  EXPECT_EQ(sum(shown["at_device"]["rows"]), view.at_device.count);
  EXPECT_NEAR(shown["at_device"]["p50_seconds"], view.at_device.p50->seconds, view.at_device.p50->seconds * 1e-5);
  EXPECT_EQ(sum(shown["before_issue"]["rows"]), view.before_issue.count);
  ASSERT_THAT(shown["queues"], SizeIs(2));
  std::uint64_t by_queue = 0;
  for (const Json& queue : shown["queues"])
    if (queue.contains("at_device")) by_queue += sum(queue["at_device"]["rows"]);
  EXPECT_EQ(by_queue, view.at_device.count);
}

TEST(LivePage, ACursorGetsWhatIsNewAndNothingElse) {
  Agent agent(test::quiet_reading(1));
  Json answer = agent.ask();
  EXPECT_EQ(answer["cursor"], "abc-0");
  EXPECT_THAT(answer["steps"], SizeIs(0));
  EXPECT_EQ(answer["machine"]["host"], "db1");
  agent.pass(3);
  answer = agent.ask();
  EXPECT_EQ(answer["cursor"], "abc-3");
  EXPECT_THAT(answer["steps"], SizeIs(3));
  EXPECT_TRUE(answer.contains("machine"));
  EXPECT_TRUE(answer.contains("findings"));
  agent.pass(1);
  answer = agent.ask("since=abc-3");
  EXPECT_THAT(answer["steps"], SizeIs(1));
  EXPECT_FALSE(answer.contains("machine"));
  EXPECT_FALSE(answer.contains("findings"));
  EXPECT_THAT(agent.ask("since=abc-4")["steps"], SizeIs(0));
  EXPECT_THAT(agent.ask("since=other-2")["steps"], SizeIs(4)) << "of another run of the agent";
}

TEST(LivePage, TellsOfTheMachineWhenItChanges) {
  Agent agent(test::quiet_reading(1));
  agent.pass(2);
  agent.reading.topology.vmm = "firecracker";
  agent.pass(1);
  EXPECT_EQ(agent.ask("since=abc-2")["machine"]["vmm"], "firecracker");
  EXPECT_FALSE(agent.ask("since=abc-3").contains("machine"));
}

// A guest with one queue for four vCPUs, that is under load or is not.
class Loaded {
 public:
  void pass(unsigned seconds, std::uint64_t requests) {
    for (unsigned i = 0; i < seconds; ++i) {
      readings.read(0, requests, 100'000);
      DeviceSnapshot& device = readings.reading().snapshot.devices[0];
      for (OriginCounters& origin : (*device.queues)[0].origins) origin.local += requests;
      device.vectors[0].per_cpu[0] += 4 * requests;
      recent.add(readings.reading().topology, readings.reading().snapshot);
      told.push_back(recent.judge());
      page.add(readings.next().reading, realtime_ns += kSecond);
    }
  }
  [[nodiscard]] Json ask(const std::string& query = "") { return Json::parse(page.answer(query, false)->bytes()); }

  test::Readings readings = test::Readings(1, 4);
  RecentReadings recent;
  std::vector<RecentFindings> told;  // up to each second
  std::uint64_t realtime_ns = 1'700'000'000 * kSecond;
  LivePage page{"1.2.3", "abc", "db1"};
};

std::vector<std::string> ids_of(const Json& findings) {
  std::vector<std::string> ids;
  for (const Json& finding : findings) ids.push_back(finding["finding"]);
  return ids;
}

TEST(LivePage, TellsOfEachMomentWhatWasFoundInTheSecondsBeforeIt) {
  Loaded guest;
  guest.pass(31, 5'000);
  guest.pass(30, 0);
  const Json answer = guest.ask();
  ASSERT_THAT(answer["judged"], SizeIs(12));
  for (const Json& judged : answer["judged"]) {
    const RecentFindings& recent = guest.told.at(judged["step"].get<std::size_t>());
    EXPECT_NEAR(judged["seconds"], recent.seconds.value_or(0), 0.01);
    ASSERT_THAT(judged["findings"], SizeIs(recent.found.size()));
    for (std::size_t i = 0; i < recent.found.size(); ++i) {
      EXPECT_EQ(judged["findings"][i]["finding"], recent.found[i].kind->id);
      EXPECT_EQ(judged["findings"][i]["severity"], name_of(recent.found[i].found.severity));
      EXPECT_EQ(judged["findings"][i]["device"], recent.found[i].device);
      EXPECT_EQ(judged["findings"][i]["evidence"], Json(recent.found[i].found.evidence));
    }
  }
  EXPECT_THAT(ids_of(answer["judged"][5]["findings"]), Contains("single_queue"));
  EXPECT_THAT(ids_of(answer["findings"]), Not(Contains("single_queue")));
  // What it was and what to do about it can be told, too.
  EXPECT_THAT(ids_of(answer["found_before"]), Contains("single_queue"));
  for (const Json& finding : answer["found_before"]) EXPECT_TRUE(finding["remedy"].contains("steps"));
}

TEST(LivePage, TellsOfTheFindingsWhenTheyWereJudged) {
  Loaded guest;
  guest.pass(5, 5'000);
  EXPECT_FALSE(guest.ask().contains("judged")) << "there is hardly a window yet";
  EXPECT_THAT(guest.ask()["findings"], SizeIs(0));
  guest.pass(1, 5'000);
  const Json answer = guest.ask("since=abc-4");
  EXPECT_THAT(ids_of(answer["findings"]), Contains("single_queue"));
  EXPECT_FALSE(answer["findings"][0]["explanation"].empty());
  EXPECT_THAT(answer["judged"], SizeIs(1));
  guest.pass(1, 5'000);
  EXPECT_FALSE(guest.ask("since=abc-5").contains("findings"));
  EXPECT_FALSE(guest.ask("since=abc-5").contains("judged"));
}

TEST(LivePage, ForgetsWhatWasFoundWithTheMomentsItKeeps) {
  Loaded guest;
  guest.pass(31, 5'000);
  guest.pass(kHistorySeconds + 20, 0);
  const std::string cursor = guest.ask()["cursor"];
  const Json answer = guest.ask();
  EXPECT_THAT(ids_of(answer["found_before"]), Not(Contains("single_queue")));
  EXPECT_LE(answer["judged"].size(), kHistorySeconds / 5 + 1);
  EXPECT_LT(answer["judged"][0]["step"].get<unsigned>(), 60U);
}

TEST(LivePage, TellsOfADiskWithWhichItBeginsToKeepLessDetail) {
  Agent agent(test::quiet_reading(40));
  agent.pass(2);
  const std::string cursor = agent.ask()["cursor"];
  agent.reading.topology.disks.push_back(agent.reading.topology.disks[0]);
  agent.reading.snapshot.devices.push_back(agent.reading.snapshot.devices[0]);
  agent.reading.topology.disks[1].name = agent.reading.snapshot.devices[1].name = "vdb";
  agent.pass(1);
  EXPECT_EQ(agent.ask()["cursor"], cursor) << "from one reading to the next the numbers are not the same kind";
  EXPECT_THAT(agent.ask("since=" + cursor)["machine"]["disks"], SizeIs(2));
  agent.pass(1);
  EXPECT_THAT(agent.ask("since=" + cursor)["machine"]["disks"], SizeIs(2));
}

TEST(LivePage, ADiskThatComesHasNumbersFromItsSecondReadingOn) {
  Agent agent(test::quiet_reading(1));
  agent.pass(1);
  Reading more = test::quiet_reading(1);
  more.topology.disks[0].name = more.snapshot.devices[0].name = "vdb";
  agent.reading.topology.disks.push_back(more.topology.disks[0]);
  agent.reading.snapshot.devices.push_back(more.snapshot.devices[0]);
  agent.pass(2);
  agent.reading.topology.disks.erase(agent.reading.topology.disks.begin());
  agent.reading.snapshot.devices.erase(agent.reading.snapshot.devices.begin());
  agent.pass(1);
  const auto steps = agent.steps();
  EXPECT_THAT(steps.at(0)["disks"], SizeIs(1));
  EXPECT_THAT(steps.at(1)["disks"], SizeIs(1));
  EXPECT_THAT(steps.at(2)["disks"], SizeIs(2));
  ASSERT_THAT(steps.at(3)["disks"], SizeIs(1));
  EXPECT_EQ(steps.at(3)["disks"][0]["name"], "vdb");
}

TEST(LivePage, WhatWasNotSeenIsToldInTheWordsOfTop) {
  Agent agent(test::quiet_reading(1));
  agent.reading.snapshot.losses.emplace();
  agent.tell();
  const Reading before = agent.reading;
  (*agent.reading.snapshot.losses)[VQS_LOST_STALE_SLOT] = 3;
  (*agent.reading.snapshot.losses)[VQS_LOST_NOTIFY_NESTING] = 1;
  agent.pass(1);
  const Json step = agent.steps().back();
  EXPECT_EQ(step["lost"], Json({{"stale_slot", 3}, {"notify_nesting", 1}}));
  Json sentences = Json::array();
  const auto losses = losses_between(before.snapshot, agent.reading.snapshot);
  ASSERT_TRUE(losses);
  for (const Loss& loss : *losses) sentences.push_back(tell(loss));
  EXPECT_EQ(step["not_counted"], sentences);
  EXPECT_THAT(step["not_counted"], SizeIs(2));
  agent.pass(1);
  EXPECT_FALSE(agent.steps().back().contains("not_counted"));
}

TEST(LivePage, AllWhoAskForTheSameShareOneAnswer) {
  Agent agent(test::quiet_reading(1));
  agent.pass(2);
  const auto first = agent.page.answer("since=abc-1", true), second = agent.page.answer("since=abc-1", true);
  EXPECT_EQ(first->bytes().data(), second->bytes().data());
  agent.pass(1);
  EXPECT_NE(agent.page.answer("since=abc-1", true)->bytes(), first->bytes());
}

TEST(LivePage, AWrongCursorIsToldSo) {
  Agent agent(test::quiet_reading(1));
  agent.pass(1);
  for (const char* query :
       {"since", "since=", "since=abc", "since=abc-", "since=-1", "since=abc-x", "since=abc-1x", "since=abc--1",
        "since=ABC-1", "since=abc-99999999999999999999", "after=abc-1", "since=abc-1&x=y", "since=a%62c-1"}) {
    const auto answer = agent.page.answer(query, false);
    ASSERT_FALSE(answer) << query;
    EXPECT_THAT(answer.error().message, HasSubstr("the cursor of an answer before")) << query;
  }
  const auto ahead = agent.page.answer("since=abc-2", false);
  ASSERT_FALSE(ahead);
  EXPECT_EQ(ahead.error().message, "there is no entry abc-2 yet: the newest is abc-1");
}

TEST(LivePage, ATypicalGuestIsKeptWholeInItsRoom) {
  Reading reading = test::quiet_reading(4, 8);
  for (const char* name : {"vdb", "vdc", "vdd"}) {
    const Reading more = test::quiet_reading(4, 8);
    reading.topology.disks.push_back(more.topology.disks[0]);
    reading.snapshot.devices.push_back(more.snapshot.devices[0]);
    reading.topology.disks.back().name = reading.snapshot.devices.back().name = name;
  }
  Agent agent(std::move(reading));
  agent.pass(5);
  for (const Json& step : agent.steps()) {
    ASSERT_THAT(step["disks"], SizeIs(4));
    for (const Json& disk : step["disks"]) EXPECT_THAT(disk["queues"], SizeIs(4));
  }
}

TEST(LivePage, AGuestThatIsTooLargeIsKeptInLessDetailAndInItsRoom) {
  Reading reading = test::quiet_reading(16, 128);
  for (int i = 1; i < 64; ++i) {
    reading.topology.disks.push_back(reading.topology.disks[0]);
    reading.snapshot.devices.push_back(reading.snapshot.devices[0]);
    reading.topology.disks.back().name = reading.snapshot.devices.back().name = "vd" + std::to_string(i);
  }
  EXPECT_EQ(step_seconds(reading.topology), 4U);
  Agent agent(std::move(reading));
  agent.pass(3);
  const auto steps = agent.steps();
  ASSERT_THAT(steps, SizeIs(3));
  for (const Json& step : steps) {
    EXPECT_LE(pack(step.dump()).size(), 2 * kBytesPerSecond);
    EXPECT_FALSE(step["disks"].empty());
    EXPECT_TRUE(step["disks"][0].contains("at_device"));
    EXPECT_EQ(step["disks"].size() + step.value("left_out_disks", 0U), 64U);
  }
}

TEST(Site, LinksAreRelativeAndHoldNothingButAPath) {
  EXPECT_EQ(relative_link("/metrics"), "./metrics");
  EXPECT_EQ(relative_link("/a/b:c"), "./a/b%3Ac");
  EXPECT_EQ(relative_link("/\"><script>"), "./%22%3E%3Cscript%3E");
  const auto page = Site("1.2.3", "/m\"x").find("/", false);
  ASSERT_TRUE(page);
  EXPECT_THAT(page->body.bytes(), HasSubstr("href=\"./m%22x\""));
  EXPECT_THAT(page->body.bytes(), HasSubstr("vqscope 1.2.3"));
}

}  // namespace
}  // namespace vqscope
