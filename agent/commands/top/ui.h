// SPDX-License-Identifier: Apache-2.0
// What the person at the keyboard has chosen to see, and the keys. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/view/disk_view.h"

namespace vqscope {

// A key: a character of ASCII, or one of these.
using Key = std::uint32_t;
enum : Key {
  kEscape = 27,
  kBackspace = 0x110000,  // beyond Unicode
  kEnter,
  kUp,
  kDown,
  kLeft,
  kRight,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kF1,
  kTab,
};

enum class Screen { kDisks, kDisk, kFindings, kHelp };

struct Ui {
  Screen screen = Screen::kDisks;
  Screen behind_help = Screen::kDisks;
  std::string disk;                // that is selected, and open on kDisk; empty: the first
  std::size_t scroll = 0;          // lines of the screen that are above what is shown; of kDisks, of the list
  std::size_t sort = 0;            // number of a column of disk_columns()
  bool reversed = false;           // of its order: names by the alphabet, of numbers the largest first
  std::string filter;              // of disks, a part of their names
  bool typing_filter = false;      // keys go to the filter
  Phase phase = Phase::kAtDevice;  // of the heat strip
  bool paused = false;
  std::size_t shown = 0;  // number of the reading on the screen
  double interval_seconds = 1;
  bool quit = false;
};

// What there is to choose from on the screen as it was last drawn.
struct Extent {
  std::vector<std::string> disks;      // in the order of their lines
  std::size_t page = 1;                // lines that are shown of what scrolls
  std::size_t oldest = 0, newest = 0;  // readings that can be gone to
  std::size_t sort_columns = 1;
};

enum class Action {
  kQuit,
  kHelp,
  kUp,
  kDown,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kOpen,
  kBack,
  kNextScreen,
  kDisks,
  kDisk,
  kFindings,
  kSortLeft,
  kSortRight,
  kReverse,
  kFilter,
  kPause,
  kBackInTime,
  kForward,
  kMinuteBack,
  kMinuteForward,
  kLive,
  kSlower,
  kFaster,
  kPhase,
};

struct Binding {
  Action action;
  std::vector<Key> keys;
  std::string_view names;  // of the keys, as the help has them
  std::string_view what;   // it does, as the help has it
};

// All keys; those of the filter while it is typed aside.
std::span<const Binding> bindings();

// What a key does; nullopt: nothing.
std::optional<Action> action_of(Key key);

// What is chosen after a key was pressed; one that means nothing changes nothing.
Ui press(Ui ui, Key key, const Extent& extent);

// After a click on a disk's line: selects it, or opens the one that is selected.
Ui click(Ui ui, const std::string& disk);

}  // namespace vqscope
