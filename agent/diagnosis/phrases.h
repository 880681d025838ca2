// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vqscope {

std::string grouped(double number);                          // "103,210", "12.5" below 100
std::string percent(double share);                           // 0.724 -> "72 %"
std::string duration(double seconds);                        // "85 us", "1.2 ms", "31 s"
std::string duration_in_ns(double seconds);                  // the same, but "340 ns" below 10 us
std::string throughput(double bytes_per_second);             // "403 MiB/s"
std::string plural(double number, const std::string& noun);  // "1 queue", "4 queues"

// "vCPU 1 (72 %), vCPU 0 (28 %)": the busiest first, at the most `limit` of them, "and 3 more" after that.
std::string cpu_shares(const std::vector<std::uint64_t>& counts, std::size_t limit = 4);

// Number of the largest count.
std::size_t busiest(const std::vector<std::uint64_t>& counts);

}  // namespace vqscope
