// SPDX-License-Identifier: Apache-2.0
// The agent's own metrics: build, scrapes, and the process_* family of Prometheus' client libraries.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "exporters/http/connections.h"
#include "exporters/prometheus/family.h"
#include "exporters/prometheus/formats.h"

namespace vqscope {

// Thread-safe.
class SelfMetrics {
 public:
  // `array_bytes`: memory of the BPF arrays, which counts neither as this process's own nor as free.
  SelfMetrics(const std::string& version, const std::string& revision, std::size_t array_bytes);

  // A scrape was answered.
  void count_scrape(Format format, std::chrono::duration<double> duration);

  // What is counted above, the endpoint, and the process as /proc/self shows it now. What cannot be read is absent.
  [[nodiscard]] std::vector<Family> families(const std::filesystem::path& procfs, const EndpointCounts& endpoint) const;

 private:
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& scrapes_;
  prometheus::Family<prometheus::Counter>& scrape_seconds_;
};

}  // namespace vqscope
