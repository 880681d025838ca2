// SPDX-License-Identifier: Apache-2.0
// Metric families -> the bytes of a scrape, in the three formats that Prometheus reads. All functions are pure and
// thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/buckets.h"
#include "exporters/prometheus/family.h"

namespace vqscope {

enum class Format {
  kText,         // text format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/
  kOpenMetrics,  // OpenMetrics 1.0.0
  kProtobuf,     // length-delimited io.prometheus.client.MetricFamily
};

std::string_view content_type(Format format);

// A name for the agent's own metrics: "text", "openmetrics", "protobuf".
std::string_view format_name(Format format);

// The format that an Accept header asks for, by q-value and then by order; text when it asks for nothing that is
// offered, as Prometheus' own clients do.
Format negotiate_format(std::string_view accept);

// Whether an Accept-Encoding header admits gzip.
bool accepts_gzip(std::string_view accept_encoding);

// Text and OpenMetrics show histograms as classic buckets, exact sums of the native ones.
std::string write_text(std::span<const Family> families, const ClassicBuckets& buckets);
std::string write_openmetrics(std::span<const Family> families, const ClassicBuckets& buckets);

// Protobuf has both the native histogram and the classic buckets, for readers that know only those.
std::string write_protobuf(std::span<const Family> families, const ClassicBuckets& buckets);

// One of the three above.
std::string write(Format format, std::span<const Family> families, const ClassicBuckets& buckets);

}  // namespace vqscope
