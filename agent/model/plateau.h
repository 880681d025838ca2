// SPDX-License-Identifier: Apache-2.0
// Whether a disk's rate stayed where it was while requests waited. FINDINGS.md has the model and what it cannot see.
// Pure and thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace vqscope {

// What a disk did in one of the parts, about a second each, that a window is made of.
struct LoadSlice {
  double seconds = 0;
  double requests = 0;        // completed
  double bytes = 0;           // of them
  double device_seconds = 0;  // issue -> completion, summed over the completed ones
  double inflight = 0;        // average, exact
  // How far in-flight was from that average when it was read: the mean of (read - average)^2 / average. 0 where a
  // program keeps as many in flight all the time, 1 where requests come as if by chance.
  double unrest = 0;
  std::vector<double> queue_requests = {};  // by hardware queue; empty where there is one, or very many
};

// Standard deviations are relative to the mean, over the slices but for the three tenths of them that are furthest off
// (of fewer than five, over all).
struct Steadiness {
  std::size_t slices = 0;      // that were looked at, all of them
  double requests_rate = 0;    // per second, of those seconds
  double bytes_rate = 0;       // likewise
  double requests_spread = 0;  // standard deviation of requests per second
  double bytes_spread = 0;     // of bytes per second
  double inflight_spread = 0;  // of in-flight
  double inflight = 0;         // average
  double least_inflight = 0, most_inflight = 0;
  double correlation = 0;  // of in-flight and requests per second, -1 to 1
  double unrest = 0;       // average
  // Mean time at the device where in-flight was half of the average or less, if there was such a slice.
  std::optional<double> low_depth_seconds;

  // The lesser of both.
  [[nodiscard]] double spread() const;
  // Sizes varied, and it is the bytes per second, or the requests per second, that stayed.
  [[nodiscard]] bool is_of_bytes() const;
  [[nodiscard]] bool is_of_requests() const;
  // The rate stayed while in-flight did not, or bytes per second while requests per second did not.
  [[nodiscard]] bool stays() const;
  // The rate went up and down with in-flight, so that more in flight may well bring more.
  [[nodiscard]] bool follows() const;
};

// Of the slices from the first to the last one with a load. nullopt when these are fewer than two, or when there is one
// between them in which nothing completed.
std::optional<Steadiness> steadiness(std::span<const LoadSlice> slices);

}  // namespace vqscope
