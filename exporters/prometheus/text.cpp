// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "exporters/prometheus/formats.h"

namespace vqscope {

namespace {

void append_number(std::string& out, double value) {
  if (std::isnan(value))
    out += "NaN";
  else if (std::isinf(value))
    out += value > 0 ? "+Inf" : "-Inf";
  else
    fmt::format_to(std::back_inserter(out), "{}", value);  // the shortest text that reads back as the same number
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quotes)
      out += "\\\"";
    else
      out += c;
  }
}

// name="value",... without braces.
std::string format_labels(const std::vector<Label>& labels) {
  std::string out;
  for (const Label& label : labels) {
    if (!out.empty()) out += ',';
    out += label.name;
    out += "=\"";
    append_escaped(out, label.value, true);
    out += '"';
  }
  return out;
}

class Writer {
 public:
  Writer(bool openmetrics, const ClassicBuckets& buckets) : openmetrics_(openmetrics), buckets_(buckets) {
    for (const int index : buckets) {
      std::string bound;
      append_number(bound, upper_bound_seconds(index));
      // OpenMetrics wants bounds to look like floating point numbers.
      if (openmetrics && bound.find_first_of(".e") == std::string::npos) bound += ".0";
      bounds_.push_back(std::move(bound));
    }
  }

  void add(const Family& family) {
    std::string_view name = family.name;
    constexpr std::string_view kTotal = "_total";
    // In OpenMetrics the family of a counter bears the name without the suffix of its samples.
    if (openmetrics_ && family.type == MetricType::kCounter && name.ends_with(kTotal))
      name.remove_suffix(kTotal.size());
    out_.append("# HELP ").append(name).append(" ");
    append_escaped(out_, family.help, openmetrics_);
    out_.append("\n# TYPE ").append(name).append(" ").append(type_name(family.type)).append("\n");
    for (const Sample& sample : family.samples) {
      const std::string labels = format_labels(sample.labels);
      if (family.type == MetricType::kHistogram)
        add_histogram(family.name, labels, *sample.histogram);
      else
        add_line(family.name, "", labels, sample.value);
    }
  }

  std::string finish() {
    if (openmetrics_) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  static std::string_view type_name(MetricType type) {
    switch (type) {
      case MetricType::kCounter: return "counter";
      case MetricType::kGauge: return "gauge";
      case MetricType::kHistogram: return "histogram";
    }
    return "untyped";
  }

  void begin_line(std::string_view name, std::string_view suffix, std::string_view labels) {
    out_.append(name).append(suffix);
    if (!labels.empty()) out_.append("{").append(labels).append("}");
    out_ += ' ';
  }

  void add_line(std::string_view name, std::string_view suffix, std::string_view labels, double value) {
    begin_line(name, suffix, labels);
    append_number(out_, value);
    out_ += '\n';
  }

  void add_bucket(std::string_view name, std::string_view labels, std::string_view bound, std::uint64_t count) {
    out_.append(name).append("_bucket{").append(labels);
    if (!labels.empty()) out_ += ',';
    out_.append("le=\"").append(bound).append("\"} ");
    fmt::format_to(std::back_inserter(out_), "{}\n", count);
  }

  void add_histogram(std::string_view name, std::string_view labels, const Histogram& histogram) {
    std::uint64_t cumulative = 0;
    std::size_t cell = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      const int last = buckets_[i] - VQS_FIRST_INDEX + 1;
      for (; cell <= static_cast<std::size_t>(last); ++cell) cumulative += histogram.cells[cell];
      add_bucket(name, labels, bounds_[i], cumulative);
    }
    for (; cell < histogram.cells.size(); ++cell) cumulative += histogram.cells[cell];
    add_bucket(name, labels, "+Inf", cumulative);
    add_line(name, "_sum", labels, static_cast<double>(histogram.sum_ns) / 1e9);
    begin_line(name, "_count", labels);
    fmt::format_to(std::back_inserter(out_), "{}\n", cumulative);
  }

  bool openmetrics_;
  const ClassicBuckets& buckets_;
  std::vector<std::string> bounds_;
  std::string out_;
};

std::string write_lines(std::span<const Family> families, const ClassicBuckets& buckets, bool openmetrics) {
  Writer writer(openmetrics, buckets);
  for (const Family& family : families) writer.add(family);
  return writer.finish();
}

}  // namespace

std::string write_text(std::span<const Family> families, const ClassicBuckets& buckets) {
  return write_lines(families, buckets, false);
}

std::string write_openmetrics(std::span<const Family> families, const ClassicBuckets& buckets) {
  return write_lines(families, buckets, true);
}

}  // namespace vqscope
