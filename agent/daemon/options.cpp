// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <sstream>

#include "agent/base/duration.h"
#include "agent/base/standard_streams.h"
#include "agent/daemon/build_info.h"
#include "agent/daemon/usage.h"
#include "agent/probes/probe.h"
#include "exporters/http/listener.h"

namespace vqscope {

namespace {

std::vector<std::string> probe_names() {
  std::vector<std::string> names;
  for (const ProbeKind& kind : probe_kinds()) names.emplace_back(kind.name);
  return names;
}

// `name` is "--device", with a word before it if the disks may also be given without the flag.
void add_measure(CLI::App& command, MeasureOptions& options, const std::string& name = "--device") {
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
  command.add_option("--log.level", options.log_level, "What to log on standard error: debug, info, warn, error")
      ->type_name("LEVEL")
      ->capture_default_str()
      ->check(one_of({"debug", "info", "warn", "error"}));
  command.add_option("--log.format", options.log_format, "How to log: text, json")
      ->type_name("FORMAT")
      ->capture_default_str()
      ->check(one_of({"text", "json"}));
}

// "0660" or "660".
std::optional<unsigned> parse_mode(std::string_view text) {
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && mode <= 0777 ? std::optional(mode) : std::nullopt;
}

const CLI::App& add_serve(CLI::App& app, ServeOptions& options, std::string& classic_buckets) {
  CLI::App& serve = *app.add_subcommand("serve", "Measure this guest's disks and serve the numbers to Prometheus");
  serve
      .add_option("--web.listen-address", options.listen_addresses,
                  "HOST:PORT, unix:PATH or vsock://[CID]:PORT to serve on; may be repeated (default 127.0.0.1:10177 "
                  "and [::1]:10177)")
      ->type_name("ADDRESS")
      ->allow_extra_args(false)
      ->check([](const std::string& address) {
        const auto checked = check_listen_address(address);
        return checked ? "" : checked.error().message;
      });
  serve
      .add_option_function<std::string>(
          "--web.unix-socket-mode", [&options](const std::string& mode) { options.socket_mode = *parse_mode(mode); },
          "Permissions of unix:PATH: whoever may write to it may read the metrics (default 0660)")
      ->type_name("MODE")
      ->check([](const std::string& mode) {
        return parse_mode(mode) ? "" : "'" + mode + "' is not an octal mode from 0000 to 0777";
      });
  serve
      .add_flag("--web.systemd-socket", options.systemd_socket,
                "Serve on the sockets that systemd passes, and on no others")
      ->excludes("--web.listen-address");
  serve
      .add_option("--web.allowed-host", options.allowed_hosts,
                  "Name that a loopback address answers for, such as the one that a proxy on this machine passes on; "
                  "may be repeated (default: localhost, this machine's name and those in --web.listen-address)")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->check([](const std::string& name) {
        return !name.empty() && name.find_first_of(":/ *") == std::string::npos
                   ? ""
                   : "'" + name + "' is not a host name, such as guest.example";
      });
  serve
      .add_option("--web.config.file", options.web_config,
                  "TLS, client certificates and passwords: a file as Prometheus' exporters take it "
                  "(/usr/share/vqscope/doc/ENDPOINT.md); read again when it changes")
      ->type_name("FILE")
      ->check(not_empty());
  serve.add_option("--web.telemetry-path", options.telemetry_path, "Path of the metrics")
      ->type_name("PATH")
      ->capture_default_str()
      ->check([](const std::string& path) {
        return path.size() > 1 && path[0] == '/' && !path.starts_with("/-/") &&
                       path.find_first_of("?# ") == std::string::npos
                   ? ""
                   : "'" + path + "' is not a path below /, such as /metrics";
      });
  add_duration(
      serve, "--window", [&options](double seconds) { options.window_seconds = seconds; }, "1s", "1h",
      "How far the gauges avgqu_sz, *_ratio and *_cpus look back")
      ->default_str("10s");
  serve
      .add_option("--histogram.classic-buckets", classic_buckets,
                  "Upper bounds in seconds of the classic buckets, rising and separated by commas, each a native "
                  "bound 2^(i/8) (default: the powers of two from 2^-16 to 2^-5, 2^-3, 2^-1 and 4)")
      ->type_name("LIST");
  serve
      .add_option(
          "--user", options.user,
          "User to become once the probes are attached (default: none; all capabilities are dropped in any case)")
      ->type_name("NAME")
      ->check(not_empty());
  serve.add_flag("!--no-seccomp", options.seccomp, "Do not restrict system calls, for debugging");
  add_measure(serve, options.measure);
  return serve;
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

std::vector<std::string> platform_names() {
  std::vector<std::string> names;
  names.reserve(kPlatforms.size());
  for (const Platform platform : kPlatforms) names.emplace_back(name_of(platform));
  return names;
}

const CLI::App& add_doctor(CLI::App& app, DoctorOptions& options) {
  CLI::App& doctor = *app.add_subcommand("doctor", "Say what is wrong with this guest's disks, and how to mend it");
  add_duration(
      doctor, "--duration", [&options](double seconds) { options.duration_seconds = seconds; }, "1s", "1h",
      "How long to watch; Ctrl-C tells what was seen until then")
      ->default_str("10s");
  CLI::Option* const format =
      doctor
          .add_option_function<std::string>(
              "--format",
              [&options](const std::string& name) {
                options.format = name == "text"   ? DoctorFormat::kText
                                 : name == "json" ? DoctorFormat::kJson
                                                  : DoctorFormat::kMarkdown;
              },
              "How to print: text, md (Markdown, for a ticket), json ('vqscope explain json' has its keys)")
          ->type_name("FORMAT")
          ->default_str("text")
          ->check(one_of({"text", "md", "markdown", "json"}));
  doctor
      .add_flag_callback(
          "--json", [&options] { options.format = DoctorFormat::kJson; }, "The same as --format json")
      ->excludes(format);
  doctor
      .add_option_function<std::string>(
          "--platform", [&options](const std::string& name) { options.platform = parse_platform(name); },
          fmt::format("Show the remedies for this platform only: {} (default: what can be detected, else all)",
                      fmt::join(platform_names(), ", ")))
      ->type_name("PLATFORM")
      ->check(one_of(platform_names()));
  doctor
      .add_option_function<std::string>(
          "--idle", [&options](const std::string& name) { options.idle_is_ok = name == "ok"; },
          "Exit status when no disk had enough requests to judge: unknown (3), or ok (0), which suits a monitoring "
          "check")
      ->type_name("HOW")
      ->default_str("unknown")
      ->check(one_of({"ok", "unknown"}));
  add_agent(doctor, options.agent, "Look at what the agent at this URL measures");
  options.measure.log_level = "error";
  add_measure(doctor, options.measure, "disk,--device");
  doctor.footer(
      "Exit status: 0 healthy, 1 warning, 2 critical, 3 could not tell (idle, no rights, wrong command line); after "
      "Ctrl-C that of what was seen, or 130 when that was less than a second.");
  return doctor;
}

const CLI::App& add_explain(CLI::App& app, ExplainOptions& options) {
  CLI::App& explain =
      *app.add_subcommand("explain", "Explain a finding: what it means, how it is decided, how to mend it");
  explain.add_option("finding", options.topic, "Such as single_queue; without it, all are listed")
      ->type_name("FINDING");
  return explain;
}

const CLI::App& add_record(CLI::App& app, RecordOptions& options) {
  CLI::App& record =
      *app.add_subcommand("record", "Record this guest's disks, or what a running agent measures, to a file");
  record.add_option("file", options.file, "File to create; one that exists is left alone; - is standard output")
      ->type_name("FILE")
      ->check(not_empty())
      ->required();
  // A reading is taken every second.
  add_duration(
      record, "--duration",
      [&options](double seconds) { options.duration_seconds = static_cast<std::uint64_t>(std::ceil(seconds)); }, "1s",
      "31d", "How long to record (default: until Ctrl-C)");
  record.add_option("--note", options.note, "What is recorded, such as \"one queue\"; shown by compare")
      ->type_name("TEXT");
  record.add_flag("--append", options.append, "Add a segment to FILE, if it exists and is a recording");
  add_agent(record, options.agent, "Record what the agent at this URL measures");
  add_measure(record, options.measure);
  return record;
}

// "12..60", "1m30s..": times.
std::optional<TimeWindow> parse_window(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const std::string_view last = text.substr(dots + 2);
  const auto begin = parse_duration(text.substr(0, dots)), end = parse_duration(last);
  if (!begin || (!end && !last.empty())) return std::nullopt;
  TimeWindow window;
  window.begin = *begin;
  if (end) window.end = *end;
  return window.begin < window.end ? std::optional(window) : std::nullopt;
}

// What the parser leaves as text.
struct CompareWords {
  std::vector<std::string> files, windows, renamed;
  std::string format = "text";
  bool json = false;
  double min_effect = 5;
};

const CLI::App& add_compare(CLI::App& app, CompareWords& words) {
  CLI::App& compare =
      *app.add_subcommand("compare", "Say whether a change helped, from recordings before and after it");
  compare.add_option("files", words.files, "Two recordings, before and after; or one, for its two windows or segments")
      ->type_name("FILE")
      ->check(not_empty())
      ->required()
      ->expected(1, 2);
  compare
      .add_option("--window", words.windows,
                  "Times from the recording's start to compare, such as 10..60 or 1m30s..; twice: before and after")
      ->type_name("A..B")
      ->allow_extra_args(false);
  compare.add_option("--device", words.renamed, "A disk that was called A before and B after; may be repeated")
      ->type_name("A=B")
      ->allow_extra_args(false);
  compare.add_option("--min-effect", words.min_effect, "Percent by which an average must change to count")
      ->type_name("PERCENT")
      ->capture_default_str()
      ->check([](const std::string& text) {  // CLI::Range lets "nan" through
        double percent = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
        return error == std::errc{} && end == text.data() + text.size() && percent >= 0.1 && percent <= 1000
                   ? ""
                   : "'" + text + "' is not a number of percent from 0.1 to 1000";
      });
  CLI::Option* const format =
      compare.add_option("--format", words.format, "How to print: text, md (Markdown, for a ticket), json")
          ->type_name("FORMAT")
          ->capture_default_str()
          ->check(one_of({"text", "md", "markdown", "json"}));
  compare.add_flag("--json", words.json, "The same as --format json")->excludes(format);
  compare.footer(
      "Exit status: 0 better or no difference, 1 worse, 2 wrong command line, 3 mixed or not comparable (the load "
      "differs, too short, idle), 4 a recording cannot be read, or the result not be printed.");
  return compare;
}

Result<CompareOptions> make_compare(const CompareWords& words) {
  CompareOptions options;
  options.before = words.files[0];
  if (words.files.size() > 1) options.after = words.files[1];
  for (const std::string& text : words.windows) {
    const auto window = parse_window(text);
    if (!window) return fail("--window: '" + text + "' is not a range of times such as 10..60 or 1m..2m30s");
    options.windows.push_back(*window);
  }
  if (!options.windows.empty() && options.windows.size() != 2)
    return fail("--window is given twice, for before and after, or not at all");
  for (const std::string& text : words.renamed) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      return fail("--device: '" + text + "' is not a pair of names such as sda=vda");
    options.renamed.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  options.min_effect = words.min_effect / 100;
  options.format = words.json || words.format == "json" ? CompareFormat::kJson
                   : words.format == "text"             ? CompareFormat::kText
                                                        : CompareFormat::kMarkdown;
  return options;
}

int usage_error(const CLI::App& command, const std::string& message) {
  const std::string name = command.get_parent() == nullptr ? "vqscope" : "vqscope " + command.get_name();
  complain(fmt::format("{}\nTry '{} --help'.", message, name));
  return command.get_name() == "doctor" ? kExitUnknown : kExitUsage;
}

// What the parser cannot check by itself; an error is a sentence.
Result<void> check(const MeasureOptions& options) {
  if (auto filter = DeviceFilter::create(options.device_include, options.device_exclude); !filter)
    return tl::unexpected(filter.error());
  return {};
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

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine result;
  CLI::App app(
      "Which hardware queue, interrupt and vCPU your virtual disk's requests go through, and how long they "
      "take there.\nRuns inside a KVM guest. Prometheus scrapes it.",
      "vqscope");
  app.set_version_flag("--version", describe_build());
  app.require_subcommand(1);
  app.formatter(help_formatter());
  ServeOptions serve;
  std::string classic_buckets;
  const CLI::App& serve_command = add_serve(app, serve, classic_buckets);
  DoctorOptions doctor;
  const CLI::App& doctor_command = add_doctor(app, doctor);
  RecordOptions record;
  const CLI::App& record_command = add_record(app, record);
  CompareWords words;
  const CLI::App& compare_command = add_compare(app, words);
  ExplainOptions explain;
  const CLI::App& explain_command = add_explain(app, explain);
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
  if (explain_command.parsed()) {
    result.command = std::move(explain);
    return result;
  }
  if (doctor_command.parsed()) {
    if (auto sensible = check(doctor.measure); !sensible)
      result.exit_status = usage_error(doctor_command, sensible.error().message);
    result.command = std::move(doctor);
    return result;
  }
  if (record_command.parsed()) {
    if (auto sensible = check(record.measure); !sensible)
      result.exit_status = usage_error(record_command, sensible.error().message);
    result.command = std::move(record);
    return result;
  }
  if (compare_command.parsed()) {
    if (auto compare = make_compare(words))
      result.command = std::move(*compare);
    else
      result.exit_status = usage_error(compare_command, compare.error().message);
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
