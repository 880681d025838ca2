// SPDX-License-Identifier: Apache-2.0
// agent/topology/parse.h and agent/base/text.h.
#include "agent/topology/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "agent/base/text.h"
#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using test::read_fixture;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

// ---- base/text.h

TEST(Trim, RemovesBlanksAtBothEndsOnly) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(" \n\t"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Split, GivesThePiecesBetweenRunsOfSeparators) {
  EXPECT_THAT(split("  a\tb  c\n"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split("a, b,,c", ", "), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split("a b", ","), ElementsAre("a b"));
  EXPECT_THAT(split(" \n "), IsEmpty());
  EXPECT_THAT(split(""), IsEmpty());
}

TEST(ParseNumber, TakesWholeDecimalNumbers) {
  EXPECT_EQ(parse_number<std::uint32_t>("0"), 0U);
  EXPECT_EQ(parse_number<std::uint32_t>("007"), 7U);
  EXPECT_EQ(parse_number<std::uint32_t>("4294967295"), 4294967295U);
  EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551615"), 18446744073709551615U);
  EXPECT_EQ(parse_number<int>("-5"), -5);
}

TEST(ParseNumber, RejectsEverythingElse) {
  for (const char* text : {"", " ", "-", "+1", " 1", "1 ", "1\n", "0x1", "1.0", "1e3", "one", "1,2", "-1"})
    EXPECT_EQ(parse_number<std::uint64_t>(text), std::nullopt) << "'" << text << "'";
  EXPECT_EQ(parse_number<std::uint64_t>(std::string_view("1\0", 2)), std::nullopt);
}

TEST(ParseNumber, RejectsOverflow) {
  EXPECT_EQ(parse_number<std::uint8_t>("256"), std::nullopt);
  EXPECT_EQ(parse_number<std::uint32_t>("4294967296"), std::nullopt);
  EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551616"), std::nullopt);
  EXPECT_EQ(parse_number<std::uint64_t>("99999999999999999999999999"), std::nullopt);
}

class Files : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, std::string_view content) {
    const auto path = folder_.path() / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  test::TemporaryFolder folder_;
};

TEST_F(Files, AreReadToTheirEnd) {
  EXPECT_EQ(read_file(write("empty", "")).value(), "");
  EXPECT_EQ(read_file(write("nul", std::string_view("a\0b\n", 4))).value(), std::string_view("a\0b\n", 4));
  std::string large(100'000, 'x');
  std::iota(large.begin(), large.end(), '\0');
  EXPECT_EQ(read_file(write("large", large)).value(), large);
}

TEST_F(Files, ThatCannotBeReadAreErrorsThatNameThem) {
  const auto missing = read_file(folder_.path() / "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("/missing"), HasSubstr("No such file")));
  const auto directory = read_file(folder_.path());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, EISDIR);
  EXPECT_THAT(directory.error().message, HasSubstr(folder_.path().string()));
}

TEST_F(Files, OfMoreThan16MebibytesAreErrors) {
  const auto path = write("huge", "");
  std::filesystem::resize_file(path, (16 << 20) + 1);
  const auto content = read_file(path);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, EFBIG);
}

TEST_F(Files, AreTrimmedOrReadAsNumbersWhenTheyMakeSense) {
  EXPECT_EQ(read_trimmed(write("text", " none [mq]\n")), "none [mq]");
  EXPECT_EQ(read_trimmed(folder_.path() / "missing"), std::nullopt);
  EXPECT_EQ(read_number<std::uint32_t>(write("number", "128\n")), 128U);
  EXPECT_EQ(read_number<std::uint32_t>(write("garbage", "128 kB\n")), std::nullopt);
  EXPECT_EQ(read_number<std::uint32_t>(write("blank", "\n")), std::nullopt);
  EXPECT_EQ(read_number<std::uint32_t>(folder_.path() / "missing"), std::nullopt);
}

TEST_F(Files, OfADirectoryAreListedInOrder) {
  for (const char* name : {"b", "a", "10", "9"}) write(name, "");
  EXPECT_THAT(list_directory(folder_.path()), ElementsAre("10", "9", "a", "b"));
  EXPECT_THAT(list_directory(folder_.path() / "missing"), IsEmpty());
  EXPECT_THAT(list_directory(folder_.path() / "a"), IsEmpty());
}

// ---- CPU lists

TEST(ParseCpuList, TakesNumbersAndRanges) {
  EXPECT_THAT(parse_cpu_list("0-3,8\n").value(), ElementsAre(0, 1, 2, 3, 8));
  EXPECT_THAT(parse_cpu_list("0, 1, 2").value(), ElementsAre(0, 1, 2));
  EXPECT_THAT(parse_cpu_list("5-5").value(), ElementsAre(5));
  EXPECT_THAT(parse_cpu_list("65535").value(), ElementsAre(65535));
  EXPECT_EQ(parse_cpu_list("0-65535").value().size(), 65536U);
}

TEST(ParseCpuList, OfNothingIsEmpty) {
  EXPECT_THAT(parse_cpu_list("").value(), IsEmpty());
  EXPECT_THAT(parse_cpu_list(" \n").value(), IsEmpty());
}

TEST(ParseCpuList, RejectsWhatIsNone) {
  for (const char* text : {"x", "0-", "-3", "-", "3-1", "1-2-3", "0x1", "1.5", "0;1", "0-3:1/2", "65536", "0-65536",
                           "4294967296", "0-4294967295", "99999999999999999999", "0,1,two"}) {
    const auto cpus = parse_cpu_list(text);
    ASSERT_FALSE(cpus) << text;
    EXPECT_THAT(cpus.error().message, HasSubstr(text));
  }
}

TEST(ParseErrors, QuoteUntrustedTextPrintablyAndShortly) {
  const auto unprintable = parse_cpu_list("\x1b[31m\x7f\xff");
  ASSERT_FALSE(unprintable);
  EXPECT_THAT(unprintable.error().message, HasSubstr("'?[31m?"
                                                     "?'"));
  const auto endless = parse_cpu_list(std::string(100'000, 'z'));
  ASSERT_FALSE(endless);
  EXPECT_LT(endless.error().message.size(), 200U);
}

// ---- per_cpu_count

TEST(ParsePerCpuCount, TakesOneNumberPerPossibleCpu) {
  EXPECT_THAT(parse_per_cpu_count("0,73832\n", {0, 1}).value(), ElementsAre(0, 73832));
  EXPECT_THAT(parse_per_cpu_count("7\n", {0}).value(), ElementsAre(7));
  EXPECT_THAT(parse_per_cpu_count("18446744073709551615,0\n", {0, 1}).value(), ElementsAre(18446744073709551615U, 0));
}

TEST(ParsePerCpuCount, GivesANumberToTheCpuOfItsPlaceAmongThePossibleOnes) {
  EXPECT_THAT(parse_per_cpu_count("7,8,9\n", {0, 2, 5}).value(), ElementsAre(7, 0, 8, 0, 0, 9));
}

// A place in the list tells the CPU, so a missing number would shift the others.
TEST(ParsePerCpuCount, RejectsWhatIsNone) {
  for (const char* text : {"", "\n", "x\n", "1,x\n", "1 2\n", "1,-2\n", "1;2\n", "18446744073709551616,1\n", "1,,2\n",
                           ",1\n", "1,\n", "1\n", "1,2,3\n"})
    EXPECT_FALSE(parse_per_cpu_count(text, {0, 1})) << "'" << text << "'";
  EXPECT_FALSE(parse_per_cpu_count("\n", {}).value_or(std::vector<std::uint64_t>{}).size());
}

TEST(ParsePerCpuCount, OfCutTextIsNone) {
  const std::string text = "129,0,73832,1081\n";
  EXPECT_TRUE(parse_per_cpu_count(text, {0, 1, 2, 3}));
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(parse_per_cpu_count(std::string_view(text).substr(0, size), {0, 1, 2, 3})) << size;
}

// ---- what sysfs cuts at a page

TEST(IsCut, TellsATextThatHasNoEndOrFillsThePage) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  EXPECT_FALSE(is_cut(""));
  EXPECT_FALSE(is_cut("a\n"));
  EXPECT_TRUE(is_cut("a"));
  EXPECT_FALSE(is_cut(std::string(page - 2, 'a') + "\n"));
  EXPECT_TRUE(is_cut(std::string(page - 1, 'a') + "\n"));
}

// The kernel ends it with a newline however many CPUs did not fit.
TEST(ParseQueueCpus, OfAListThatFillsThePageIsNone) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::string text = "0";
  unsigned cpu = 1;
  for (; text.size() + 16 < page; ++cpu) text += ", " + std::to_string(cpu);
  EXPECT_THAT(parse_queue_cpus(text + "\n").value(), SizeIs(cpu));
  for (; text.size() + 8 < page; ++cpu) text += ", " + std::to_string(cpu);
  EXPECT_FALSE(parse_queue_cpus(text + "\n"));
  EXPECT_FALSE(parse_queue_cpus("0, 1"));
}

// ---- names

TEST(Names, HaveAnExclamationMarkInSysfsForASlash) {
  EXPECT_EQ(kernel_name("etherd!e1.1"), "etherd/e1.1");
  EXPECT_EQ(sysfs_name("cciss/c0d0"), "cciss!c0d0");
  EXPECT_EQ(kernel_name("vda"), "vda");
}

// ---- actions

TEST(ParseIrqActions, GivesTheNamesOnTheLine) {
  EXPECT_THAT(parse_irq_actions("virtio1-req.0\n"), ElementsAre("virtio1-req.0"));
  EXPECT_THAT(parse_irq_actions("nvme0q0,nvme0q1"), ElementsAre("nvme0q0", "nvme0q1"));
  EXPECT_THAT(parse_irq_actions("virtio1, uhci_hcd:usb1"), ElementsAre("virtio1", "uhci_hcd:usb1"));
  EXPECT_THAT(parse_irq_actions("PCIe PME,aerdrv"), ElementsAre("PCIe PME", "aerdrv"));
  EXPECT_THAT(parse_irq_actions(""), IsEmpty());
  EXPECT_THAT(parse_irq_actions("\n"), IsEmpty());
}

// ---- /proc/diskstats

TEST(ParseDiskstats, ReadsARealGuest) {
  const auto disks = parse_diskstats(read_fixture("firecracker.diskstats"));
  ASSERT_TRUE(disks) << disks.error().message;
  EXPECT_EQ(disks->size(), 10U);
  EXPECT_EQ(disks->at("loop0"), (DiskStats{0, 21173}));
  EXPECT_EQ(disks->at("loop1"), (DiskStats{0, 0}));
  EXPECT_EQ(disks->at("vda"), (DiskStats{1, 148274}));
}

TEST(ParseDiskstats, TakesInFlightAndTimeInQueueOfEveryFormat) {
  // Linux 2.6 to 4.17, 4.18 with discards, 5.5 with flushes.
  const auto disks = parse_diskstats(
      " 252       0 vda 1 2 3 4 5 6 7 8 9 10 11\n"
      " 252       1 vda1 1 2 3 4 5 6 7 8 19 10 111 12 13 14 15\n"
      " 259       0 nvme0n1 1 2 3 4 5 6 7 8 29 10 211 12 13 14 15 16 17\n");
  ASSERT_TRUE(disks) << disks.error().message;
  EXPECT_THAT(*disks, ElementsAre(Pair("nvme0n1", DiskStats{29, 211}), Pair("vda", DiskStats{9, 11}),
                                  Pair("vda1", DiskStats{19, 111})));
}

TEST(ParseDiskstats, OfNothingIsEmpty) { EXPECT_THAT(parse_diskstats("").value(), IsEmpty()); }

TEST(ParseDiskstats, ErrorsNameTheLineAndQuoteIt) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"garbage\n", "line 1: too few fields: 'garbage'"},
      {"252 0 vda 1 2 3 4 5 6 7 8 9 10 11\n252 1 vda1 1 2 3 4\n", "line 2: too few fields: '252 1 vda1 1 2 3 4'"},
      {"252 0 vda 1 2 3 4 5 6 7 8 x 10 11\n", "line 1: not a number"},
      {"252 0 vda 1 2 3 4 5 6 7 8 9 10 -11\n", "line 1: not a number"},
      {"252 0 vda 1 2 3 4 5 6 7 8 9 10 18446744073709551616\n", "line 1: not a number"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto disks = parse_diskstats(c.text);
    ASSERT_FALSE(disks);
    EXPECT_THAT(disks.error().message, HasSubstr(c.message));
  }
}

// As with /proc/interrupts; here only the cuts within the time in queue could pass for whole.
TEST(ParseDiskstats, OfCutTextIsAnErrorOrHasTrueNumbersOnly) {
  const std::string text = read_fixture("firecracker.diskstats");
  const auto whole = parse_diskstats(text).value();
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto cut = parse_diskstats(std::string_view(text).substr(0, size));
    if (!cut) continue;
    for (const auto& [name, stats] : *cut) {
      ASSERT_TRUE(whole.contains(name)) << "cut at byte " << size;
      ASSERT_EQ(stats, whole.at(name)) << "cut at byte " << size << ", disk " << name;
    }
  }
}

// ---- choices

TEST(ParseChoice, IsWhatStandsInBrackets) {
  EXPECT_EQ(parse_choice("none [mq-deadline] kyber bfq \n"), "mq-deadline");
  EXPECT_EQ(parse_choice("[none] mq-deadline"), "none");
  EXPECT_EQ(parse_choice("[none]"), "none");
}

TEST(ParseChoice, IsTheWholeTextWithoutBrackets) {
  EXPECT_EQ(parse_choice("none\n"), "none");
  EXPECT_EQ(parse_choice(""), "");
  EXPECT_EQ(parse_choice("[none"), "[none");
  EXPECT_EQ(parse_choice("none]["), "none][");
}

TEST(HeadOfNvmePath, IsTheNameWithoutTheController) {
  EXPECT_EQ(head_of_nvme_path("nvme0c1n1"), "nvme0n1");
  EXPECT_EQ(head_of_nvme_path("nvme12c345n67"), "nvme12n67");
  for (const char* name : {"", "nvme", "nvme0", "nvme0n1", "nvmec1n1", "nvme0cn1", "nvme0c1", "nvme0c1n", "nvme0c1n1p1",
                           "nvme0n1c1", "xnvme0c1n1", "nvme0c1c2n1", "cn"})
    EXPECT_EQ(head_of_nvme_path(name), std::nullopt) << name;
}

}  // namespace
}  // namespace vqscope
