// SPDX-License-Identifier: Apache-2.0
// A moment of a recording, as people write it. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace vqscope {

struct FromStart {
  double seconds = 0;
};
// A time of the day in UTC, on the day on which it is in the recording, or nearest to it.
struct TimeOfDay {
  std::uint64_t seconds = 0;
};
// Since 1970, UTC.
struct Date {
  std::uint64_t seconds = 0;
};
using Moment = std::variant<FromStart, TimeOfDay, Date>;

// "90", "1m30s"; "14:05", "14:05:30"; "2026-11-27T14:05:30Z", "2026-11-27 14:05:30". nullopt for anything else.
std::optional<Moment> parse_moment(std::string_view text);

// In nanoseconds since 1970, of a recording from `start_ns` to `end_ns`.
std::uint64_t resolve(const Moment& moment, std::uint64_t start_ns, std::uint64_t end_ns);

}  // namespace vqscope
