// SPDX-License-Identifier: Apache-2.0
#include "agent/collector/finding_log.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

namespace vqscope {

namespace {

// Journals and terminals show a line of so many bytes as a whole.
constexpr std::size_t kLongest = 300;
constexpr std::string_view kCut = " ...";

// At a word, and not within a character of UTF-8.
std::string cut(std::string_view sentence, std::size_t room) {
  if (sentence.size() <= room) return std::string(sentence);
  const std::size_t blank = room > kCut.size() ? sentence.rfind(' ', room - kCut.size()) : std::string_view::npos;
  return blank == std::string_view::npos ? "" : fmt::format("{}{}", sentence.substr(0, blank), kCut);
}

}  // namespace

std::string place_of(const Finding& finding) { return finding.device.empty() ? "this guest" : finding.device; }

std::string log_line(Severity severity, const Finding& finding) {
  const std::string head =
      fmt::format("finding {} ({}) on {}:", finding.kind->id, name_of(severity), place_of(finding));
  const std::string more = fmt::format(" More: vqscope doctor{}{}; vqscope explain {}",
                                       finding.device.empty() ? "" : " ", finding.device, finding.kind->id);
  std::string told;
  for (const std::string& sentence : finding.found.evidence) {
    const std::size_t used = head.size() + told.size() + more.size() + 1;
    const std::size_t room = used < kLongest ? kLongest - used : 0;
    if (!told.empty() && sentence.size() > room) break;
    if (const std::string text = cut(sentence, room); !text.empty()) told += " " + text;
  }
  return head + told + more;
}

}  // namespace vqscope
