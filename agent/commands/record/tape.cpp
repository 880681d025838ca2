// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/record/tape.h"

#include <fmt/format.h>

namespace vqscope {

std::string what_was_cut_off(const RecordingWriter& writer) {
  return fmt::format("{} ended in {} bytes of a record that was not whole, as after a crash; they were removed",
                     writer.name(), writer.cut_off());
}

std::string Tape::what_is_in_it() const {
  return fmt::format("{} reading{}, {:.1f} kB, {} in {}", readings_, readings_ == 1 ? "" : "s",
                     static_cast<double>(writer_.written()) / 1000, readings_ == 1 ? "is" : "are", writer_.name());
}

Result<void> Tape::add(const DecodedSnapshot& snapshot) {
  std::string records;
  if (segment_ != snapshot.segment) {
    segment_ = snapshot.segment;
    RecordingHeader header = snapshot.header;
    if (!note_.empty()) header.note = note_;
    records = encoder_.begin(header);
  }
  records += encoder_.add(snapshot.reading);
  if (auto written = writer_.write(records); !written) return written;
  ++readings_;
  return {};
}

}  // namespace vqscope
