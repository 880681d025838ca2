// SPDX-License-Identifier: Apache-2.0
#include "agent/model/buckets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "agent/base/text.h"

namespace vqscope {

namespace {
// As double, because an enumerator and a floating-point number do not mix.
constexpr double kPerOctave = VQS_PER_OCTAVE, kFirstIndex = VQS_FIRST_INDEX, kLastIndex = VQS_LAST_INDEX;
}  // namespace

std::uint64_t upper_bound_ns(int index) {
  // A long double holds 64 bits, and no power 10^9 * 2^(i/8) in our range lies closer to a whole number than its
  // error, but those that are whole (tests/unit/buckets_test.cpp shows both with exact arithmetic).
  return static_cast<std::uint64_t>(std::floor(1e9L * std::exp2(static_cast<long double>(index) / kPerOctave)));
}

double upper_bound_seconds(int index) {
  // Asked for some thousand times in a scrape.
  static const auto bounds = [] {
    std::array<double, VQS_LAST_CELL> values{};
    for (int i = 0; i < VQS_LAST_CELL; ++i)
      values[static_cast<std::size_t>(i)] = std::exp2((VQS_FIRST_INDEX - 1 + i) / kPerOctave);
    return values;
  }();
  const int i = index - (VQS_FIRST_INDEX - 1);
  return i >= 0 && i < VQS_LAST_CELL ? bounds[static_cast<std::size_t>(i)] : std::exp2(index / kPerOctave);
}

vqs_bucket_table make_bucket_table() {
  vqs_bucket_table table = {};
  for (int i = 0; i < VQS_SIXTEENTHS; ++i) {
    const int octave = VQS_LOW_OCTAVE + i / 16;
    const std::uint64_t first = (16ULL + static_cast<unsigned>(i) % 16) << (octave - 4);
    int cell = 0;
    while (cell < VQS_LAST_CELL && first > upper_bound_ns(VQS_FIRST_INDEX + cell - 1)) ++cell;
    const __u64 boundary = cell < VQS_LAST_CELL ? upper_bound_ns(VQS_FIRST_INDEX + cell - 1) : ~0ULL;
    table.sixteenth[i] = boundary << 8 | static_cast<__u64>(cell);
  }
  for (unsigned byte = 1; byte < 256; ++byte) table.log2[byte] = static_cast<__u8>(std::bit_width(byte) - 1);
  return table;
}

std::size_t cell_of(std::uint64_t ns) {
  static const vqs_bucket_table table = make_bucket_table();
  return static_cast<std::size_t>(vqs_cell(&table, ns));
}

ClassicBuckets default_classic_buckets() {
  ClassicBuckets buckets;
  for (int exponent = -16; exponent <= -5; ++exponent) buckets.push_back(exponent * VQS_PER_OCTAVE);
  for (const int exponent : {-3, -1, 2}) buckets.push_back(exponent * VQS_PER_OCTAVE);
  return buckets;
}

Result<ClassicBuckets> parse_classic_buckets(std::string_view text) {
  ClassicBuckets buckets;
  for (const std::string_view word : split(text, ", ")) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), seconds);
    if (error != std::errc{} || end != word.data() + word.size() || !std::isfinite(seconds) || seconds <= 0)
      return fail(fmt::format("'{}' is not a number of seconds above 0", word));
    const double exact = std::log2(seconds) * kPerOctave;
    if (exact < kFirstIndex - 1.5 || exact > kLastIndex + 0.5)
      return fail(fmt::format("{} s is outside of what is measured, {} to {} s", word,
                              upper_bound_seconds(VQS_FIRST_INDEX - 1), upper_bound_seconds(VQS_LAST_INDEX)));
    const int index = static_cast<int>(std::lround(exact));
    if (std::abs(upper_bound_seconds(index) / seconds - 1) > 1e-3) {
      const int below = std::clamp(static_cast<int>(std::floor(exact)), VQS_FIRST_INDEX - 1, VQS_LAST_INDEX - 1);
      return fail(fmt::format("{} s is no boundary of the native buckets, 2^(i/8) s; the nearest are {} and {}", word,
                              upper_bound_seconds(below), upper_bound_seconds(below + 1)));
    }
    if (!buckets.empty() && index <= buckets.back()) return fail(fmt::format("{} s: bounds must rise", word));
    buckets.push_back(index);
  }
  if (buckets.empty()) return fail("no bucket bounds given");
  return buckets;
}

}  // namespace vqscope
