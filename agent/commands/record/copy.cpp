// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/record/copy.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "agent/base/standard_streams.h"
#include "agent/base/utc.h"
#include "agent/commands/common/exit_status.h"
#include "agent/commands/record/tape.h"
#include "agent/source/required_probes.h"

namespace vqscope {

Result<int> copy_piece(const RecordOptions& options) {
  const std::filesystem::path& in = options.replay.file;
  std::error_code error;
  if (in != kStandardStream && options.file != kStandardStream && std::filesystem::equivalent(in, options.file, error))
    return fail(
        fmt::format("{} and {} are the same file: give another one to write to", options.file.string(), in.string()));
  ::signal(SIGXFSZ, SIG_IGN);  // a limit of the file's size is an error of write()
  auto disks = select_recorded_disks(options.measure);
  if (!disks) return tl::unexpected(disks.error());
  auto opened = open_piece(options.replay, std::move(*disks));
  if (!opened) return tl::unexpected(opened.error());
  for (const std::string& note : opened->notes) spdlog::warn("{}", note);
  Source& source = *opened->source;
  auto next = source.read();
  if (!next) return tl::unexpected(next.error());
  if (!*next) {
    const auto damage = source.damage();
    return fail(damage ? cut_short(source.place(), *damage) : source.place() + " has no reading of that time");
  }
  const Reading& first = (*next)->reading;
  if (first.topology.disks.empty())
    return fail("there is nothing to copy: no disk is accepted by --device-include or --device-exclude");
  if (auto up = check_required(options.measure.required_probes, first.probes, source.place()); !up)
    return tl::unexpected(up.error());
  // Only now, so that nothing is created in vain.
  auto writer = RecordingWriter::create(options.file, options.append);
  if (!writer) return tl::unexpected(writer.error());
  if (writer->cut_off() > 0) spdlog::warn("{}", what_was_cut_off(*writer));
  Tape tape(std::move(*writer), options.note);
  std::uint64_t begin_ns = realtime_of(**next), end_ns = begin_ns;
  while (*next) {
    begin_ns = std::min(begin_ns, realtime_of(**next));
    end_ns = std::max(end_ns, realtime_of(**next));
    if (auto added = tape.add(**next); !added) return tl::unexpected(added.error());
    next = source.read();
    if (!next) return tl::unexpected(next.error());
  }
  if (auto finished = tape.writer().finish(); !finished) return tl::unexpected(finished.error());
  spdlog::info("{}, from {} to {} UTC", tape.what_is_in_it(), format_utc(begin_ns), format_utc(end_ns));
  if (const auto damage = source.damage()) {
    complain("the end is not in it: " + cut_short(source.place(), *damage));
    return kExitFailure;
  }
  return 0;
}

}  // namespace vqscope
