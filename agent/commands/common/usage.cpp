// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/common/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "agent/base/duration.h"
#include "agent/base/similar.h"
#include "agent/base/text.h"
#include "agent/base/wrap.h"

namespace vqscope {

namespace {

constexpr std::size_t kWidth = 80, kColumn = 30;

// `text` in lines of `width`, without a newline at the end; those that are there already stay.
std::string wrapped(const std::string& text, std::size_t width) {
  std::string lines;
  for (const std::string_view line : split(text, "\n")) lines += wrap(line, width, "", "");
  if (!lines.empty()) lines.pop_back();
  return lines;
}

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kColumn); }

  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(CLI::Formatter::make_option_desc(option), kWidth - kColumn);
  }
  // "FILE", "FILE [FILE]" or "[DISK]...", of an argument without a flag.
  std::string make_option_usage(const CLI::Option* option) const override {
    const std::string name = option->get_type_name(), once = option->get_required() ? name : "[" + name + "]";
    const int most = option->get_expected_max();
    return most == 1 ? once : most == 2 ? once + " [" + name + "]" : once + "...";
  }
  std::string make_description(const CLI::App* app) const override {
    return wrapped(app->get_description(), kWidth) + "\n";
  }
  std::string make_footer(const CLI::App* app) const override {
    return app->get_footer().empty() ? "" : "\n" + wrapped(app->get_footer(), kWidth) + "\n";
  }
  std::string make_subcommand(const CLI::App* command) const override {
    return wrap(command->get_description(), kWidth, fmt::format("  {:<{}}", command->get_name(), kColumn - 2),
                std::string(kColumn, ' '));
  }
};

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  return flags;
}

// An argument without a flag that has to be there.
std::optional<std::string> missing_argument(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options())
    if (option->get_positional() && option->get_required() && option->count() == 0)
      return fmt::format("{} needs {}, which is missing: {}", command.get_name(), option->get_type_name(),
                         option->get_description());
  return std::nullopt;
}

std::string no_such_argument(const CLI::App& command, const std::string& word) {
  if (!word.starts_with('-')) return fmt::format("{} takes no argument '{}'", command.get_name(), word);
  const std::string flag = word.substr(0, word.find('='));
  return fmt::format("{} has no flag '{}'{}", command.get_name(), flag, did_you_mean(flag, flags_of(command)));
}

// An option with too few or too many values. The library tells of which only in its own words, which begin with the
// option's name, without the dashes if it is one that takes no value.
std::string wrong_number_of_values(const CLI::App& command, const std::string& told) {
  const std::string name = told.substr(0, told.find_first_of(": "));
  const CLI::Option* option = command.get_option_no_throw(name);
  if (option == nullptr) option = command.get_option_no_throw("--" + name);
  if (option == nullptr) return told;
  if (option->get_expected_max() == 0) return fmt::format("{} takes no value", option->get_name());
  if (told.ends_with(" missing")) return fmt::format("{} needs a value: {}", name, option->get_type_name());
  if (name.starts_with('-')) return fmt::format("{} is given {} times, and is taken once", name, option->count());
  return fmt::format("{} takes {} arguments at the most ({}), and there are {}", command.get_name(),
                     option->get_expected_max(), option->get_type_name(), option->count());
}

}  // namespace

CLI::Validator one_of(std::vector<std::string> names) {
  return {[names = std::move(names)](const std::string& word) {
            return std::find(names.begin(), names.end(), word) != names.end()
                       ? ""
                       : fmt::format("'{}' is none of {}{}", word, fmt::join(names, ", "), did_you_mean(word, names));
          },
          ""};
}

CLI::Validator not_empty() {
  return {[](const std::string& text) { return text.empty() ? "it is empty" : ""; }, ""};
}

CLI::Option* add_duration(CLI::App& command, const std::string& name, const std::function<void(double)>& set,
                          const std::string& low, const std::string& high, const std::string& what) {
  return command
      .add_option_function<std::string>(
          name, [set](const std::string& text) { set(*parse_duration(text)); }, what)
      ->type_name("TIME")
      ->check([low, high](const std::string& text) {
        const auto seconds = parse_duration(text);
        return seconds && *seconds >= parse_duration(low) && *seconds <= parse_duration(high)
                   ? ""
                   : fmt::format("'{}' is not a time from {} to {}, such as 10, 90s or 1m30s", text, low, high);
      });
}

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<HelpFormatter>(); }

std::string no_such_command(const CLI::App& app, const std::string& word) {
  const std::vector<std::string> commands = commands_of(app);
  const std::string hint = did_you_mean(word, commands);
  return fmt::format("there is no command '{}'{}", word,
                     hint.empty() ? fmt::format("; there are: {}", fmt::join(commands, ", ")) : hint);
}

std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error, const std::string& first) {
  const auto given = app.get_subcommands();
  if (given.empty()) {
    if (first.empty()) return fmt::format("'' is no command, which is one of: {}", fmt::join(commands_of(app), ", "));
    if (!first.starts_with('-')) return no_such_command(app, first);
    return no_such_argument(app, first) +
           fmt::format(" (flags of a command come after it: {})", fmt::join(commands_of(app), ", "));
  }
  const CLI::App& command = *given.front();
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    if (const auto missing = missing_argument(command)) return *missing;
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return wrong_number_of_values(command, error.what());
  const std::vector<std::string> left = command.remaining();
  return dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !left.empty()
             ? no_such_argument(command, left.front())
             : error.what();
}

}  // namespace vqscope
