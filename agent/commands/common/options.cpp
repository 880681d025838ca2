// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/common/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "agent/commands/common/usage.h"
#include "agent/probes/probe.h"

namespace vqscope {

namespace {

std::vector<std::string> probe_names() {
  std::vector<std::string> names;
  for (const ProbeKind& kind : probe_kinds()) names.emplace_back(kind.name);
  return names;
}

}  // namespace

void add_measure(CLI::App& command, MeasureOptions& options, const std::string& name) {
  CLI::Option* const devices =
      command
          .add_option(name, options.devices,
                      "Only this disk, by name or path: vda, /dev/vda, /dev/disk/by-id/...; a partition stands for its "
                      "disk; may be repeated")
          ->type_name("DISK")
          ->check(not_empty())
          ->allow_extra_args(name != "--device");  // no word after a flag that is another argument
  command.add_option("--device-include", options.device_include, "Only disks whose name this matches (RE2)")
      ->type_name("REGEX")
      ->excludes(devices);
  command
      .add_option("--device-exclude", options.device_exclude,
                  "All disks but those whose name this matches (RE2; default " +
                      std::string(DeviceFilter::kDefaultExclude) + ")")
      ->type_name("REGEX")
      ->excludes(devices);
  command
      .add_option(
          "--require-probe", options.required_probes,
          "Do not start without this probe: " + fmt::format("{}", fmt::join(probe_names(), ", ")) + "; may be repeated")
      ->type_name("PROBE")
      ->allow_extra_args(false)
      ->check(one_of(probe_names()));
  command.add_option("--path.procfs", options.paths.procfs, "Where procfs is mounted")
      ->type_name("DIRECTORY")
      ->check(not_empty())
      ->capture_default_str();
  command.add_option("--path.sysfs", options.paths.sysfs, "Where sysfs is mounted")
      ->type_name("DIRECTORY")
      ->check(not_empty())
      ->capture_default_str();
}

Result<void> check(const MeasureOptions& options) {
  if (auto filter = DeviceFilter::create(options.device_include, options.device_exclude); !filter)
    return tl::unexpected(filter.error());
  return {};
}

void add_log(CLI::App& command, LogOptions& options) {
  command.add_option("--log.level", options.level, "What to log on standard error: debug, info, warn, error")
      ->type_name("LEVEL")
      ->capture_default_str()
      ->check(one_of({"debug", "info", "warn", "error"}));
  command.add_option("--log.format", options.format, "How to log: text, json")
      ->type_name("FORMAT")
      ->capture_default_str()
      ->check(one_of({"text", "json"}));
}

void add_agent(CLI::App& command, AgentAddress& agent, const std::string& what) {
  CLI::Option* const url =
      command
          .add_option("--url", agent.url,
                      what + ", such as HOST:10177, https://HOST:10177 or unix:PATH; needs no rights here")
          ->type_name("URL")
          ->check(not_empty());
  command.add_option("--url.ca-file", agent.ca_file, "Trust only this CA (PEM) for https, instead of the system's")
      ->type_name("FILE")
      ->check(not_empty())
      ->needs(url);
  CLI::Option* const certificate =
      command.add_option("--url.cert-file", agent.certificate_file, "Show the agent this client certificate (PEM)")
          ->type_name("FILE")
          ->check(not_empty())
          ->needs(url);
  CLI::Option* const key = command.add_option("--url.key-file", agent.key_file, "Key of the client certificate (PEM)")
                               ->type_name("FILE")
                               ->check(not_empty());
  certificate->needs(key);
  key->needs(certificate);
}

CLI::Option* add_replay(CLI::App& command, std::filesystem::path& file, const std::string& what) {
  CLI::Option* const replay = command.add_option("--replay", file, what)->type_name("FILE")->check(not_empty());
  if (CLI::Option* const url = command.get_option_no_throw("--url"); url != nullptr) url->excludes(replay);
  return replay;
}

CLI::Option* add_piece(CLI::App& command, Piece& piece, const std::string& what) {
  CLI::Option* const replay = add_replay(command, piece.file, what + "; - is standard input");
  add_moment(command, "--from", piece.from, replay, "Only from this moment on: " + std::string(kMomentsAre));
  add_moment(command, "--to", piece.to, replay, "Only up to this moment");
  return replay;
}

void add_moment(CLI::App& command, const std::string& name, std::optional<Moment>& moment, CLI::Option* replay,
                const std::string& what) {
  command
      .add_option_function<std::string>(
          name, [&moment](const std::string& text) { moment = parse_moment(text); }, what)
      ->type_name("TIME")
      ->needs(replay)
      ->check([](const std::string& text) {
        return parse_moment(text)
                   ? ""
                   : "'" + text + "' is not a time such as 90s, 14:05:30, '14:05 local' or 2026-11-27T14:05:30Z";
      });
}

void add_format(CLI::App& command, std::string& format, const std::string& more) {
  format = "text";
  CLI::Option* const option =
      command
          .add_option_function<std::string>(
              "--format", [&format](const std::string& name) { format = name == "markdown" ? "md" : name; },
              "How to print: text, md (Markdown, for a ticket), json" + more)
          ->type_name("FORMAT")
          ->default_str("text")
          ->check(one_of({"text", "md", "markdown", "json"}));
  command
      .add_flag_callback(
          "--json", [&format] { format = "json"; }, "The same as --format json")
      ->excludes(option);
}

}  // namespace vqscope
