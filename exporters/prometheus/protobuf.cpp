// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "exporters/prometheus/cells.h"
#include "exporters/prometheus/formats.h"
#include "exporters/prometheus/wire.h"
#include "prometheus/metrics.pb.h"

namespace vqscope {

namespace {

namespace proto = io::prometheus::client;

// Bucket index of values beyond VQS_LAST_INDEX: the one above the largest double, whose upper bound is +Inf
// (https://prometheus.io/docs/specs/native_histograms/#schema). How large they were is not known.
constexpr int kInfinityIndex = 1024 * VQS_PER_OCTAVE + 1;
// A short run of empty buckets costs less than another span.
constexpr std::size_t kLongestGap = 2;

class Writer {
 public:
  Writer(std::span<const Family> families, const ClassicBuckets& buckets)
      : buckets_(buckets), out_(expected_size(families, buckets)) {
    for (const int index : buckets) bounds_.push_back(upper_bound_seconds(index));
  }

  void add(const Family& family) {
    using Proto = proto::MetricFamily;
    out_.add_delimited([&] {
      out_.add_string<Proto::kNameFieldNumber>(family.name);
      out_.add_string<Proto::kHelpFieldNumber>(family.help);
      out_.add_unsigned<Proto::kTypeFieldNumber>(type_of(family.type));
      for (const Sample& sample : family.samples)
        out_.add_message<Proto::kMetricFieldNumber>([&] { add_metric(family.type, sample); });
    });
  }

  std::string finish() { return out_.finish(); }

 private:
  // Bytes of the whole, about.
  static std::size_t expected_size(std::span<const Family> families, const ClassicBuckets& buckets) {
    constexpr std::size_t kFrame = 8, kValue = 16, kBucket = 17, kNativeBuckets = 256;
    std::size_t total = 0;
    for (const Family& family : families) {
      total += 2 * kFrame + family.name.size() + family.help.size();
      for (const Sample& sample : family.samples) {
        total += kFrame + kValue;
        for (const Label& label : sample.labels) total += kFrame + label.name.size() + label.value.size();
        if (sample.histogram != nullptr) total += buckets.size() * kBucket + kNativeBuckets;
      }
    }
    return total;
  }

  static proto::MetricType type_of(MetricType type) {
    switch (type) {
      case MetricType::kCounter: return proto::COUNTER;
      case MetricType::kGauge: return proto::GAUGE;
      case MetricType::kHistogram: return proto::HISTOGRAM;
    }
    return proto::UNTYPED;
  }

  void add_metric(MetricType type, const Sample& sample) {
    using Proto = proto::Metric;
    for (const Label& label : sample.labels)
      out_.add_message<Proto::kLabelFieldNumber>([&] {
        out_.add_string<proto::LabelPair::kNameFieldNumber>(label.name);
        out_.add_string<proto::LabelPair::kValueFieldNumber>(label.value);
      });
    switch (type) {
      case MetricType::kCounter:
        out_.add_message<Proto::kCounterFieldNumber>(
            [&] { out_.add_double<proto::Counter::kValueFieldNumber>(sample.value); });
        break;
      case MetricType::kGauge:
        out_.add_message<Proto::kGaugeFieldNumber>(
            [&] { out_.add_double<proto::Gauge::kValueFieldNumber>(sample.value); });
        break;
      case MetricType::kHistogram:
        out_.add_message<Proto::kHistogramFieldNumber>([&] { add_histogram(*sample.histogram); });
        break;
    }
  }

  void add_histogram(const Histogram& source) {
    using Proto = proto::Histogram;
    const CellRange range = occupied(source);
    classic_counts(source, range, buckets_, counts_);
    out_.add_unsigned<Proto::kSampleCountFieldNumber>(counts_.back());
    out_.add_double<Proto::kSampleSumFieldNumber>(static_cast<double>(source.sum_ns) / 1e9);
    for (std::size_t i = 0; i < bounds_.size(); ++i)
      out_.add_message<Proto::kBucketFieldNumber>([&] {
        out_.add_unsigned<proto::Bucket::kCumulativeCountFieldNumber>(counts_[i]);
        out_.add_double<proto::Bucket::kUpperBoundFieldNumber>(bounds_[i]);
      });
    out_.add_signed<Proto::kSchemaFieldNumber>(VQS_SCHEMA);
    out_.add_double<Proto::kZeroThresholdFieldNumber>(zero_threshold_);
    out_.add_unsigned<Proto::kZeroCountFieldNumber>(source.cells[0]);
    find_runs(source, range);
    add_spans();
    std::uint64_t previous = 0;
    for (const CellRange& run : runs_)
      for (std::size_t cell = run.begin; cell < run.end; ++cell) {
        const std::uint64_t count = source.cells[cell];
        out_.add_signed<Proto::kPositiveDeltaFieldNumber>(static_cast<std::int64_t>(count - previous));
        previous = count;
      }
  }

  // Puts the native buckets that are written into `runs_`, by cell: a span each.
  void find_runs(const Histogram& source, CellRange range) {
    runs_.clear();
    std::size_t cell = std::max<std::size_t>(range.begin, 1);  // cell 0 is the zero bucket
    const std::size_t end = std::min<std::size_t>(range.end, VQS_LAST_CELL);
    while (cell < end) {
      if (source.cells[cell] == 0) {
        ++cell;
        continue;
      }
      CellRange run{cell, cell + 1};
      for (++cell; cell < end && cell - run.end <= kLongestGap; ++cell)
        if (source.cells[cell] != 0) run.end = cell + 1;
      runs_.push_back(run);
    }
    // What is beyond the last bucket stands by itself.
    if (range.end == VQS_LAST_CELL + 1) runs_.push_back({VQS_LAST_CELL, VQS_LAST_CELL + 1});
  }

  void add_spans() {
    int next = 0;  // the first span's offset is its index itself
    for (const CellRange& run : runs_) {
      const int index =
          run.begin == VQS_LAST_CELL ? kInfinityIndex : VQS_FIRST_INDEX + static_cast<int>(run.begin) - 1;
      out_.add_message<proto::Histogram::kPositiveSpanFieldNumber>([&] {
        out_.add_signed<proto::BucketSpan::kOffsetFieldNumber>(index - next);
        out_.add_unsigned<proto::BucketSpan::kLengthFieldNumber>(run.end - run.begin);
      });
      next = index + static_cast<int>(run.end - run.begin);
    }
  }

  const ClassicBuckets& buckets_;
  std::vector<double> bounds_;  // of the buckets, in seconds
  const double zero_threshold_ = upper_bound_seconds(VQS_FIRST_INDEX - 1);
  WireWriter out_;
  // Of the histogram that is being written; kept for their memory.
  std::vector<std::uint64_t> counts_;
  std::vector<CellRange> runs_;
};

}  // namespace

std::string write_protobuf(std::span<const Family> families, const ClassicBuckets& buckets) {
  Writer writer(families, buckets);
  for (const Family& family : families) writer.add(family);
  return writer.finish();
}

}  // namespace vqscope
