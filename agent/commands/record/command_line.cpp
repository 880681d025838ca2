// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/record/command_line.h"

#include <cmath>
#include <memory>

#include "agent/base/utf8.h"
#include "agent/commands/common/usage.h"

namespace vqscope {

Subcommand<RecordOptions> add_record(CLI::App& app) {
  const auto shared = std::make_shared<RecordOptions>();
  RecordOptions& options = *shared;
  CLI::App& record =
      *app.add_subcommand("record", "Record this guest's disks, or what a running agent measures, to a file");
  record.add_option("file", options.file, "File to create; one that exists is left alone; - is standard output")
      ->type_name("FILE")
      ->check(not_empty())
      ->required();
  // A reading is taken every second.
  CLI::Option* const duration = add_duration(
      record, "--duration",
      [&options](double seconds) { options.duration_seconds = static_cast<std::uint64_t>(std::ceil(seconds)); }, "1s",
      "31d", "How long to record (default: until Ctrl-C)");
  record.add_option("--note", options.note, "What is recorded, such as \"one queue\"; shown by compare")
      ->type_name("TEXT");
  record.add_flag("--append", options.append, "Add a segment to FILE, if it exists and is a recording");
  add_agent(record, options.agent, "Record what the agent at this URL measures");
  add_piece(record, options.replay, "Copy this recording, or a piece of it, and record nothing; needs no rights")
      ->excludes(duration);
  add_measure(record, options.measure);
  add_log(record, options.log);
  record.footer(
      "vqscope record FILE [FLAG]... -- COMMAND [ARGUMENT]... records while COMMAND runs, and ends with its exit "
      "status.");
  return {&record, [shared]() -> Result<RecordOptions> {
            if (auto sensible = check(shared->measure); !sensible) return tl::unexpected(sensible.error());
            if (!is_valid_utf8(shared->note)) return fail("--note is not UTF-8, as the text in a recording is");
            return std::move(*shared);
          }};
}

Result<void> add_command(RecordOptions& options, std::vector<std::string> words) {
  if (words.empty() || words.front().empty()) return fail("the command to run and record is missing after --");
  if (!options.replay.file.empty()) return fail("--replay and a command after -- exclude each other");
  if (options.duration_seconds) return fail("--duration and a command after -- exclude each other: which one ends it?");
  options.command = std::move(words);
  return {};
}

}  // namespace vqscope
