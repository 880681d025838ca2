// SPDX-License-Identifier: Apache-2.0
// Which disks are measured: an include or an exclude pattern, as node_exporter's diskstats collector has them.
// Names are the kernel's, with '/' where sysfs has '!'. Immutable after creation, and thread-safe.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace vqscope {

class DeviceFilter {
 public:
  // Left out unless asked for: devices backed by files or memory of this guest.
  static constexpr std::string_view kDefaultExclude = "^(loop|ram|zram)[0-9]+$";

  // At the most one of the patterns may be non-empty; they match anywhere in a name unless anchored. With neither,
  // kDefaultExclude applies. An error tells what is wrong with a pattern.
  static Result<DeviceFilter> create(const std::string& include, const std::string& exclude);

  // Accepts these disks only, one at the least. A "/" in a kernel name, which sysfs writes as "!", matches both.
  static DeviceFilter of_names(const std::vector<std::string>& names);

  // What create() takes as `include` to accept these.
  static std::string pattern_of(const std::vector<std::string>& names);

  static DeviceFilter of_all();

  [[nodiscard]] bool accepts(std::string_view name) const;

 private:
  DeviceFilter(std::unique_ptr<re2::RE2> pattern, bool accept_matches)
      : pattern_(std::move(pattern)), accept_matches_(accept_matches) {}

  std::unique_ptr<re2::RE2> pattern_;
  bool accept_matches_;
};

}  // namespace vqscope
