// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/player.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "agent/base/utc.h"

namespace vqscope {

namespace {

// What a key goes forward at the most, see bindings().
constexpr std::size_t kFurthest = 60;

}  // namespace

Player::Player(Ui ui, std::size_t most_bytes) : ui_(std::move(ui)), history_(most_bytes), scene_(history_) {}

Result<std::unique_ptr<Player>> Player::of_recording(std::unique_ptr<Source> recording, Ui ui,
                                                     const std::optional<Moment>& at) {
  // All of it stays: it takes as much as its file.
  auto player = std::make_unique<Player>(std::move(ui), std::numeric_limits<std::size_t>::max());
  player->origin_ = {recording->place(), false, ""};
  player->recording_ = std::move(recording);
  player->ui_.paused = true;
  if (!player->read_until(1))
    return fail(player->origin_.message.empty() ? player->origin_.place + " has no reading" : player->origin_.message);
  History& history = player->history_;
  player->read_until(2);
  player->ui_.shown = history.end() - 1;
  if (!at) return player;
  // Only as much is read as it takes to know.
  const std::uint64_t start = history.realtime_ns(0),
                      furthest = resolve(*at, start, std::numeric_limits<std::uint64_t>::max());
  while (history.realtime_ns(history.end() - 1) <= furthest && player->read_until(history.end() + 1)) {
  }
  const std::uint64_t last = history.realtime_ns(history.end() - 1), wanted = resolve(*at, start, last);
  player->ui_.shown = history.at(wanted + kLateNs);
  constexpr std::uint64_t kSecond = 1'000'000'000;  // as moments are written
  if (wanted / kSecond < start / kSecond || wanted > last)
    player->tell(fmt::format("{} UTC is not in this recording, which is of {} to {}", format_utc(wanted),
                             format_utc(start), format_utc(last)));
  return player;
}

bool Player::read_until(std::size_t readings) {
  while (history_.end() < readings) {
    auto next = recording_->read();
    if (!next) tell(next.error().message);
    if (const auto damage = recording_->damage()) tell(cut_short(recording_->place(), *damage));
    if (!next || !*next) return false;
    history_.add(std::move(**next));
  }
  return true;
}

void Player::preview(Topology topology, std::uint64_t realtime_ns) { preview_ = {std::move(topology), realtime_ns}; }

void Player::add(DecodedSnapshot snapshot) {
  history_.add(std::move(snapshot));
  if (!ui_.paused) ui_.shown = history_.end() - 1;
  ui_.shown = std::max(ui_.shown, history_.begin());
}

void Player::advance() {
  if (!ui_.paused && read_until(ui_.shown + 2)) ++ui_.shown;
}

Extent Player::extent() const {
  Extent extent = frame_.extent;
  extent.oldest = history_.begin();
  extent.newest = history_.end() == 0 ? 0 : history_.end() - 1;
  return extent;
}

void Player::press(Key key) {
  if (recording_ != nullptr && !ui_.typing_filter)
    read_until(action_of(key) == Action::kLive ? std::numeric_limits<std::size_t>::max() : ui_.shown + kFurthest + 1);
  ui_ = vqscope::press(std::move(ui_), key, extent());
}

void Player::click(std::size_t line) {
  if (line < frame_.lines.size() && !frame_.lines[line].disk.empty())
    ui_ = vqscope::click(std::move(ui_), frame_.lines[line].disk);
}

Result<const Frame*> Player::draw(const Canvas& canvas) {
  std::optional<Picture> picture;
  if (history_.end() > 0) {
    auto made = scene_.picture(ui_);
    if (!made) return tl::unexpected(made.error());
    picture = std::move(*made);
  } else if (preview_) {
    picture = outline(preview_->first, preview_->second, ui_);
  }
  if (picture && ui_.disk.empty() && !picture->topology.disks.empty()) ui_.disk = picture->topology.disks.front().name;
  frame_ = make_frame(picture ? &*picture : nullptr, ui_, origin_, canvas);
  ui_.scroll = frame_.scroll;
  return &frame_;
}

}  // namespace vqscope
