// SPDX-License-Identifier: Apache-2.0
// Metric families on their way to a scraper: plain data between the model and the formats. Histograms are referred
// to, not copied, so whatever they belong to must outlive the families.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/histogram.h"

namespace vqscope {

struct Label {
  std::string_view name;  // a literal
  std::string value;
};

struct Sample {
  std::vector<Label> labels;
  double value = 0;                      // of counters and gauges
  const Histogram* histogram = nullptr;  // of histograms
};

enum class MetricType { kCounter, kGauge, kHistogram };

struct Family {
  std::string name;  // of a counter with its "_total"
  std::string help;
  MetricType type = MetricType::kGauge;
  std::vector<Sample> samples;
};

}  // namespace vqscope
