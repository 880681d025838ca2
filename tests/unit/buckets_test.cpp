// SPDX-License-Identifier: Apache-2.0
// The bucket arithmetic of bpf/buckets.h against Prometheus' definition of schema 3, bucket i: 2^((i-1)/8) < v <=
// 2^(i/8) seconds (https://prometheus.io/docs/specs/native_histograms/), in exact arithmetic: a whole number of
// nanoseconds v is within bucket i's upper bound when v^8 <= 10^72 * 2^i.
#include "agent/model/buckets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <set>

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A natural number below 2^640: v^8 of 39 bits each, and 10^72 * 2^168.
class Natural {
 public:
  explicit Natural(std::uint64_t value) { limbs_[0] = value; }

  Natural& operator*=(std::uint64_t factor) {
    std::uint64_t carry = 0;
    for (std::uint64_t& limb : limbs_) {
      const Wide product = static_cast<Wide>(limb) * factor + carry;
      limb = static_cast<std::uint64_t>(product);
      carry = static_cast<std::uint64_t>(product >> 64);
    }
    EXPECT_EQ(carry, 0U) << "overflow: the test needs more limbs";
    return *this;
  }

  friend bool operator<=(const Natural& a, const Natural& b) {
    return !std::lexicographical_compare(b.limbs_.rbegin(), b.limbs_.rend(), a.limbs_.rbegin(), a.limbs_.rend());
  }

 private:
  __extension__ using Wide = unsigned __int128;

  std::array<std::uint64_t, 10> limbs_ = {};  // least significant first
};

Natural power(std::uint64_t base, int exponent) {
  Natural result(1);
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}

// v <= 10^9 * 2^(index/8)
bool within(std::uint64_t v, int index) {
  Natural left = power(v, 8), right = power(10, 72);
  for (int i = 0; i < index; ++i) right *= 2;
  for (int i = 0; i > index; --i) left *= 2;
  return left <= right;
}

// The largest whole number of nanoseconds within bucket `index`'s upper bound, by bisection.
std::uint64_t exact_bound(int index) {
  std::uint64_t low = 0, high = 1ULL << 39;  // 256 s is below 2^38 ns
  while (high - low > 1) {
    const std::uint64_t middle = (low + high) / 2;
    (within(middle, index) ? low : high) = middle;
  }
  return low;
}

// Exact bounds of the cells 0 .. VQS_LAST_CELL - 1.
const std::vector<std::uint64_t>& exact_bounds() {
  static const std::vector<std::uint64_t> bounds = [] {
    std::vector<std::uint64_t> result;
    for (int index = VQS_FIRST_INDEX - 1; index <= VQS_LAST_INDEX; ++index) result.push_back(exact_bound(index));
    return result;
  }();
  return bounds;
}

std::uint64_t exact_cell(std::uint64_t ns) {
  const auto& bounds = exact_bounds();
  return static_cast<std::uint64_t>(std::lower_bound(bounds.begin(), bounds.end(), ns) - bounds.begin());
}

std::uint64_t cell(std::uint64_t ns) {
  static const vqs_bucket_table table = make_bucket_table();
  return vqs_cell(&table, ns);
}

TEST(UpperBoundNs, IsExactForEveryBucket) {
  for (int index = VQS_FIRST_INDEX - 1; index <= VQS_LAST_INDEX; ++index) {
    SCOPED_TRACE(index);
    const std::uint64_t bound = upper_bound_ns(index);
    EXPECT_TRUE(within(bound, index));
    EXPECT_FALSE(within(bound + 1, index));
  }
}

TEST(UpperBoundNs, OfWholePowersOfTwoIsWhole) {
  EXPECT_EQ(upper_bound_ns(64), 256'000'000'000U);
  EXPECT_EQ(upper_bound_ns(0), 1'000'000'000U);
  EXPECT_EQ(upper_bound_ns(-72), 1'953'125U);
  EXPECT_EQ(upper_bound_ns(-168), 476U);
}

// Prometheus' own numbers: exponentialBounds of schema 3 in model/histogram/generic.go, bound i = Ldexp(table[i mod 8],
// i div 8 + 1).
TEST(UpperBoundSeconds, IsPrometheusOwn) {
  constexpr double kTable[] = {0.5,
                               0.5452538663326288,
                               0.5946035575013605,
                               0.6484197773255048,
                               0.7071067811865475,
                               0.7711054127039704,
                               0.8408964152537144,
                               0.9170040432046711};
  for (int index = VQS_FIRST_INDEX - 1; index <= VQS_LAST_INDEX; ++index)
    EXPECT_DOUBLE_EQ(upper_bound_seconds(index), std::ldexp(kTable[index & 7], (index >> 3) + 1)) << index;
}

TEST(UpperBoundSeconds, OfWholePowersOfTwoIsExact) {
  for (int octave = -21; octave <= 8; ++octave) EXPECT_EQ(upper_bound_seconds(octave * 8), std::ldexp(1.0, octave));
}

TEST(Cell, ChangesExactlyAboveEachUpperBound) {
  for (std::uint64_t number = 0; number < VQS_LAST_CELL; ++number) {
    const std::uint64_t bound = exact_bounds()[number];
    SCOPED_TRACE(testing::Message() << "cell " << number << " up to " << bound << " ns");
    EXPECT_EQ(cell(bound - 1), number);
    EXPECT_EQ(cell(bound), number);
    EXPECT_EQ(cell(bound + 1), number + 1);
  }
}

TEST(Cell, IsRightAroundEveryPowerOfTwo) {
  for (int n = 0; n < 64; ++n)
    for (const std::uint64_t ns : {(1ULL << n) - 1, 1ULL << n, (1ULL << n) + 1})
      EXPECT_EQ(cell(ns), exact_cell(ns)) << ns;
}

TEST(Cell, IsRightAroundEverySixteenthOfAnOctave) {
  for (int octave = 4; octave < 42; ++octave)
    for (std::uint64_t sixteenth = 16; sixteenth < 32; ++sixteenth) {
      const std::uint64_t first = sixteenth << (octave - 4);
      for (const std::uint64_t ns : {first - 1, first, first + 1}) EXPECT_EQ(cell(ns), exact_cell(ns)) << ns;
    }
}

TEST(Cell, IsRightForRandomDurations) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t ns = random() >> (random() % 64);
    ASSERT_EQ(cell(ns), exact_cell(ns)) << ns;
  }
}

TEST(Cell, NeverFallsAsDurationsRise) {
  std::set<std::uint64_t> durations = {0, ~0ULL};
  std::mt19937_64 random(2);
  for (int i = 0; i < 10'000; ++i) durations.insert(random() >> (random() % 64));
  std::uint64_t previous = 0;
  for (const std::uint64_t ns : durations) {
    ASSERT_GE(cell(ns), previous) << ns;
    previous = cell(ns);
  }
}

TEST(Cell, ZeroIsTheUnderflow) {
  EXPECT_EQ(cell(0), 0U);
  EXPECT_EQ(cell(1), 0U);
  EXPECT_EQ(cell(476), 0U);
  EXPECT_EQ(cell(477), 1U);
}

TEST(Cell, LastIsTheOverflow) {
  EXPECT_EQ(cell(256'000'000'000), VQS_LAST_CELL - 1U);
  EXPECT_EQ(cell(256'000'000'001), static_cast<std::uint64_t>(VQS_LAST_CELL));
  EXPECT_EQ(cell(~0ULL), static_cast<std::uint64_t>(VQS_LAST_CELL));
}

TEST(Cell, FitsTheRecords) { EXPECT_LE(VQS_LAST_CELL + 1, 240); }

TEST(ClassicBuckets, DefaultsArePowersOfTwoFrom15MicrosecondsTo4Seconds) {
  const ClassicBuckets buckets = default_classic_buckets();
  ASSERT_EQ(buckets.size(), 15U);
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_EQ(upper_bound_seconds(buckets[i]), std::ldexp(1.0, static_cast<int>(i) - 16));
  EXPECT_EQ(upper_bound_seconds(buckets[12]), 0.125);
  EXPECT_EQ(upper_bound_seconds(buckets[13]), 0.5);
  EXPECT_EQ(upper_bound_seconds(buckets[14]), 4);
}

TEST(ClassicBuckets, AreParsedAsIndicesOfNativeBuckets) {
  const auto buckets = parse_classic_buckets("0.0001220703125,0.5,1.0905, 2");
  ASSERT_TRUE(buckets) << buckets.error().message;
  EXPECT_THAT(*buckets, ElementsAre(-104, -8, 1, 8));
}

TEST(ClassicBuckets, EveryNativeBoundIsOneWithoutRounding) {
  for (int index = VQS_FIRST_INDEX - 1; index <= VQS_LAST_INDEX; ++index) {
    std::array<char, 64> text = {};
    std::snprintf(text.data(), text.size(), "%.17g", upper_bound_seconds(index));
    const auto buckets = parse_classic_buckets(text.data());
    ASSERT_TRUE(buckets) << buckets.error().message;
    EXPECT_THAT(*buckets, ElementsAre(index));
  }
}

TEST(ClassicBuckets, ErrorsNameTheValue) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"", "no bucket bounds"},
      {" , ", "no bucket bounds"},
      {"0.5,x", "'x'"},
      {"0.5,0.5s", "'0.5s'"},
      {"0", "'0'"},
      {"-1", "'-1'"},
      {"nan", "'nan'"},
      {"inf", "'inf'"},
      {"1e999", "'1e999'"},
      {"1;2", "'1;2'"},
      {"1e-9", "1e-9 s is outside"},
      {"300", "300 s is outside"},
      {"1,0.5", "0.5 s: bounds must rise"},
      {"1,1", "1 s: bounds must rise"},
      {"1,1.0001", "1.0001 s: bounds must rise"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto buckets = parse_classic_buckets(c.text);
    ASSERT_FALSE(buckets);
    EXPECT_THAT(buckets.error().message, HasSubstr(c.message));
  }
}

TEST(ClassicBuckets, ErrorNamesTheNearestBounds) {
  const auto buckets = parse_classic_buckets("0.001");
  ASSERT_FALSE(buckets);
  EXPECT_THAT(buckets.error().message, HasSubstr("the nearest are 0.0009765625 and 0.0010649489576"));
}

TEST(ClassicBuckets, NearestBoundsThatAnErrorNamesAreAccepted) {
  // 4.7e-7 and 257 lie just outside of the lowest and the highest bound.
  for (const char* text : {"4.7e-7", "0.001", "0.3", "1.05", "200", "257"}) {
    SCOPED_TRACE(text);
    const auto buckets = parse_classic_buckets(text);
    ASSERT_FALSE(buckets);
    std::string message = buckets.error().message;
    const std::string mark = "the nearest are ";
    if (message.find(mark) == std::string::npos) continue;  // "is outside" names the whole range
    message = message.substr(message.find(mark) + mark.size());
    const auto comma = message.find(" and ");
    ASSERT_NE(comma, std::string::npos);
    for (const std::string& bound : {message.substr(0, comma), message.substr(comma + 5)})
      EXPECT_TRUE(parse_classic_buckets(bound)) << bound;
  }
}

}  // namespace
}  // namespace vqscope
