// SPDX-License-Identifier: Apache-2.0
// `vqscope explain`: FINDINGS.md on a terminal.
#include "agent/commands/explain/explain.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "agent/base/wrap.h"
#include "agent/diagnosis/finding.h"
#include "agent/model/losses.h"
#include "tests/unit/doctor_reading.h"

namespace vqscope {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Explain, HasASectionForEveryFinding) {
  const auto list = explain("", 80, false);
  ASSERT_TRUE(list);
  for (const FindingKind& kind : finding_kinds()) {
    const std::string id(kind.id);
    EXPECT_THAT("\n" + *list, HasSubstr("\n  " + id + " ")) << id;
    const auto text = explain(id, 80, false);
    ASSERT_TRUE(text) << id;
    EXPECT_THAT(*text, StartsWith(wrap(kind.title, 80, id + ": ", "  ") + "\nWhat it means. "));
    for (const char* part : {"What it means.", "How it is decided.", "How to mend it."})
      EXPECT_THAT(*text, HasSubstr(part)) << id;
  }
}

TEST(Explain, KnowsTheKindsOfLostEvents) {
  const std::string list = explain("", 80, false).value();
  for (const std::string_view kind : kLossNames) {
    EXPECT_THAT("\n" + list, HasSubstr(fmt::format("\n  {} ", kind)));
    EXPECT_THAT(explain(std::string(kind), 80, false).value(), StartsWith(fmt::format("{}: Not counted: ", kind)));
  }
  EXPECT_THAT(explain("stale-slot", 80, false).value(), HasSubstr("rates are too low by the"));
}

TEST(Explain, KeepsToTheWidthAndHasNoMarkdown) {
  std::vector<std::string> topics = {"", "json", "which-disk-to-choose", "stale_slot", "lock_wait"};
  for (const FindingKind& kind : finding_kinds()) topics.emplace_back(kind.id);
  for (const std::size_t width : {60U, 80U}) {
    for (const std::string& topic : topics) {
      const std::string text = explain(topic, width, false).value();
      EXPECT_THAT(text, Not(HasSubstr("**"))) << topic;
      EXPECT_THAT(text, Not(HasSubstr("](#"))) << topic;
      EXPECT_THAT(text, Not(HasSubstr("|---"))) << topic;
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);)
        if (line.find(' ', line.find_first_not_of(' ')) != std::string::npos && !line.starts_with("    ")) {
          EXPECT_LE(line.size(), width) << line;
        }
    }
  }
}

// The names of all members, at any depth, but of those that are data themselves.
void collect_keys(const nlohmann::json& json, std::set<std::string>& keys) {
  if (json.is_array()) {
    for (const nlohmann::json& item : json) collect_keys(item, keys);
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      keys.insert(key);
      if (key == "numbers") continue;  // each finding has its own
      collect_keys(value, keys);
    }
  }
}

TEST(Explain, OfJsonNamesEveryKeyThatTheDoctorPrints) {
  Reading first = test::reading(10, 0), last = test::reading(20, 400'000);
  for (Reading* end : {&first, &last}) {
    Disk& disk = end->topology.disks[0];
    disk.stacking = {Layer{"vda", "multi", "mpath"}, {"sda"}, {{"dm-0", "vg0-root", "LVM"}}};
  }
  QueueCounters& queue = last.snapshot.devices[0].queues->front();
  queue.oldest_ns = 19 * test::kSecond;
  queue.inflight = 1;
  queue.ops[VQS_READ]->queue.set(40, 400'000);
  last.snapshot.devices[0].locks[0].waits = 1000;
  last.snapshot.devices[0].locks[0].wait_ns = 1'000'000;
  Report report = make_report(first, last, Course(), {Platform::kQemu});
  report.diagnosis.disks[0].measured.queues[0].full_share = 0.5;
  report.full_cpus = {CpuLoad{0, 0.99, 0}};
  report.origin.place = "guest";
  report.untold.push_back({"vdb", "no request at all", true, true});
  std::set<std::string> keys;
  collect_keys(nlohmann::json::parse(to_json(report)), keys);
  for (const char* some : {"oldest_inflight_seconds", "irq_concentration_ratio", "full_ratio", "p999_seconds", "undo",
                           "queue_latency", "completion_cross_cpu_seconds", "steal_ratio", "too_few_requests"})
    EXPECT_TRUE(keys.contains(some)) << some << " is not in the report that this looks at";
  const std::string_view document = findings_document();
  const std::string_view section = document.substr(document.find("\n## JSON"));
  for (const std::string& key : keys)
    EXPECT_TRUE(std::regex_search(std::string(section), std::regex("\\b" + key + "\\b"))) << key;
}

TEST(Explain, SaysWhereLinksLead) {
  EXPECT_THAT(explain("single_queue", 80, false).value(), HasSubstr("See also:\n  vqscope explain "));
}

TEST(Explain, TakesOtherSpellings) {
  EXPECT_EQ(explain("Which disk to choose", 80, false).value(), explain("which-disk-to-choose", 80, false).value());
  EXPECT_EQ(explain("JSON", 80, false).value(), explain("json", 80, false).value());
  EXPECT_EQ(explain("single-queue", 80, false).value(), explain("single_queue", 80, false).value());
}

TEST(Explain, OfSomethingElseSaysWhatMayBeMeant) {
  const auto near = explain("singel_queue", 80, false);
  ASSERT_FALSE(near);
  EXPECT_EQ(near.error().message, "there is no finding 'singel_queue'; did you mean 'single_queue'?");
  const auto far = explain("weather", 80, false);
  ASSERT_FALSE(far);
  EXPECT_EQ(far.error().message, "there is no finding 'weather'; 'vqscope explain' lists those that there are");
}

}  // namespace
}  // namespace vqscope
