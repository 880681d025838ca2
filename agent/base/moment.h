// SPDX-License-Identifier: Apache-2.0
// A moment of a recording, as people write it. Thread-safe, and pure but for what TZ says of local time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace vqscope {

// How far ahead of UTC a clock is; absent: this machine's local time.
using Zone = std::optional<std::int64_t>;  // seconds

struct FromStart {
  double seconds = 0;
};
// A time of the day, on the day on which it is in the recording, or nearest to it.
struct TimeOfDay {
  std::uint64_t ns = 0;
  Zone zone = 0;
};
struct Date {
  std::uint64_t ns = 0;  // since 1970, by a clock of the zone
  Zone zone = 0;
};
using Moment = std::variant<FromStart, TimeOfDay, Date>;

// What parse_moment() takes, for people.
inline constexpr std::string_view kMomentsAre =
    "a time from its start, such as 90s or 1m30s, or one of the day or a date, such as 14:05 or 2026-11-27T14:05:30Z: "
    "in UTC, or as '14:05 local' or 14:05+02:00";

// "90", "1m30s"; "14:05", "14:05:30.5"; "2026-11-27T14:05:30Z", "2026-11-27 14:05:30". A time that is none from the
// start is in UTC, as all that is printed, or has an offset ("+02:00") or " local" behind it. nullopt for anything
// else.
std::optional<Moment> parse_moment(std::string_view text);

// In nanoseconds since 1970, of a recording from `start_ns` to `end_ns`.
std::uint64_t resolve(const Moment& moment, std::uint64_t start_ns, std::uint64_t end_ns);

}  // namespace vqscope
