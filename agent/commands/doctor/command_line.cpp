// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "agent/commands/common/usage.h"

namespace vqscope {

namespace {

std::vector<std::string> platform_names() {
  std::vector<std::string> names;
  names.reserve(kPlatforms.size());
  for (const Platform platform : kPlatforms) names.emplace_back(name_of(platform));
  return names;
}

}  // namespace

Subcommand<DoctorOptions> add_doctor(CLI::App& app) {
  struct Words {
    DoctorOptions options;
    std::string format;
  };
  const auto words = std::make_shared<Words>();
  DoctorOptions& options = words->options;
  CLI::App& doctor = *app.add_subcommand("doctor", "Say what is wrong with this guest's disks, and how to mend it");
  CLI::Option* const duration = add_duration(
      doctor, "--duration", [&options](double seconds) { options.duration_seconds = seconds; }, "1s", "1h",
      "How long to watch; Ctrl-C tells what was seen until then");
  duration->default_str("10s");
  add_format(doctor, words->format, " ('vqscope explain json' has its keys)");
  doctor
      .add_option_function<std::string>(
          "--platform", [&options](const std::string& name) { options.platform = parse_platform(name); },
          fmt::format("Show the remedies for this platform only, and those of INFO findings too: {} (default: what can "
                      "be detected, else all)",
                      fmt::join(platform_names(), ", ")))
      ->type_name("PLATFORM")
      ->check(one_of(platform_names()));
  doctor.add_flag("--remedies", options.remedies, "Show the remedies of INFO findings too");
  doctor
      .add_option_function<std::string>(
          "--idle", [&options](const std::string& name) { options.idle_is_ok = name == "ok"; },
          "Exit status when no disk had enough requests to judge: unknown (3), or ok (0), which suits a monitoring "
          "check")
      ->type_name("HOW")
      ->default_str("unknown")
      ->check(one_of({"ok", "unknown"}));
  add_agent(doctor, options.agent, "Look at what the agent at this URL measures");
  add_piece(doctor, options.replay, "Look at this recording, and at no disk of this guest; needs no rights")
      ->excludes(duration);
  add_measure(doctor, options.measure, "disk,--device");
  add_log(doctor, options.log);
  doctor.footer(
      "Exit status: 0 healthy, 1 warning, 2 critical, 3 could not tell (idle, no rights, wrong command line); after "
      "Ctrl-C that of what was seen, or 130 when that was less than a second.");
  return {&doctor, [words]() -> Result<DoctorOptions> {
            if (auto sensible = check(words->options.measure); !sensible) return tl::unexpected(sensible.error());
            words->options.format = words->format == "text" ? DoctorFormat::kText
                                    : words->format == "md" ? DoctorFormat::kMarkdown
                                                            : DoctorFormat::kJson;
            return std::move(words->options);
          }};
}

}  // namespace vqscope
