// SPDX-License-Identifier: Apache-2.0
// How `vqscope doctor` writes its report: width, colour, pictures, Markdown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "agent/base/wrap.h"
#include "agent/commands/doctor/layout.h"
#include "agent/commands/doctor/report.h"
#include "tests/unit/doctor_reading.h"

namespace vqscope {
namespace {

using test::kSecond;
using test::reading;
using test::report;
using ::testing::HasSubstr;
using ::testing::StartsWith;

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

TEST(Doctor, AWindowOfAClockThatStandsAtItsEndEndsThere) {
  ReportOptions options;
  options.origin.place = "db_1";
  options.origin.header.started_realtime_ns = std::numeric_limits<std::uint64_t>::max() - 1;
  EXPECT_THAT(to_markdown(make_report(reading(10, 0), reading(20, 1'000), Course(), options)),
              HasSubstr("- Window: 2554-07-21 23:34:33 to 2554-07-21 23:34:33 UTC (10 s)\n"));
}

TEST(Doctor, ColoursOnlyWhenAsked) {
  EXPECT_THAT(to_text(report(400'000), {80, true}), StartsWith("\x1b[1;31mCRITICAL\x1b[0m  vda: "));
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
