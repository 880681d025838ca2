// SPDX-License-Identifier: Apache-2.0
// Times as people write them on a command line.
#include "agent/base/moment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "agent/base/utc.h"

namespace vqscope {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000, kDay = 86'400 * kSecond;
constexpr std::uint64_t kStart = 1'800'000'000 * kSecond;  // 2027-01-15 08:00:00 UTC

// This machine's time zone, during a test.
class LocalTime {
 public:
  explicit LocalTime(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  ~LocalTime() {
    ::unsetenv("TZ");
    ::tzset();
  }
  LocalTime(const LocalTime&) = delete;
  LocalTime& operator=(const LocalTime&) = delete;
};

// Seconds from the start of a recording of 16 hours.
std::optional<std::int64_t> at(std::string_view text) {
  const auto moment = parse_moment(text);
  if (!moment) return std::nullopt;
  const auto ns = static_cast<std::int64_t>(resolve(*moment, kStart, kStart + 16 * 3'600 * kSecond) - kStart);
  return ns / static_cast<std::int64_t>(kSecond);
}

TEST(Moment, IsWrittenAsPeopleDo) {
  EXPECT_EQ(at("90"), 90);
  EXPECT_EQ(at("1m30s"), 90);
  EXPECT_EQ(at("08:01:30"), 90);
  EXPECT_EQ(at("08:02"), 120);
  EXPECT_EQ(at("00:01"), 16 * 3'600 + 60) << "after the recording's end, which is nearer than its start";
  EXPECT_EQ(at("2027-01-15T08:01:30Z"), 90);
  EXPECT_EQ(at("2027-01-15 08:01:30"), 90);
  EXPECT_EQ(at("2027-01-15 08:01:30 UTC"), 90) << "as it is printed";
  EXPECT_EQ(resolve(*parse_moment("2027-01-15T08:00:00.25Z"), 0, 0), kStart + kSecond / 4);
  for (const char* text : {"",
                           "soon",
                           "24:00",
                           "8:00",
                           "08:60",
                           "08:00:00:00",
                           "2027-01-15",
                           "2027-13-15T08:00",
                           "2027-02-30T08:00",
                           "2027-01-15T",
                           "1969-12-31T08:00",
                           "08:0x",
                           "9999-01-01T08:00",
                           "08:00.5",
                           "08:00:00.",
                           "08:00:00.1234567890",
                           "08:00+2",
                           "08:00+02:0",
                           "08:00+25:00",
                           "08:00 locally",
                           "90s local",
                           "+02:00",
                           "local",
                           "Z",
                           " UTC"})
    EXPECT_FALSE(parse_moment(text)) << text;
}

TEST(Moment, MayBeOfAnotherZone) {
  EXPECT_EQ(at("2027-01-15T10:01:30+02:00"), 90);
  EXPECT_EQ(at("2027-01-14T22:31:30-09:30"), 90);
  EXPECT_EQ(at("10:01:30+02:00"), 90);
  EXPECT_EQ(at("22:31:30-09:30"), 90) << "of the day before, there";
  EXPECT_EQ(at("1970-01-01T00:00+02:00"), -static_cast<std::int64_t>(kStart / kSecond)) << "before all that there is";
}

TEST(Moment, IsOfThisMachinesZoneWhereThatIsSaid) {
  const LocalTime berlin("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(at("09:01:30 local"), 90);
  EXPECT_EQ(at("2027-01-15 09:01:30 local"), 90);
  EXPECT_EQ(at("08:01:30"), 90) << "UTC, whatever the machine's zone is";
  const auto summer = parse_moment("2027-07-15T10:00 local");
  EXPECT_EQ(format_utc(resolve(*summer, 0, 0)), "2027-07-15 08:00:00");
}

TEST(Moment, OfTheDayIsOnTheDayThatARecordingHasThere) {
  const LocalTime kiritimati("<+14>-14");
  // It is the 15th, 22:00 there.
  EXPECT_EQ(at("23:00 local"), 3'600);
  EXPECT_EQ(at("01:00 local"), 3 * 3'600);
  EXPECT_EQ(resolve(*parse_moment("08:00"), kStart + 10, kStart + 3 * kDay), kStart + kDay) << "the first in it";
}

TEST(Moment, SpansAreToldInThisMachinesZoneToo) {
  EXPECT_EQ(format_span(kStart, kStart + 60 * kSecond), "2027-01-15 08:00:00 to 2027-01-15 08:01:00 UTC");
  const LocalTime berlin("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(format_span(kStart, kStart + 60 * kSecond),
            "2027-01-15 08:00:00 to 2027-01-15 08:01:00 UTC (09:00:00 to 09:01:00 CET here)");
}

}  // namespace
}  // namespace vqscope
