// SPDX-License-Identifier: Apache-2.0
// The picture as lines of text, whatever paints them. Pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/commands/top/lines.h"
#include "agent/commands/top/scene.h"
#include "agent/commands/top/ui.h"

namespace vqscope {

// Where the readings come from.
struct PictureOrigin {
  std::string place;    // "db1", "the agent at URL", or a recording's file
  bool live = true;     // false: a recording
  std::string message;  // a sentence for the person who waits or wonders; empty: none
};

struct Frame {
  std::vector<TextLine> lines;  // none is wider than the canvas
  Extent extent;                // but for the readings that there are
  std::size_t scroll = 0;       // Ui::scroll, as far as there is something to see
};

// `picture` is null before there is a reading.
Frame make_frame(const Picture* picture, const Ui& ui, const PictureOrigin& origin, const Canvas& canvas);

// The titles of the columns by which the disks can be sorted.
std::vector<std::string> sort_columns();

// What the screens have between head and foot.
std::vector<const DiskView*> sorted_disks(const Picture& picture, const Ui& ui);
std::vector<TextLine> disk_table(const Picture& picture, const Ui& ui, const Canvas& canvas);  // first its head
std::vector<TextLine> finding_titles(const Picture& picture, std::size_t most);
std::vector<TextLine> disk_lines(const Picture& picture, const Ui& ui, const Canvas& canvas);
std::vector<TextLine> finding_lines(const Picture& picture, const Canvas& canvas);
std::vector<TextLine> help_lines(const Canvas& canvas);

}  // namespace vqscope
