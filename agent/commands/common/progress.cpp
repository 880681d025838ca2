// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/common/progress.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <vector>

#include "agent/base/standard_streams.h"
#include "agent/base/terminal_width.h"
#include "agent/diagnosis/phrases.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

constexpr std::size_t kMostDisks = 4;
constexpr std::string_view kClear = "\r\x1b[K";

}  // namespace

Progress::Progress() : Progress(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(const std::string& text) {
  if (!shown_) return;
  tell(std::string(kClear) + text.substr(0, terminal_width(STDERR_FILENO) - 1));
  something_ = true;
}

void Progress::clear() {
  if (something_) tell(kClear);
  something_ = false;
}

std::string request_rates(const Snapshot& first, const Snapshot& last) {
  const Snapshot window = difference(first, last);
  const double seconds = static_cast<double>(window.time_ns) / 1e9;
  std::vector<std::string> rates;
  for (const DeviceSnapshot& device : window.devices) {
    if (rates.size() == kMostDisks) break;
    std::uint64_t requests = 0;
    for (const std::uint64_t count : submissions_per_cpu(device)) requests += count;
    rates.push_back(fmt::format("{} {} requests/s", device.name,
                                grouped(seconds > 0 ? static_cast<double>(requests) / seconds : 0)));
  }
  return fmt::format("{}", fmt::join(rates, ", "));
}

}  // namespace vqscope
