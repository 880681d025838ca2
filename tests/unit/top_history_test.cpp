// SPDX-License-Identifier: Apache-2.0
// What `vqscope top` keeps, and recordings that it shows.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "agent/base/moment.h"
#include "agent/commands/top/history.h"
#include "tests/unit/top_case.h"

namespace vqscope {
namespace {

using test::draw;
using test::kSecond;
using test::kStart;
using test::press;
using test::Readings;
using test::words_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

TEST(History, GivesBackWhatWasAddedInAnyOrder) {
  Readings readings;
  std::mt19937_64 random(1);
  History history(~std::size_t{0});
  std::vector<Reading> added;
  for (int i = 0; i < 200; ++i) {
    test::stir(readings.reading(), random);
    added.push_back(readings.next().reading);
    history.add({readings.header(), added.back()});
  }
  ASSERT_EQ(history.end(), 200U);
  for (const std::size_t first : {0U, 63U, 64U, 150U, 199U}) {
    std::size_t next = first;
    ASSERT_TRUE(history.visit(first, first + 3, [&](std::size_t i, const RecordingHeader&, const Reading& reading) {
      EXPECT_EQ(i, next++);
      EXPECT_EQ(reading.snapshot, added[i].snapshot) << i;
    }));
    EXPECT_EQ(next, std::min<std::size_t>(first + 3, 200)) << first;
  }
}

TEST(History, DropsTheOldestWhenItIsFull) {
  Readings readings(8);
  std::mt19937_64 random(1);
  constexpr std::size_t kRoom = 512 << 10;
  History history(kRoom);
  for (int i = 0; i < 2'000; ++i) {
    test::stir(readings.reading(), random);
    history.add(readings.next());
    ASSERT_LE(history.bytes(), kRoom + (256 << 10)) << "the newest block is kept whole";
  }
  EXPECT_EQ(history.end(), 2'000U);
  EXPECT_GT(history.begin(), 0U);
  std::size_t seen = 0;
  ASSERT_TRUE(history.visit(0, 2'000, [&](std::size_t, const RecordingHeader&, const Reading&) { ++seen; }));
  EXPECT_EQ(seen, history.end() - history.begin());
}

TEST(History, FindsTheReadingOfATime) {
  Readings readings;
  History history(~std::size_t{0});
  for (int i = 0; i < 100; ++i) history.add(readings.next());
  EXPECT_EQ(history.at(kStart + 70 * kSecond + 5), 70U);
  EXPECT_EQ(history.at(0), 0U);
  EXPECT_EQ(history.at(kStart + 1'000 * kSecond), 99U);
  EXPECT_EQ(history.realtime_ns(99), kStart + 99 * kSecond);
}

// Readings that were recorded.
class Recorded : public Source {
 public:
  explicit Recorded(std::deque<DecodedSnapshot> readings) : readings_(std::move(readings)) {}
  Result<std::optional<DecodedSnapshot>> read() override {
    if (readings_.empty()) return std::nullopt;
    auto next = std::move(readings_.front());
    readings_.pop_front();
    return next;
  }
  [[nodiscard]] std::optional<RecordingDamage> damage() const override {
    return readings_.empty() ? damage_ : std::nullopt;
  }
  [[nodiscard]] std::string place() const override { return "run.vqr"; }

  std::optional<RecordingDamage> damage_;

 private:
  std::deque<DecodedSnapshot> readings_;
};

// `late_ns`: after the full second, all readings but the first.
std::unique_ptr<Source> recording_of(std::uint64_t seconds, std::uint64_t late_ns = 0) {
  Readings readings;
  std::deque<DecodedSnapshot> all = {readings.next()};
  for (std::uint64_t i = 1; i <= seconds; ++i) {
    readings.read(0, i, 1'000'000);
    all.push_back(readings.next());
    all.back().reading.snapshot.time_ns += late_ns;
  }
  return std::make_unique<Recorded>(std::move(all));
}

TEST(TopReplay, GoesToItsEnd) {
  auto player = Player::of_recording(recording_of(200), {}, std::nullopt);
  ASSERT_TRUE(player);
  press(**player, "l");
  EXPECT_EQ(words_of(draw(**player), "vda")[1], "200");
}

TEST(TopReplay, BeginsWhereItIsToldAndGoesOnWithItsReadings) {
  auto player = Player::of_recording(recording_of(200), {}, std::nullopt);
  ASSERT_TRUE(player);
  const auto rate = [&] { return words_of(draw(**player), "vda")[1]; };
  EXPECT_EQ(rate(), "1");
  EXPECT_THAT(draw(**player)[0], AllOf(HasSubstr("run.vqr"), HasSubstr("2027-01-15 08:00:01"), HasSubstr("RECORDING")));
  (*player)->advance();
  EXPECT_EQ(rate(), "1") << "it stands until somebody lets it run";
  press(**player, " ");
  (*player)->advance();
  EXPECT_EQ(rate(), "2");
  press(**player, "]t");
  EXPECT_EQ(rate(), "63");
  press(**player, "]]]");
  EXPECT_EQ(rate(), "200");

  auto later = Player::of_recording(recording_of(200), {}, parse_moment("08:02"));
  ASSERT_TRUE(later);
  EXPECT_EQ(words_of(draw(**later), "vda")[1], "120");

  auto late = Player::of_recording(recording_of(200, 5'000), {}, parse_moment("08:02"));
  ASSERT_TRUE(late);
  EXPECT_EQ(words_of(draw(**late), "vda")[1], "120") << "the reading of a second comes right after it";
}

TEST(TopReplay, TakesATimeOfTheDayForTheOneThatIsNearest) {
  // The recording is of 08:00:00 to 08:01:00.
  for (const auto& [text, told] :
       {std::pair("07:59", "2027-01-15 07:59:00"), std::pair("08:05", "2027-01-15 08:05:00"),
        std::pair("23:00", "2027-01-14 23:00:00"), std::pair("19:00", "2027-01-15 19:00:00")}) {
    auto player = Player::of_recording(recording_of(60), {}, parse_moment(text));
    ASSERT_TRUE(player);
    const auto rows = draw(**player, {200, 24, false});
    EXPECT_THAT(rows,
                Contains(HasSubstr(fmt::format(
                    "{} UTC is not in this recording, which is of 2027-01-15 08:00:00 to 2027-01-15 08:01:00", told))))
        << text;
  }
  auto within = Player::of_recording(recording_of(60), {}, parse_moment("08:00:30"));
  EXPECT_EQ(words_of(draw(**within), "vda")[1], "30");
}

TEST(TopReplay, SaysWhatOfADamagedFileIsLeftOut) {
  Readings readings;
  auto recording = std::make_unique<Recorded>(std::deque<DecodedSnapshot>{readings.next(), readings.next()});
  recording->damage_ = {4711, "a record is damaged", false};
  auto player = Player::of_recording(std::move(recording), {}, std::nullopt);
  ASSERT_TRUE(player);
  press(**player, "l");
  EXPECT_THAT(draw(**player, {200, 24, false}),
              Contains(HasSubstr("run.vqr is sound up to byte 4711 only (a record is damaged); what comes after")));
}

TEST(TopReplay, SaysWhenAMomentIsNotInIt) {
  auto player = Player::of_recording(recording_of(5), {}, parse_moment("1h"));
  ASSERT_TRUE(player);
  const auto rows = draw(**player);
  EXPECT_THAT(rows, Contains(HasSubstr("09:00:00 UTC is not in this recording")));
  EXPECT_EQ(words_of(rows, "vda")[1], "5") << "the nearest";
  EXPECT_FALSE(Player::of_recording(std::make_unique<Recorded>(std::deque<DecodedSnapshot>()), {}, std::nullopt));
}

}  // namespace
}  // namespace vqscope
