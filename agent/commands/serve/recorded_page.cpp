// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/recorded_page.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "agent/base/utc.h"

namespace vqscope {

namespace {

constexpr std::uint64_t kShownNs = kHistorySeconds * 1'000'000'000;

// Puts readings on the page, one after the other.
class Filler {
 public:
  explicit Filler(LivePage& page) : page_(page) {}

  void add(DecodedSnapshot snapshot) {
    const std::uint64_t at = realtime_of(snapshot);
    Reading& reading = snapshot.reading;
    // By a clock that is the same for guests that were booted anew.
    reading.snapshot.time_ns = at;
    if (last_ns_ && !(is_same_run(header_, snapshot.header) && at >= *last_ns_)) {
      page_.begin_anew();
      last_ns_.reset();
    }
    header_ = std::move(snapshot.header);
    // A step may be longer than it is from one reading to the next.
    if (last_ns_ && !page_.is_due(at)) return;
    last_ns_ = at;
    page_.add(std::move(reading), at);
    ++readings_;
  }

  [[nodiscard]] std::size_t readings() const { return readings_; }

 private:
  LivePage& page_;
  RecordingHeader header_;                // of the last reading
  std::optional<std::uint64_t> last_ns_;  // when it was taken; nullopt: none since the counters began
  std::size_t readings_ = 0;
};

}  // namespace

Result<RecordedPage> make_recorded_page(const Piece& piece, const MeasureOptions& measure, std::string version,
                                        std::string run) {
  auto disks = select_recorded_disks(measure);
  if (!disks) return tl::unexpected(disks.error());
  auto opened = open_piece(piece, std::move(*disks));
  if (!opened) return tl::unexpected(opened.error());
  for (const std::string& note : opened->notes) spdlog::warn("{}", note);
  Source& source = *opened->source;
  const std::string name = source.place();
  auto page = std::make_unique<LivePage>(std::move(version), std::move(run), name);
  Filler filler(*page);
  std::optional<ShownRecording> shown;
  for (;;) {
    auto next = source.read();
    if (!next) return tl::unexpected(next.error());
    if (!*next) break;
    const std::uint64_t at = realtime_of(**next);
    if (!shown) shown = ShownRecording{(*next)->header.note, at, at, at};
    shown->goes_on_until_ns = std::max(shown->goes_on_until_ns, at);
    if (at >= shown->begin_ns + kShownNs) continue;
    shown->end_ns = std::max(shown->end_ns, at);
    filler.add(std::move(**next));
  }
  const auto damage = source.damage();
  if (damage) spdlog::warn("{}", cut_short(name, *damage));
  if (filler.readings() < 2) return fail(name + " has no two readings of that time, and so nothing to show");
  page->set_recording(*shown);
  std::string what = fmt::format("{}, from {}", name, format_span(shown->begin_ns, shown->end_ns));
  if (shown->goes_on_until_ns > shown->end_ns)
    what += fmt::format("; it goes on until {} UTC, of which --from shows more", format_utc(shown->goes_on_until_ns));
  return RecordedPage{std::move(page), std::move(what)};
}

}  // namespace vqscope
