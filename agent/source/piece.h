// SPDX-License-Identifier: Apache-2.0
// A recording, or the piece of it between two moments.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/moment.h"
#include "agent/base/result.h"
#include "agent/source/source.h"

namespace vqscope {

struct Piece {
  std::filesystem::path file;      // "-": standard input; empty: no recording
  std::optional<Moment> from, to;  // absent: from its beginning, to its end
};

struct OpenedPiece {
  std::unique_ptr<Source> source;
  std::vector<std::string> notes;  // sentences: what was asked for and is not in it
};

// Of a piece, the recording is read twice, or kept in memory where it can be read only once. Its Source has no
// damage where the recording is sound up to its end. Fails when nothing of what was asked for is in it.
Result<OpenedPiece> open_piece(const Piece& piece, DiskSelection disks);

}  // namespace vqscope
