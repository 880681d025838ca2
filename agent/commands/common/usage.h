// SPDX-License-Identifier: Apache-2.0
// What the command line's parser lacks: kinds of values, help in 80 columns, and errors that name what was probably
// meant.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vqscope {

// That there is a value: an empty one would be taken for the flag's absence, or for this directory.
CLI::Validator not_empty();

// Names of which an option takes one.
CLI::Validator one_of(std::vector<std::string> names);

// An option that takes a time from `low` to `high`, which are written as people write them; `set` gets the seconds.
CLI::Option* add_duration(CLI::App& command, const std::string& name, const std::function<void(double)>& set,
                          const std::string& low, const std::string& high, const std::string& what);

// Descriptions are wrapped to 80 columns.
std::shared_ptr<CLI::FormatterBase> help_formatter();

// "there is no command 'docter'; did you mean 'doctor'?"
std::string no_such_command(const CLI::App& app, const std::string& word);

// A sentence for what `app` could not make sense of; `first` is the first word after the program's name.
std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error, const std::string& first);

}  // namespace vqscope
