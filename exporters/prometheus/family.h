// SPDX-License-Identifier: Apache-2.0
// Metric families on their way to a scraper: plain data between the model and the formats. Histograms are referred
// to, not copied, so whatever they belong to must outlive the families.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/histogram.h"

namespace vqscope {

struct Label {
  std::string_view name;  // a literal
  std::string value;
};

// The labels of a sample. The samples of a queue have the same ones in every family, so copies share them: a copy costs
// no memory. Immutable; as thread-safe as the std::shared_ptr in it.
class Labels {
 public:
  Labels() = default;
  Labels(std::initializer_list<Label> labels) : Labels(std::span(labels.begin(), labels.size())) {}
  explicit Labels(std::span<const Label> labels) : size_(labels.size()) {
    if (labels.empty()) return;
    const auto copy = std::make_shared<Label[]>(size_);
    std::copy(labels.begin(), labels.end(), copy.get());
    labels_ = copy;
  }

  // `labels` and one more.
  Labels(const Labels& labels, Label last) : size_(labels.size() + 1) {
    const auto copy = std::make_shared<Label[]>(size_);
    *std::copy(labels.begin(), labels.end(), copy.get()) = std::move(last);
    labels_ = copy;
  }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Label* data() const { return labels_.get(); }
  [[nodiscard]] const Label* begin() const { return data(); }
  [[nodiscard]] const Label* end() const { return data() + size_; }

 private:
  std::shared_ptr<const Label[]> labels_;
  std::size_t size_ = 0;
};

struct Sample {
  Labels labels;
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
