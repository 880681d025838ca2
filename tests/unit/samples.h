// SPDX-License-Identifier: Apache-2.0
// Metric families and histograms for the tests of the formats.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "exporters/prometheus/formats.h"

namespace vqscope::test {

inline Family family(const std::string& name, MetricType type, std::vector<Sample> samples) {
  return {name, "Help of " + name + ".", type, std::move(samples)};
}

// Counts in a few, in most or in all cells, underflow and overflow included.
inline Histogram random_histogram(unsigned seed) {
  std::mt19937_64 random(seed);
  Histogram histogram;
  const std::uint64_t density = 1 + random() % 10;
  for (std::size_t cell = 0; cell < histogram.cells().size(); ++cell)
    if (random() % 10 < density) histogram.set(cell, random() >> (24 + random() % 40));
  histogram.sum_ns = random() >> 4;
  return histogram;
}

}  // namespace vqscope::test
