// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace vqscope {

std::string format_count(double value);                // "1,234,567", "12.3", "0.05"
std::string format_seconds(double value);              // "412 us", "1.25 ms", "3.2 s"
std::string format_bytes(double value);                // "4.0 KiB", "1.2 GiB"
std::string format_percent(double ratio);              // of a change: "+64.8 %", "-3.1 %", "x 12.4"
std::string format_interval(double low, double high);  // of a change: "-12..+46 %", "-3.1..+2.0 %", "x 0.60..x 3.20"
std::string format_more_seconds(double value);         // of a change: "+30.0 us"
std::string format_seconds_interval(double low, double high);  // likewise: "+20.0..+40.0 us"
// Of a recording, from its start: "7 s, 9 s to 12 s"; the first five.
std::string format_times(const std::vector<std::pair<double, double>>& spans);

}  // namespace vqscope
