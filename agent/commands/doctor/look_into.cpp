// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/look_into.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "agent/base/utc.h"
#include "agent/commands/doctor/asked_disks.h"
#include "agent/diagnosis/phrases.h"
#include "agent/source/required_probes.h"

namespace vqscope {

namespace {

constexpr std::size_t kNamedTimes = 3;

// The longest of stretches that follow one another.
class Longest {
 public:
  void add(DecodedSnapshot snapshot) {
    if (!current_.empty() && !current_.is_followed_by(snapshot)) {
      beginnings_.push_back(realtime_of(snapshot));
      settle();
    }
    current_.add(std::move(snapshot));
  }

  // Once all are added.
  const Stretch& find() {
    settle();
    return longest_;
  }

  // A sentence on those that are not it; empty: there are none.
  [[nodiscard]] std::string left_out() const {
    if (beginnings_.empty()) return {};
    std::vector<std::string> times;
    for (const std::uint64_t begin : beginnings_)
      if (times.size() < kNamedTimes) times.push_back(format_utc(begin));
    return fmt::format(
        "The counters began anew in it, as when the agent is restarted (before {} UTC{}). This is the longest of its "
        "{} "
        "parts, from {} to {} UTC; --from and --to choose another.",
        fmt::join(times, ", "), beginnings_.size() > kNamedTimes ? ", and so on" : "", beginnings_.size() + 1,
        format_utc(longest_.begin_ns()), format_utc(longest_.end_ns()));
  }

 private:
  void settle() {
    if (longest_.empty() || (!current_.empty() && current_.seconds() > longest_.seconds()))
      longest_ = std::move(current_);
    current_ = Stretch();
  }

  Stretch current_, longest_;
  std::vector<std::uint64_t> beginnings_;  // of all but the first, in nanoseconds since 1970
};

}  // namespace

Result<Watched> look_into(const Piece& piece, const MeasureOptions& measure) {
  auto disks = select_recorded_disks(measure);
  if (!disks) return tl::unexpected(disks.error());
  auto opened = open_piece(piece, std::move(*disks));
  if (!opened) return tl::unexpected(opened.error());
  Source& source = *opened->source;
  Longest longest;
  for (;;) {
    auto next = source.read();
    if (!next) return tl::unexpected(next.error());
    if (!*next) break;
    longest.add(std::move(**next));
  }
  Watched watched;
  watched.place = source.place();
  watched.notes = std::move(opened->notes);
  watched.seen = longest.find();
  const auto damage = source.damage();
  if (watched.seen.empty())
    return fail(damage ? cut_short(watched.place, *damage) : watched.place + " has no reading of that time");
  if (watched.seen.seconds() < kShortestSeconds)
    return fail(fmt::format("nothing can be told of {}: what is to be looked at is {}{}", watched.place,
                            watched.seen.readings() == 1
                                ? "a single reading"
                                : fmt::format("of {}, and takes a second", duration(watched.seen.seconds())),
                            damage ? "; " + cut_short("it", *damage) : ""));
  if (auto found = check_asked(watched.seen.last().topology, measure); !found) return tl::unexpected(found.error());
  if (auto up = check_required(measure.required_probes, watched.seen.last().probes, watched.place); !up)
    return tl::unexpected(up.error());
  if (std::string left_out = longest.left_out(); !left_out.empty()) watched.notes.push_back(std::move(left_out));
  if (damage) watched.notes.push_back(cut_short(watched.place, *damage) + ".");
  return watched;
}

}  // namespace vqscope
