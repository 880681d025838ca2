// SPDX-License-Identifier: Apache-2.0
// What programs are told of a window, in doctor's report and in the page's history alike. Pure and thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "agent/diagnosis/finding.h"
#include "agent/diagnosis/platform.h"
#include "agent/model/request_time.h"

namespace vqscope {

// Seconds, summed over the completed requests.
nlohmann::ordered_json time_json(const RequestTime& time);

// With its evidence, and the remedy for these platforms. `severity` may be another than it was found with; `disk` is
// null for what concerns the whole guest.
nlohmann::ordered_json finding_json(const Finding& finding, Severity severity, const Disk* disk,
                                    const Topology& topology, const std::vector<Platform>& platforms);

}  // namespace vqscope
