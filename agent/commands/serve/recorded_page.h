// SPDX-License-Identifier: Apache-2.0
// The page of a recording: what serve --replay shows.
#pragma once

#include <memory>
#include <string>

#include "agent/base/result.h"
#include "agent/source/measure_options.h"
#include "agent/source/piece.h"
#include "exporters/page/live_page.h"

namespace vqscope {

struct RecordedPage {
  std::unique_ptr<LivePage> page;
  std::string what;  // "run.vqr, from 2026-11-27 14:00:00 to 2026-11-27 14:15:00 UTC; ..."
};

// As much of a piece as the page keeps, from its beginning on: what follows is named in `what`, and on the page.
// `version` and `run` as LivePage has them. Fails when there are no two readings of a disk to show.
Result<RecordedPage> make_recorded_page(const Piece& piece, const MeasureOptions& measure, std::string version,
                                        std::string run);

}  // namespace vqscope
