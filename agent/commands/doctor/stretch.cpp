// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/stretch.h"

#include <fmt/format.h>

#include <utility>

#include "agent/base/utc.h"
#include "agent/diagnosis/phrases.h"

namespace vqscope {

namespace {

double seconds_of(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace

void Stretch::add(DecodedSnapshot snapshot) {
  course_.add(snapshot.reading.topology, snapshot.reading.snapshot);
  if (++readings_ == 1) {
    first_ = last_ = std::move(snapshot);
    return;
  }
  const std::uint64_t before = last_.reading.snapshot.time_ns, now = snapshot.reading.snapshot.time_ns;
  if (const std::uint64_t apart = now > before ? now - before : 0; apart > kMissedNs) {
    ++gaps_;
    gap_ns_ += apart;
    if (apart > longest_ns_) {
      longest_ns_ = apart;
      longest_realtime_ns_ = realtime_of(last_);
    }
  }
  last_ = std::move(snapshot);
}

bool Stretch::is_followed_by(const DecodedSnapshot& snapshot) const {
  return is_same_run(last_.header, snapshot.header) &&
         snapshot.reading.snapshot.time_ns >= last_.reading.snapshot.time_ns;
}

double Stretch::seconds() const { return seconds_of(last_.reading.snapshot.time_ns - first_.reading.snapshot.time_ns); }

std::string Stretch::gaps() const {
  if (gaps_ == 0) return {};
  const std::string longest = fmt::format("from {} to {} UTC", format_utc(longest_realtime_ns_),
                                          format_utc(longest_realtime_ns_ + longest_ns_));
  constexpr std::string_view kMeaning = "What was counted meanwhile is in the sums, but not when in that time it came.";
  if (gaps_ == 1)
    return fmt::format("There is no reading for {}, {}. {}", duration(seconds_of(longest_ns_)), longest, kMeaning);
  return fmt::format("There are {} times without a reading, {} in all, the longest {}. {}", gaps_,
                     duration(seconds_of(gap_ns_)), longest, kMeaning);
}

}  // namespace vqscope
