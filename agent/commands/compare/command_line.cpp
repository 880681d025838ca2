// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/compare/command_line.h"

#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <string_view>

#include "agent/base/duration.h"
#include "agent/commands/common/usage.h"

namespace vqscope {

namespace {

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
  std::string format;
  double min_effect = 5;
  bool live = false;
  AgentAddress agent;
  std::optional<double> duration_seconds;
};

Result<CompareOptions> make_compare(const CompareWords& words) {
  CompareOptions options;
  options.before = words.files[0];
  if (words.files.size() > 1) options.after = words.files[1];
  options.live = words.live;
  options.agent = words.agent;
  const bool live = words.live || !words.agent.url.empty();
  if (live && options.after)
    return fail(options.after->string() + " is a second recording, and --live and --url stand for one: leave one out");
  if (!live && words.duration_seconds) return fail("--duration is how long to watch, and takes --live or --url");
  if (words.duration_seconds) options.duration_seconds = static_cast<std::uint64_t>(std::ceil(*words.duration_seconds));
  for (const std::string& text : words.windows) {
    const auto window = parse_window(text);
    if (!window) return fail("--window: '" + text + "' is not a range of times such as 10..60 or 1m..2m30s");
    options.windows.push_back(*window);
  }
  if (live && options.windows.size() > 1)
    return fail("with --live or --url, --window is given once, for " + words.files[0]);
  if (!live && !options.windows.empty() && options.windows.size() != 2)
    return fail("--window is given twice, for before and after, or not at all");
  for (const std::string& text : words.renamed) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      return fail("--device: '" + text + "' is not a pair of names such as sda=vda");
    options.renamed.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  options.min_effect = words.min_effect / 100;
  options.format = words.format == "text" ? CompareFormat::kText
                   : words.format == "md" ? CompareFormat::kMarkdown
                                          : CompareFormat::kJson;
  return options;
}

}  // namespace

Subcommand<CompareOptions> add_compare(CLI::App& app) {
  const auto shared = std::make_shared<CompareWords>();
  CompareWords& words = *shared;
  CLI::App& compare = *app.add_subcommand(
      "compare", "Say whether a change helped, from recordings before and after it, or from one and the disks now");
  compare
      .add_option("files", words.files,
                  "Two recordings, before and after; or one, for its two windows or segments, or with --live or --url")
      ->type_name("FILE")
      ->check(not_empty())
      ->required()
      ->expected(1, 2);
  CLI::Option* const live = compare.add_flag(
      "--live", words.live,
      "Compare with what this guest's disks do now, by the agent that runs in it, or else by probes, as root");
  add_agent(compare, words.agent, "Compare with what the agent at this URL measures now");
  live->excludes("--url");
  add_duration(
      compare, "--duration", [&words](double seconds) { words.duration_seconds = seconds; }, "1s", "31d",
      "How long to watch with --live or --url (default: 1m); Ctrl-C compares what was seen until then");
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
  add_format(compare, words.format);
  compare.footer(
      "Exit status: 0 better or no difference, 1 worse, 2 wrong command line, 3 mixed or not comparable (the load "
      "differs, too short, idle), 4 a recording or the disks cannot be read, or the result not be printed.");
  return {&compare, [shared] { return make_compare(*shared); }};
}

}  // namespace vqscope
