// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/device_filter.h"

namespace vqscope {

Result<DeviceFilter> DeviceFilter::create(const std::string& include, const std::string& exclude) {
  if (!include.empty() && !exclude.empty())
    return fail("--device-include and --device-exclude cannot be used together; give one of them");
  const std::string text = !include.empty() ? include : !exclude.empty() ? exclude : std::string(kDefaultExclude);
  auto pattern = std::make_unique<re2::RE2>(text, re2::RE2::Quiet);
  if (!pattern->ok())
    return fail((include.empty() ? "--device-exclude='" : "--device-include='") + text +
                "' is not a regular expression (RE2): " + pattern->error());
  return DeviceFilter(std::move(pattern), !include.empty());
}

std::string DeviceFilter::pattern_of(const std::vector<std::string>& names) {
  std::string pattern;
  for (const std::string& name : names) {
    pattern += pattern.empty() ? "^(?:" : "|";
    for (const char c : name) pattern += c == '/' || c == '!' ? "[/!]" : re2::RE2::QuoteMeta(std::string(1, c));
  }
  return pattern + ")$";
}

DeviceFilter DeviceFilter::of_names(const std::vector<std::string>& names) {
  return {std::make_unique<re2::RE2>(pattern_of(names), re2::RE2::Quiet), true};
}

DeviceFilter DeviceFilter::of_all() { return {std::make_unique<re2::RE2>("", re2::RE2::Quiet), true}; }

bool DeviceFilter::accepts(std::string_view name) const {
  return re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), *pattern_) == accept_matches_;
}

}  // namespace vqscope
