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

// Whether what is typed of disks' names lets one be seen.
bool is_shown(const std::string& disk, const Ui& ui);

// Of the disks that are shown, and of the whole guest.
std::vector<const Finding*> shown_findings(const Picture& picture, const Ui& ui);

// "vda: The disk has fewer queues than there are vCPUs"
std::string place_and_title(const Finding& finding);

// "Found in the last 10 s, of the guest and of disks with "vd":"; to be called when there is a window.
std::string findings_head(const Picture& picture, const Ui& ui);

// What the screens have between head and foot.
std::vector<const DiskView*> sorted_disks(const Picture& picture, const Ui& ui);
std::vector<TextLine> disk_table(const Picture& picture, const Ui& ui, const Canvas& canvas);  // first its head
// First over which time they hold, and of which disks; nothing without a window.
std::vector<TextLine> finding_titles(const Picture& picture, const Ui& ui, std::size_t most);
std::vector<TextLine> disk_lines(const Picture& picture, const Ui& ui, const Canvas& canvas);
std::vector<TextLine> finding_lines(const Picture& picture, const Ui& ui, const Canvas& canvas);
std::vector<TextLine> help_lines(const Canvas& canvas);

}  // namespace vqscope
