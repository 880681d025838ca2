// SPDX-License-Identifier: Apache-2.0
#include "exporters/page/live_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "agent/diagnosis/diagnosis.h"
#include "exporters/http/gzip.h"

namespace vqscope {

namespace {

// Two minutes of a typical guest are some 500 kB before they are packed.
constexpr std::size_t kMostSteps = 120;
// Of clients that ask for different entries in the same second.
constexpr std::size_t kMostAnswers = 16;
// Who was too large for more detail once is likely to be it for a while.
constexpr unsigned kStepsBeforeMore = 60;

// Of more queues in all, the histograms are kept summed up over each disk's queues: the reading that a step begins with
// would take more memory than the history.
constexpr std::size_t kQueuesByThemselves = 64;

constexpr std::string_view kSince = "since=";

}  // namespace

Result<Cursor> parse_cursor(std::string_view query) {
  if (query.empty()) return Cursor{};
  const auto none = [&] { return fail("the query is 'since=' and the cursor of an answer before, or there is none"); };
  if (!query.starts_with(kSince)) return none();
  const std::string_view text = query.substr(kSince.size());
  const std::size_t dash = text.find('-');
  if (dash == 0 || dash == std::string_view::npos) return none();
  Cursor cursor{std::string(text.substr(0, dash)), 0};
  const bool word = std::all_of(cursor.run.begin(), cursor.run.end(),
                                [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
  const auto [end, error] = std::from_chars(text.data() + dash + 1, text.data() + text.size(), cursor.number);
  if (!word || error != std::errc{} || end != text.data() + text.size()) return none();
  return cursor;
}

LivePage::LivePage(std::string version, std::string run, std::string host)
    : version_(std::move(version)), run_(std::move(run)), host_(std::move(host)) {}

bool LivePage::is_due(std::uint64_t now_ns) const {
  const std::scoped_lock lock(mutex_);
  if (!last_) return true;
  // The timer ticks each second, and may be somewhat early.
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return now_ns + kSecond / 2 >= last_->snapshot.time_ns + step_seconds(last_->topology) * kSecond;
}

// As much detail as there is room for, and no more than `finest`.
std::string LivePage::pack_step(const HistoryStep& step, Grain finest) {
  const double seconds = static_cast<double>(step.later.time_ns - step.earlier.time_ns) / 1e9;
  const auto room = static_cast<std::size_t>(static_cast<double>(kBytesPerSecond) *
                                             std::min(seconds, static_cast<double>(step_seconds(step.topology))));
  grain_ = std::max(grain_, finest);
  if (grain_ != finest && ++steps_at_grain_ >= kStepsBeforeMore) {
    grain_ = static_cast<Grain>(static_cast<int>(grain_) - 1);
    steps_at_grain_ = 0;
  }
  std::size_t disks = step.topology.disks.size();
  for (;;) {
    std::string packed = pack(step_json(step, grain_, disks));
    if (packed.size() <= room || disks == 0) return packed;
    if (grain_ != Grain::kDisksWithoutCpus) {
      grain_ = static_cast<Grain>(static_cast<int>(grain_) + 1);
      steps_at_grain_ = 0;
    } else {
      disks /= 2;
    }
  }
}

void LivePage::add(Reading reading, std::uint64_t realtime_ns) {
  const bool condensed = queues_of(reading.topology) > kQueuesByThemselves;
  if (condensed) condense(reading.snapshot);
  const std::scoped_lock lock(mutex_);
  // Between a reading that is condensed and one that is not there is no difference.
  const bool has_step = last_ && condensed == condensed_;
  if (has_step) {
    const HistoryStep step{reading.topology, last_->snapshot, reading.snapshot, realtime_ns};
    history_.add(reading.snapshot.time_ns, pack_step(step, condensed ? Grain::kQueuesWithoutLatency : Grain::kAll));
  }
  // Who has the newest entry may have it from before this reading, if that brought none.
  const std::uint64_t since = history_.newest() + (has_step ? 0 : 1);
  if (!last_ || last_->topology != reading.topology || last_->probes != reading.probes) machine_since_ = since;
  if (findings_.add(reading, since)) findings_since_ = since;
  findings_.forget_before(history_.oldest());
  last_ = std::move(reading);
  condensed_ = condensed;
}

void LivePage::begin_anew() {
  const std::scoped_lock lock(mutex_);
  last_.reset();
  findings_.begin_anew();
}

void LivePage::set_recording(const ShownRecording& recording) {
  const std::scoped_lock lock(mutex_);
  recording_ = recording_json(recording);
  findings_.judge(history_.newest());
}

LivePage::Excerpt LivePage::excerpt(std::uint64_t after) const {
  const std::scoped_lock lock(mutex_);
  Excerpt excerpt{history_.last_after(after, kMostSteps), history_.newest()};
  if (!last_) return excerpt;
  excerpt.step_seconds = step_seconds(last_->topology);
  excerpt.recording = recording_;
  if (after == 0 || after < machine_since_) excerpt.machine = machine_json(*last_, host_);
  if (after == 0 || after < findings_since_) {
    excerpt.findings = findings_json(findings_.last().found, last_->topology);
    excerpt.before = findings_json(findings_.before(), last_->topology);
  }
  excerpt.judged = findings_.judged(after, excerpt.last);
  excerpt.packed = history_.after(after, kMostSteps);
  return excerpt;
}

std::string LivePage::write(const Excerpt& excerpt) const {
  std::string text =
      fmt::format(R"({{"version":"{}","cursor":"{}-{}","more":{},"step_seconds":{},"kept_seconds":{})", version_, run_,
                  excerpt.last, excerpt.last != excerpt.newest, excerpt.step_seconds, kHistorySeconds);
  if (!excerpt.recording.empty()) text += R"(,"recording":)" + excerpt.recording;
  if (!excerpt.machine.empty()) text += R"(,"machine":)" + excerpt.machine;
  if (!excerpt.findings.empty()) text += R"(,"findings":)" + excerpt.findings + R"(,"found_before":)" + excerpt.before;
  if (!excerpt.judged.empty()) text += R"(,"judged":[)" + excerpt.judged + "]";
  text += R"(,"steps":[)";
  for (std::size_t i = 0; i < excerpt.packed.size(); ++i) text += (i > 0 ? "," : "") + unpack(excerpt.packed[i]);
  return text + "]}\n";
}

Result<Body> LivePage::answer(std::string_view query, bool gzip) {
  const auto cursor = parse_cursor(query);
  if (!cursor) return tl::unexpected(cursor.error());
  // Of a run before this one nothing is known: the client begins anew.
  const std::uint64_t after = cursor->run == run_ ? cursor->number : 0;
  const std::scoped_lock lock(making_);
  const std::uint64_t newest = newest_entry();
  if (after > newest)
    return fail(fmt::format("there is no entry {}-{} yet: the newest is {}-{}", run_, after, run_, newest));
  if (answers_newest_ != newest) answers_.clear();
  answers_newest_ = newest;
  if (const auto known = answers_.find({after, gzip}); known != answers_.end()) return known->second;
  std::string text = write(excerpt(after));
  Body body(gzip ? compress_gzip(text) : std::move(text));
  if (answers_.size() < kMostAnswers) answers_.insert({{after, gzip}, body});
  return body;
}

std::uint64_t LivePage::newest_entry() const {
  const std::scoped_lock lock(mutex_);
  return history_.newest();
}

}  // namespace vqscope
