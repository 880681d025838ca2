// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/scene.h"

#include <algorithm>
#include <utility>

namespace vqscope {

namespace {

constexpr std::uint64_t kStripNs = 60'000'000'000;
// More columns than a very wide terminal has are not kept.
constexpr std::size_t kMostColumns = 240;

const DeviceSnapshot* find_by_name(const Snapshot& snapshot, const std::string& name) {
  const auto found = std::ranges::find(snapshot.devices, name, &DeviceSnapshot::name);
  return found == snapshot.devices.end() ? nullptr : &*found;
}

// Null if there is none.
const Disk* chosen_disk(const Topology& topology, const Ui& ui) {
  if (ui.disk.empty() && !topology.disks.empty()) return &topology.disks.front();
  const auto named = std::ranges::find(topology.disks, ui.disk, &Disk::name);
  return named == topology.disks.end() ? nullptr : &*named;
}

// The first reading that was taken no longer than that before another.
std::size_t first_within(const History& history, std::size_t index, std::uint64_t ns) {
  std::size_t first = index;
  while (first > history.begin() && history.realtime_ns(first - 1) + ns >= history.realtime_ns(index)) --first;
  return first;
}

StripColumn strip_column(const Reading& earlier, const Reading& later, const std::string& disk) {
  const auto window = disk_window(earlier.snapshot, later.snapshot, disk);
  if (!window || !window->grown.queues) return {};
  return {true, latency_histogram(window->grown, Phase::kBeforeIssue, std::nullopt),
          latency_histogram(window->grown, Phase::kAtDevice, std::nullopt)};
}

}  // namespace

Picture outline(const Topology& topology, std::uint64_t realtime_ns, const Ui& ui) {
  Picture picture;
  picture.realtime_ns = realtime_ns;
  picture.topology = topology;
  for (const Disk& disk : topology.disks) picture.disks.push_back(disk_view(disk, nullptr, nullptr));
  if (const Disk* disk = chosen_disk(topology, ui)) {
    picture.disk.emplace();
    picture.disk->disk = *disk;
    picture.disk->view = disk_view(*disk, nullptr, nullptr);
  }
  return picture;
}

Result<void> Scene::load(std::size_t index) {
  if (pair_ && pair_->index == index) return {};
  Pair pair;
  pair.index = index;
  std::optional<RecordingHeader> before;
  std::size_t first = index == 0 ? 0 : index - 1;
  // Most often the next one is asked for, and the one before is at hand.
  if (pair_ && pair_->index + 1 == index) {
    before = std::move(pair_->header);
    pair.before = std::move(pair_->now);
    first = index;
  }
  pair_.reset();
  auto visited =
      history_.visit(first, index + 1, [&](std::size_t i, const RecordingHeader& header, const Reading& reading) {
        if (i == index) {
          pair.header = header;
          pair.now = reading;
        } else {
          before = header;
          pair.before = reading;
        }
      });
  if (!visited) return visited;
  if (before && !is_same_run(*before, pair.header)) pair.before.reset();
  pair_ = std::move(pair);
  return {};
}

Result<void> Scene::judge(std::size_t index) {
  if (judged_ && judged_->index == index) return {};
  // The window begins with a reading before its first second.
  const std::size_t within = first_within(history_, index, kRecentNs);
  std::size_t first = within == history_.begin() ? within : within - 1;
  Judged judged;
  if (judged_ && judged_->index < index && judged_->index >= first) {
    judged = std::move(*judged_);
    first = judged.index + 1;
  }
  judged_.reset();
  auto visited =
      history_.visit(first, index + 1, [&](std::size_t, const RecordingHeader& header, const Reading& reading) {
        if (!is_same_run(judged.header, header)) judged.readings.clear();
        judged.header = header;
        judged.readings.add(reading.topology, reading.snapshot);
      });
  if (!visited) return visited;
  judged.index = index;
  judged.findings = judged.readings.judge();
  judged_ = std::move(judged);
  return {};
}

Result<void> Scene::fill_strip(std::size_t index) {
  const std::size_t within = first_within(history_, index, kStripNs);
  const std::size_t oldest = std::max(within, index > kMostColumns ? index - kMostColumns : 0) + 1;
  std::erase_if(strip_, [&](const auto& column) { return column.first < oldest || column.first > index; });
  std::size_t first = oldest, last = index + 1;  // those that are missing
  while (first < last && strip_.contains(first)) ++first;
  while (last > first && strip_.contains(last - 1)) --last;
  if (first == last) return {};
  if (last == index + 1 && first == index && pair_->before) {
    strip_[index] = strip_column(*pair_->before, pair_->now, strip_disk_);
    return {};
  }
  std::optional<std::pair<RecordingHeader, Reading>> before;
  return history_.visit(first - 1, last, [&](std::size_t i, const RecordingHeader& header, const Reading& reading) {
    if (i >= first)
      strip_[i] = before && is_same_run(before->first, header) ? strip_column(before->second, reading, strip_disk_)
                                                               : StripColumn{};
    before = {header, reading};
  });
}

std::optional<DiskWindow> Scene::window_of(const Disk& disk) const {
  return pair_->before ? disk_window(pair_->before->snapshot, pair_->now.snapshot, disk.name) : std::nullopt;
}

Result<DiskPicture> Scene::disk_picture(const Disk& disk) {
  const DeviceSnapshot* now = find_by_name(pair_->now.snapshot, disk.name);
  const auto window = window_of(disk);
  DiskPicture picture;
  picture.disk = disk;
  picture.view = disk_view(disk, now, window ? &*window : nullptr);
  picture.queues = queue_views(disk, now, window ? &*window : nullptr);
  if (window) picture.matrix = queue_matrix(window->measured);
  if (strip_disk_ != disk.name) strip_.clear();
  strip_disk_ = disk.name;
  if (auto filled = fill_strip(pair_->index); !filled) return tl::unexpected(filled.error());
  for (const auto& [index, column] : strip_) picture.strip.push_back(column);
  if (!strip_.empty())
    picture.strip_seconds =
        static_cast<double>(history_.realtime_ns(pair_->index) - history_.realtime_ns(strip_.begin()->first - 1)) / 1e9;
  return picture;
}

Result<Picture> Scene::picture(const Ui& ui) {
  if (auto loaded = load(ui.shown); !loaded) return tl::unexpected(loaded.error());
  const Reading& now = pair_->now;
  Picture picture;
  picture.realtime_ns = history_.realtime_ns(ui.shown);
  picture.topology = now.topology;
  picture.probes = now.probes;
  if (ui.screen == Screen::kHelp) return picture;
  picture.guest = guest_view(pair_->before ? &*pair_->before : nullptr, now);
  picture.seconds = picture.guest.seconds;
  if (ui.screen == Screen::kDisks || ui.screen == Screen::kFindings) {
    if (auto judged = judge(ui.shown); !judged) return tl::unexpected(judged.error());
    picture.findings = judged_->findings;
  }
  if (ui.screen == Screen::kDisks) {
    for (const Disk& disk : now.topology.disks) {
      const auto window = window_of(disk);
      picture.disks.push_back(disk_view(disk, find_by_name(now.snapshot, disk.name), window ? &*window : nullptr));
    }
  }
  if (ui.screen == Screen::kDisk) {
    const Disk* chosen = chosen_disk(now.topology, ui);
    if (chosen == nullptr) return picture;
    auto disk = disk_picture(*chosen);
    if (!disk) return tl::unexpected(disk.error());
    picture.disk = std::move(*disk);
  }
  return picture;
}

}  // namespace vqscope
