// SPDX-License-Identifier: Apache-2.0
#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "exporters/prometheus/cells.h"
#include "exporters/prometheus/formats.h"

namespace vqscope {

namespace {

// Longest text of a number: a sign, 17 digits, a point and "e-308"; of a 64-bit integer 20 digits.
constexpr std::size_t kLongestNumber = 32;

char* put(char* to, std::string_view text) { return std::copy(text.begin(), text.end(), to); }

char* put_integer(char* to, std::uint64_t value) { return std::to_chars(to, to + kLongestNumber, value).ptr; }

char* put_number(char* to, double value) {
  if (std::isnan(value)) return put(to, "NaN");
  if (std::isinf(value)) return put(to, value > 0 ? "+Inf" : "-Inf");
  // Most counters are whole numbers, and as such several times as fast. From 10^16 on there would be an exponent.
  constexpr double kWhole = 1e15;
  if (value >= 0 && value < kWhole && !std::signbit(value))
    if (const auto whole = static_cast<std::uint64_t>(value); static_cast<double>(whole) == value)
      return put_integer(to, whole);
  // The shortest text that reads back as the same number.
  return fmt::format_to(to, FMT_COMPILE("{}"), value);
}

void append_number(std::string& out, double value) {
  char text[kLongestNumber];
  out.append(text, put_number(text, value));
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

// Appends name="value",... without braces.
void append_labels(std::string& out, const Labels& labels) {
  for (const Label& label : labels) {
    if (&label != labels.begin()) out += ',';
    out.append(label.name).append("=\"");
    append_escaped(out, label.value, true);
    out += '"';
  }
}

class Writer {
 public:
  Writer(bool openmetrics, const ClassicBuckets& buckets) : openmetrics_(openmetrics), buckets_(buckets) {
    for (const int index : buckets) {
      std::string bound;
      append_number(bound, upper_bound_seconds(index));
      // OpenMetrics wants bounds to look like floating point numbers.
      if (openmetrics && bound.find_first_of(".e") == std::string::npos) bound += ".0";
      bounds_.push_back(bound + "\"} ");
    }
    bounds_.emplace_back("+Inf\"} ");
    for (const std::string& bound : bounds_) longest_bound_ = std::max(longest_bound_, bound.size());
  }

  // Takes memory for all of it at once: a text that grows by doubling takes three times as much, all of it new to the
  // process.
  void expect(std::span<const Family> families) {
    constexpr std::size_t kNumber = 14, kComments = 64;
    std::size_t bounds = 0, total = kComments;
    for (const std::string& bound : bounds_) bounds += bound.size();
    for (const Family& family : families) {
      total += kComments + 2 * family.name.size() + family.help.size();
      const std::size_t lines = family.type == MetricType::kHistogram ? bounds_.size() + 2 : 1;
      for (const Sample& sample : family.samples) {
        std::size_t line = family.name.size() + std::string_view("_bucket{,le=\"").size() + kNumber;
        for (const Label& label : sample.labels) line += label.name.size() + label.value.size() + 4;
        total += lines * line + (lines > 1 ? bounds : 0);
      }
    }
    out_.reserve(total);
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
      labels_.clear();
      append_labels(labels_, sample.labels);
      if (family.type == MetricType::kHistogram)
        add_histogram(family.name, *sample.histogram);
      else
        add_line(family.name, "", sample.value);
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

  void begin_line(std::string_view name, std::string_view suffix) {
    out_.append(name).append(suffix);
    if (!labels_.empty()) out_.append("{").append(labels_).append("}");
    out_ += ' ';
  }

  void add_line(std::string_view name, std::string_view suffix, double value) {
    begin_line(name, suffix);
    append_number(out_, value);
    out_ += '\n';
  }

  // The lines of the buckets, which are most of a scrape, are put together in a place that is large enough for all of
  // them, so that the length of the text is looked at once.
  void add_buckets(std::string_view name) {
    begin_.assign(name).append("_bucket{").append(labels_).append(labels_.empty() ? "" : ",").append("le=\"");
    const std::size_t longest = bounds_.size() * (begin_.size() + longest_bound_ + kLongestNumber);
    if (lines_.size() < longest) lines_.resize(longest);
    char* to = lines_.data();
    for (std::size_t i = 0; i < bounds_.size(); ++i) {
      to = put(put(to, begin_), bounds_[i]);
      to = put_integer(to, counts_[i]);
      *to++ = '\n';
    }
    out_.append(lines_.data(), to);
  }

  void add_histogram(std::string_view name, const Histogram& histogram) {
    classic_counts(histogram, occupied(histogram), buckets_, counts_);
    add_buckets(name);
    add_line(name, "_sum", static_cast<double>(histogram.sum_ns) / 1e9);
    begin_line(name, "_count");
    char text[kLongestNumber];
    char* const end = put_integer(text, counts_.back());
    *end = '\n';
    out_.append(text, end + 1);
  }

  bool openmetrics_;
  const ClassicBuckets& buckets_;
  std::vector<std::string> bounds_;  // as they end the labels of a line, +Inf last
  std::size_t longest_bound_ = 0;
  std::string out_;
  // Of the sample that is being written; kept for their memory.
  std::string labels_, begin_;
  std::vector<std::uint64_t> counts_;
  std::vector<char> lines_;
};

std::string write_lines(std::span<const Family> families, const ClassicBuckets& buckets, bool openmetrics) {
  Writer writer(openmetrics, buckets);
  writer.expect(families);
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
