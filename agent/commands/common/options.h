// SPDX-License-Identifier: Apache-2.0
// Options that several commands have.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "agent/base/logging.h"
#include "agent/base/result.h"
#include "agent/source/agent_client.h"
#include "agent/source/measure_options.h"
#include "agent/source/piece.h"

namespace vqscope {

// A command of the command line: its parser, and what makes options of the words that it was given. An error is a
// sentence about words that the parser by itself takes.
template <typename Options>
struct Subcommand {
  CLI::App* parser = nullptr;
  std::function<Result<Options>()> options;
};

// Which disks, and with what. `name` is "--device", with a word before it if the disks may also be given without the
// flag.
void add_measure(CLI::App& command, MeasureOptions& options, const std::string& name = "--device");

// What the parser cannot check of them.
Result<void> check(const MeasureOptions& options);

void add_log(CLI::App& command, LogOptions& options);

// A running agent, `what` is done with it.
void add_agent(CLI::App& command, AgentAddress& agent, const std::string& what);

// --replay, a recording, `what` is done with it.
CLI::Option* add_replay(CLI::App& command, std::filesystem::path& file, const std::string& what);

// --replay, and --from and --to, which choose a piece of it.
CLI::Option* add_piece(CLI::App& command, Piece& piece, const std::string& what);

// A moment of the recording that `replay` takes.
void add_moment(CLI::App& command, const std::string& name, std::optional<Moment>& moment, CLI::Option* replay,
                const std::string& what);

// --format text, md or json, and --json; `format` gets "text", "md" or "json".
void add_format(CLI::App& command, std::string& format, const std::string& more = "");

}  // namespace vqscope
