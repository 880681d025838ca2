// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>

#include "agent/probes/probe.h"
#include "version.h"

namespace vqscope {

namespace {

std::vector<std::string> probe_names() {
  std::vector<std::string> names;
  for (const ProbeKind& kind : probe_kinds()) names.emplace_back(kind.name);
  return names;
}

void add_measure(CLI::App& command, MeasureOptions& options) {
  command.add_option("--device-include", options.device_include, "Measure only disks whose name this matches (RE2)")
      ->type_name("REGEX");
  command
      .add_option("--device-exclude", options.device_exclude,
                  "Measure all disks but those whose name this matches (RE2; default " +
                      std::string(DeviceFilter::kDefaultExclude) + ")")
      ->type_name("REGEX");
  command
      .add_option(
          "--require-probe", options.required_probes,
          "Do not start without this probe: " + fmt::format("{}", fmt::join(probe_names(), ", ")) + "; may be repeated")
      ->type_name("PROBE")
      ->allow_extra_args(false)
      ->check(CLI::IsMember(probe_names()));
  command.add_option("--path.procfs", options.paths.procfs, "Where procfs is mounted")
      ->type_name("DIRECTORY")
      ->capture_default_str();
  command.add_option("--path.sysfs", options.paths.sysfs, "Where sysfs is mounted")
      ->type_name("DIRECTORY")
      ->capture_default_str();
  command.add_option("--log.level", options.log_level, "What to log on standard error: debug, info, warn, error")
      ->type_name("LEVEL")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  command.add_option("--log.format", options.log_format, "How to log: text, json")
      ->type_name("FORMAT")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
}

// CLI::Range lets "nan" through.
CLI::Validator seconds_between(double low, double high) {
  return {[low, high](const std::string& text) {
            double seconds = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
            return error == std::errc{} && end == text.data() + text.size() && seconds >= low && seconds <= high
                       ? ""
                       : fmt::format("'{}' is not a number of seconds from {} to {}", text, low, high);
          },
          ""};
}

const CLI::App& add_serve(CLI::App& app, ServeOptions& options, std::string& classic_buckets) {
  CLI::App& serve = *app.add_subcommand("serve", "Measure this guest's disks and serve the numbers to Prometheus");
  serve
      .add_option("--web.listen-address", options.listen_addresses,
                  "HOST:PORT to serve on; may be repeated (default 127.0.0.1:10177 and [::1]:10177)")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  serve.add_option("--web.telemetry-path", options.telemetry_path, "Path of the metrics")
      ->type_name("PATH")
      ->capture_default_str()
      ->check([](const std::string& path) {
        return path.size() > 1 && path[0] == '/' && path.find_first_of("?# ") == std::string::npos
                   ? ""
                   : "'" + path + "' is not a path below /, such as /metrics";
      });
  serve
      .add_option("--window", options.window_seconds,
                  "Seconds over which the gauges avgqu_sz, *_ratio and *_cpus look back")
      ->type_name("SECONDS")
      ->capture_default_str()
      ->check(seconds_between(1, 3600));
  serve
      .add_option("--histogram.classic-buckets", classic_buckets,
                  "Upper bounds in seconds of the classic buckets, rising and separated by commas, each a native "
                  "bound 2^(i/8) (default: the powers of two from 2^-17 to 4)")
      ->type_name("LIST");
  add_measure(serve, options.measure);
  return serve;
}

std::vector<std::string> platform_names() {
  std::vector<std::string> names;
  for (const Platform platform : kPlatforms) names.emplace_back(name_of(platform));
  return names;
}

const CLI::App& add_doctor(CLI::App& app, DoctorOptions& options) {
  CLI::App& doctor = *app.add_subcommand("doctor", "Say what is wrong with this guest's disks, and how to mend it");
  doctor.add_option("--duration", options.duration_seconds, "Seconds to watch")
      ->type_name("SECONDS")
      ->capture_default_str()
      ->check(seconds_between(1, 3600));
  doctor.add_flag("--json", options.json, "Print one JSON object (FINDINGS.md describes it)");
  doctor
      .add_option_function<std::string>(
          "--platform", [&options](const std::string& name) { options.platform = parse_platform(name); },
          fmt::format("Show the remedies for this platform only: {} (default: what can be detected, else all)",
                      fmt::join(platform_names(), ", ")))
      ->type_name("PLATFORM")
      ->check(CLI::IsMember(platform_names()));
  doctor
      .add_option("--url", options.url,
                  "Look at what the agent at this URL measures, such as http://127.0.0.1:10177; needs no rights here")
      ->type_name("URL");
  options.measure.log_level = "error";
  add_measure(doctor, options.measure);
  doctor.footer(
      "Exit status: 0 healthy, 1 warning, 2 critical, 3 could not tell (idle, no rights, wrong command line), 130 or "
      "143\n"
      "after SIGINT or SIGTERM.");
  return doctor;
}

int usage_error(const CLI::App& command, const std::string& message) {
  fmt::print(stderr, "vqscope: {}\nTry '{} --help'.\n", message, command.get_display_name());
  return command.get_name() == "doctor" ? kExitUnknown : kExitUsage;
}

// What the parser cannot check by itself; an error is a sentence.
Result<void> check(const MeasureOptions& options) {
  if (auto filter = DeviceFilter::create(options.device_include, options.device_exclude); !filter)
    return tl::unexpected(filter.error());
  return {};
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine result;
  CLI::App app(
      "Which hardware queue, interrupt and vCPU your virtual disk's requests go through, and how long they "
      "take there.\nRuns inside a KVM guest. https://prometheus.io scrapes it.",
      "vqscope");
  app.set_version_flag("--version", "vqscope " VQSCOPE_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  ServeOptions serve;
  std::string classic_buckets;
  const CLI::App& serve_command = add_serve(app, serve, classic_buckets);
  DoctorOptions doctor;
  const CLI::App& doctor_command = add_doctor(app, doctor);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    result.exit_status = app.exit(success);
    return result;
  } catch (const CLI::ParseError& error) {
    const auto given = app.get_subcommands();
    result.exit_status = usage_error(given.empty() ? app : *given.front(), error.what());
    return result;
  }
  if (doctor_command.parsed()) {
    if (auto sensible = check(doctor.measure); !sensible)
      result.exit_status = usage_error(doctor_command, sensible.error().message);
    result.command = std::move(doctor);
    return result;
  }
  if (auto sensible = check(serve.measure); !sensible) {
    result.exit_status = usage_error(serve_command, sensible.error().message);
  } else if (serve_command.count("--histogram.classic-buckets") > 0) {
    if (auto buckets = parse_classic_buckets(classic_buckets))
      serve.classic_buckets = std::move(*buckets);
    else
      result.exit_status = usage_error(serve_command, "--histogram.classic-buckets: " + buckets.error().message);
  }
  result.command = std::move(serve);
  return result;
}

}  // namespace vqscope
