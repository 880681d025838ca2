// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <sstream>
#include <utility>
#include <vector>

#include "agent/base/standard_streams.h"
#include "agent/commands/build_info.h"
#include "agent/commands/common/usage.h"
#include "agent/commands/compare/command_line.h"
#include "agent/commands/doctor/command_line.h"
#include "agent/commands/explain/command_line.h"
#include "agent/commands/record/command_line.h"
#include "agent/commands/serve/command_line.h"
#include "agent/commands/top/command_line.h"

namespace vqscope {

namespace {

// A command whatever its options are.
using AnySubcommand = Subcommand<AnyOptions>;

template <typename Options>
AnySubcommand any(Subcommand<Options> command) {
  return {command.parser, [options = std::move(command.options)]() -> Result<AnyOptions> {
            auto made = options();
            if (!made) return tl::unexpected(made.error());
            return AnyOptions(std::move(*made));
          }};
}

int usage_error(const CLI::App& command, const std::string& message) {
  const std::string name = command.get_parent() == nullptr ? "vqscope" : "vqscope " + command.get_name();
  complain(fmt::format("{}\nTry '{} --help'.", message, name));
  return command.get_name() == "doctor" ? kExitUnknown : kExitUsage;
}

// What the words "help" and "version" print; an error is a sentence.
Result<std::string> help_of(const CLI::App& app, const std::string& command) {
  // app.help() would be that of the command "help".
  if (command.empty()) return app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
  for (const CLI::App* known : app.get_subcommands(nullptr))
    if (known->get_name() == command) return known->help(app.get_name());
  return fail(no_such_command(app, command));
}

// What was asked for; returns the exit status.
int tell_user(const std::string& text) {
  const auto printed = print(text);
  if (printed) return 0;
  complain(printed.error().message);
  return kExitFailure;
}

// For whoever calls it without a word.
std::string first_steps() {
  return "vqscope: a command is missing. To begin with:\n"
         "  vqscope doctor   says what is wrong with this guest's disks, after ten seconds\n"
         "  vqscope top      shows the disks and their queues on this terminal, as they change\n"
         "  vqscope serve    measures, and serves the numbers to Prometheus\n"
         "  vqscope help     lists all commands\n";
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine result;
  // What stands behind "--" is a command of somebody else's, and its flags are none of ours.
  const char* const* const end = argv + argc;
  const char* const* const dashes =
      std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
  const bool runs_other = argc > 1 && std::string_view(argv[1]) == "record" && dashes != end;
  if (runs_other) argc = static_cast<int>(dashes - argv);
  CLI::App app(
      "Which hardware queue, interrupt and vCPU your virtual disk's requests go through, and how long they "
      "take there.\nRuns inside a KVM guest. Prometheus scrapes it.",
      "vqscope");
  app.set_version_flag("--version", describe_build());
  app.require_subcommand(1);
  app.option_defaults()->disable_flag_override();  // "--json=3" means nothing
  app.formatter(help_formatter());
  const std::vector<AnySubcommand> commands = {any(add_serve(app)),  any(add_doctor(app)),  any(add_top(app)),
                                               any(add_record(app)), any(add_compare(app)), any(add_explain(app))};
  std::string asked;
  CLI::App& help_command = *app.add_subcommand("help", "Print the flags of a command");
  help_command.add_option("command", asked, "Such as doctor; without it, all commands are listed")
      ->type_name("COMMAND");
  const CLI::App& version_command =
      *app.add_subcommand("version", "Print version, git revision, compiler and libraries");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    std::ostringstream text;
    app.exit(success, text, text);
    result.exit_status = tell_user(text.str());
    return result;
  } catch (const CLI::ParseError& error) {
    if (argc < 2) {
      tell(first_steps());
      result.exit_status = kExitUsage;
      return result;
    }
    const auto given = app.get_subcommands();
    result.exit_status =
        usage_error(given.empty() ? app : *given.front(), what_is_wrong(app, error, argc > 1 ? argv[1] : ""));
    return result;
  }
  if (help_command.parsed() || version_command.parsed()) {
    if (const auto text = help_command.parsed() ? help_of(app, asked) : describe_build() + "\n") {
      result.exit_status = tell_user(*text);
    } else {
      result.exit_status = usage_error(app, text.error().message);
    }
    return result;
  }
  for (const AnySubcommand& command : commands) {
    if (!command.parser->parsed()) continue;
    auto options = command.options();
    if (options && runs_other)
      if (auto added = add_command(std::get<RecordOptions>(*options), {dashes + 1, end}); !added)
        options = tl::unexpected(added.error());
    if (options)
      result.command = std::move(*options);
    else
      result.exit_status = usage_error(*command.parser, options.error().message);
  }
  return result;
}

}  // namespace vqscope
