// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/command_line.h"

#include <charconv>
#include <memory>
#include <optional>
#include <string_view>

#include "agent/commands/common/usage.h"
#include "exporters/http/listener.h"

namespace vqscope {

namespace {

// "0660" or "660".
std::optional<unsigned> parse_mode(std::string_view text) {
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && mode <= 0777 ? std::optional(mode) : std::nullopt;
}

}  // namespace

Subcommand<ServeOptions> add_serve(CLI::App& app) {
  struct Words {
    ServeOptions options;
    std::string classic_buckets;
  };
  const auto words = std::make_shared<Words>();
  ServeOptions& options = words->options;
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
      .add_option(
          "--web.allowed-host", options.allowed_hosts,
          "Name that a loopback address, a unix socket or vsock answers for, such as the one that a proxy on this "
          "machine passes on; "
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
                  "TLS, client certificates and passwords: a file as Prometheus' exporters take it (the manual "
                  "page, vqscope(1), says where it is described); read again when it changes")
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
      .add_option("--histogram.classic-buckets", words->classic_buckets,
                  "Upper bounds in seconds of the classic buckets, rising and separated by commas, each a native "
                  "bound 2^(i/8) (default: the powers of two from 2^-16 to 2^-5, 2^-3, 2^-1 and 4)")
      ->type_name("LIST");
  serve
      .add_option(
          "--user", options.user,
          "User to become once the probes are attached (default: none; all capabilities are dropped in any case)")
      ->type_name("NAME")
      ->check(not_empty());
  serve.add_flag_callback(
      "--no-seccomp", [&options] { options.seccomp = false; }, "Do not restrict system calls, for debugging");
  add_piece(serve, options.replay,
            "Measure nothing, and show this recording on the page at /, up to 15 minutes of it; needs no rights");
  add_measure(serve, options.measure);
  add_log(serve, options.log);
  return {&serve, [words, &serve]() -> Result<ServeOptions> {
            if (auto sensible = check(words->options.measure); !sensible) return tl::unexpected(sensible.error());
            if (serve.count("--histogram.classic-buckets") > 0) {
              auto buckets = parse_classic_buckets(words->classic_buckets);
              if (!buckets) return fail("--histogram.classic-buckets: " + buckets.error().message);
              words->options.classic_buckets = std::move(*buckets);
            }
            return std::move(words->options);
          }};
}

}  // namespace vqscope
