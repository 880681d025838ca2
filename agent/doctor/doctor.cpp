// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/doctor.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "agent/base/text.h"
#include "agent/daemon/events.h"
#include "agent/doctor/report.h"
#include "agent/doctor/watch.h"

namespace vqscope {

namespace {

// Narrower than this a picture makes no sense, and lines that are longer are hard to read.
constexpr std::size_t kNarrowest = 60, kWidest = 100, kDefaultWidth = 80;

TextStyle style_of_terminal() {
  TextStyle style{kDefaultWidth, false};
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  winsize size = {};
  const char* columns = std::getenv("COLUMNS");
  if (terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    style.width = size.ws_col;
  else if (columns != nullptr)
    style.width = parse_number<std::size_t>(columns).value_or(kDefaultWidth);
  style.width = std::clamp(style.width, kNarrowest, kWidest);
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org
  const char* term = std::getenv("TERM");
  style.color =
      terminal && (no_color == nullptr || *no_color == '\0') && term != nullptr && std::string_view(term) != "dumb";
  return style;
}

}  // namespace

Result<int> doctor(const DoctorOptions& options) {
  auto signals = watch_signals();
  if (!signals) return tl::unexpected(signals.error());
  const auto watched = watch(options, *signals);
  if (!watched) return tl::unexpected(watched.error());
  if (watched->signal != 0) return 128 + watched->signal;
  const Report report = make_report(watched->first, watched->last, watched->full_time, options.platform);
  const std::string text = options.json ? to_json(report) : to_text(report, style_of_terminal());
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return fail_errno("cannot write the report");
  return report.status;
}

}  // namespace vqscope
