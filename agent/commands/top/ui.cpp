// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/ui.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vqscope {

namespace {

// Readings are meant to be a second apart.
constexpr std::size_t kMinute = 60;
constexpr std::array kIntervals = {0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0};

void show(Ui& ui, Screen screen) {
  if (ui.screen == screen) return;
  ui.screen = screen;
  ui.scroll = 0;
}

// Moves the selection in the list, or what is shown of other screens.
void move(Ui& ui, const Extent& extent, std::ptrdiff_t by) {
  const auto moved = [by](std::size_t from) {
    const auto target = static_cast<std::ptrdiff_t>(from) + by;
    return static_cast<std::size_t>(std::max<std::ptrdiff_t>(target, 0));
  };
  if (ui.screen != Screen::kDisks) {
    ui.scroll = moved(ui.scroll);  // drawing keeps it within the screen's lines
    return;
  }
  if (extent.disks.empty()) return;
  const auto selected = std::ranges::find(extent.disks, ui.disk);
  const std::size_t row =
      selected == extent.disks.end() ? 0 : static_cast<std::size_t>(selected - extent.disks.begin());
  ui.disk = extent.disks[std::min(moved(row), extent.disks.size() - 1)];
}

void go_in_time(Ui& ui, const Extent& extent, std::ptrdiff_t by) {
  ui.paused = true;
  const auto target = std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(ui.shown) + by, 0);
  ui.shown = std::clamp(static_cast<std::size_t>(target), extent.oldest, std::max(extent.oldest, extent.newest));
}

void change_interval(Ui& ui, bool slower) {
  const auto* const now = std::ranges::lower_bound(kIntervals, ui.interval_seconds);
  if (slower) {
    const auto* const next = std::ranges::upper_bound(kIntervals, ui.interval_seconds);
    if (next != kIntervals.end()) ui.interval_seconds = *next;
  } else if (now != kIntervals.begin()) {
    ui.interval_seconds = *std::prev(now);
  }
}

void open(Ui& ui, const Extent& extent) {
  if (ui.screen != Screen::kDisks || extent.disks.empty()) return;
  if (std::ranges::find(extent.disks, ui.disk) == extent.disks.end()) ui.disk = extent.disks.front();
  show(ui, Screen::kDisk);
}

void go_back(Ui& ui) {
  if (ui.screen == Screen::kHelp)
    show(ui, ui.behind_help);
  else if (ui.screen == Screen::kDisks)
    ui.filter.clear();
  else
    show(ui, Screen::kDisks);
}

void act(Ui& ui, Action action, const Extent& extent) {
  const auto page = static_cast<std::ptrdiff_t>(std::max<std::size_t>(extent.page, 1));
  constexpr auto kAll = static_cast<std::ptrdiff_t>(1) << 30;
  switch (action) {
    case Action::kQuit: ui.quit = true; break;
    case Action::kHelp:
      if (ui.screen == Screen::kHelp) return go_back(ui);
      ui.behind_help = ui.screen;
      show(ui, Screen::kHelp);
      break;
    case Action::kUp: move(ui, extent, -1); break;
    case Action::kDown: move(ui, extent, 1); break;
    case Action::kPageUp: move(ui, extent, -page); break;
    case Action::kPageDown: move(ui, extent, page); break;
    case Action::kHome: move(ui, extent, -kAll); break;
    case Action::kEnd: move(ui, extent, kAll); break;
    case Action::kOpen: open(ui, extent); break;
    case Action::kBack: go_back(ui); break;
    case Action::kNextScreen:
      show(ui, ui.screen == Screen::kDisks  ? Screen::kDisk
               : ui.screen == Screen::kDisk ? Screen::kFindings
                                            : Screen::kDisks);
      break;
    case Action::kDisks: show(ui, Screen::kDisks); break;
    case Action::kDisk: show(ui, Screen::kDisk); break;
    case Action::kFindings: show(ui, Screen::kFindings); break;
    case Action::kSortLeft: ui.sort = (ui.sort + extent.sort_columns - 1) % extent.sort_columns; break;
    case Action::kSortRight: ui.sort = (ui.sort + 1) % extent.sort_columns; break;
    case Action::kReverse: ui.reversed = !ui.reversed; break;
    case Action::kFilter:
      show(ui, Screen::kDisks);
      ui.typing_filter = true;
      break;
    case Action::kPause: ui.paused = !ui.paused; break;
    case Action::kBackInTime: go_in_time(ui, extent, -1); break;
    case Action::kForward: go_in_time(ui, extent, 1); break;
    case Action::kMinuteBack: go_in_time(ui, extent, -static_cast<std::ptrdiff_t>(kMinute)); break;
    case Action::kMinuteForward: go_in_time(ui, extent, kMinute); break;
    case Action::kLive:
      ui.paused = false;
      ui.shown = extent.newest;
      break;
    case Action::kSlower: change_interval(ui, true); break;
    case Action::kFaster: change_interval(ui, false); break;
    case Action::kPhase: ui.phase = ui.phase == Phase::kAtDevice ? Phase::kBeforeIssue : Phase::kAtDevice; break;
  }
}

void type(Ui& ui, Key key) {
  if (key == kEnter || key == kEscape) {
    ui.typing_filter = false;
    if (key == kEscape) ui.filter.clear();
  } else if (key == kBackspace) {
    if (!ui.filter.empty()) ui.filter.pop_back();
  } else if (key > ' ' && key < 0x7f) {
    ui.filter += static_cast<char>(key);
  }
}

}  // namespace

std::span<const Binding> bindings() {
  static const std::vector<Binding> all = {
      {Action::kQuit, {'q'}, "q, Ctrl-C", "quit"},
      {Action::kHelp, {'?', 'h', kF1}, "?, h, F1", "this list, and back"},
      {Action::kUp, {kUp, 'k'}, "Up, k", "the disk above; on other screens, a line up"},
      {Action::kDown, {kDown, 'j'}, "Down, j", "the disk below; on other screens, a line down"},
      {Action::kPageUp, {kPageUp}, "PgUp", "a page up"},
      {Action::kPageDown, {kPageDown}, "PgDn", "a page down"},
      {Action::kHome, {kHome, 'g'}, "Home, g", "the first line"},
      {Action::kEnd, {kEnd, 'G'}, "End, G", "the last line"},
      {Action::kOpen, {kEnter}, "Enter", "open the disk that is selected"},
      {Action::kBack, {kEscape, kBackspace}, "Esc, Backspace", "back to the list of disks; there, drop the filter"},
      {Action::kNextScreen, {kTab}, "Tab", "the next screen: disks, disk, findings"},
      {Action::kDisks, {'1'}, "1", "all disks"},
      {Action::kDisk, {'2'}, "2", "the disk that is selected: time, heat, queues and vCPUs"},
      {Action::kFindings, {'3', 'f'}, "3, f", "what was found, and how to mend it"},
      {Action::kSortLeft, {'<', ','}, "<, ,", "sort by the column to the left"},
      {Action::kSortRight, {'>', '.'}, ">, .", "sort by the column to the right"},
      {Action::kReverse, {'r', 'I'}, "r, I", "reverse the order"},
      {Action::kFilter, {'/', '\\'}, "/, \\", "show only disks whose name has what is typed; Enter ends, Esc drops it"},
      {Action::kPause, {' '}, "Space", "pause, and go on"},
      {Action::kBackInTime, {kLeft, 'T'}, "Left, T", "pause, and a reading back"},
      {Action::kForward, {kRight, 't'}, "Right, t", "a reading forward"},
      {Action::kMinuteBack, {'['}, "[", "60 readings back"},
      {Action::kMinuteForward, {']'}, "]", "60 readings forward"},
      {Action::kLive, {'l'}, "l", "to the newest reading, and go on"},
      {Action::kSlower, {'+', '='}, "+", "a longer interval"},
      {Action::kFaster, {'-', '_'}, "-", "a shorter interval"},
      {Action::kPhase, {'o'}, "o", "heat strip of the time at the device, or before issue"},
  };
  return all;
}

std::optional<Action> action_of(Key key) {
  for (const Binding& binding : bindings())
    if (std::ranges::find(binding.keys, key) != binding.keys.end()) return binding.action;
  return std::nullopt;
}

Ui press(Ui ui, Key key, const Extent& extent) {
  if (ui.typing_filter) {
    type(ui, key);
    return ui;
  }
  if (const auto action = action_of(key)) act(ui, *action, extent);
  return ui;
}

Ui click(Ui ui, const std::string& disk) {
  if (ui.disk == disk) show(ui, Screen::kDisk);
  ui.disk = disk;
  return ui;
}

}  // namespace vqscope
