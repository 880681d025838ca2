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
    const bool histograms = family.type == MetricType::kHistogram;
    out_.add_delimited(histograms ? 3 : 2, [&] {
      std::uint8_t* to = out_.room(3 * wire::kLongestNumber + family.name.size() + family.help.size());
      to = wire::put_string<Proto::kNameFieldNumber>(to, family.name);
      to = wire::put_string<Proto::kHelpFieldNumber>(to, family.help);
      out_.close(wire::put_unsigned<Proto::kTypeFieldNumber>(to, static_cast<std::uint64_t>(type_of(family.type))));
      for (const Sample& sample : family.samples)
        out_.add_message<Proto::kMetricFieldNumber>(histograms ? 2 : 1, [&] { add_metric(family.type, sample); });
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

  void add_label(const Label& label) {
    using Proto = proto::LabelPair;
    out_.add_message<proto::Metric::kLabelFieldNumber>(1, [&] {
      std::uint8_t* const to = out_.room(2 * wire::kLongestNumber + label.name.size() + label.value.size());
      out_.close(wire::put_string<Proto::kValueFieldNumber>(wire::put_string<Proto::kNameFieldNumber>(to, label.name),
                                                            label.value));
    });
  }

  void add_metric(MetricType type, const Sample& sample) {
    using Proto = proto::Metric;
    for (const Label& label : sample.labels) add_label(label);
    if (type == MetricType::kHistogram)
      return out_.add_message<Proto::kHistogramFieldNumber>(2, [&] { add_histogram(*sample.histogram); });
    std::uint8_t* const to = out_.room(2 + wire::kLongestNumber);
    // Both have one field, the value.
    static_assert(int{proto::Counter::kValueFieldNumber} == int{proto::Gauge::kValueFieldNumber});
    const auto put_value = [&](std::uint8_t* at) {
      return wire::put_double<proto::Gauge::kValueFieldNumber>(at, sample.value);
    };
    out_.close(type == MetricType::kCounter ? wire::put_short_message<Proto::kCounterFieldNumber>(to, put_value)
                                            : wire::put_short_message<Proto::kGaugeFieldNumber>(to, put_value));
  }

  void add_histogram(const Histogram& source) {
    using Proto = proto::Histogram;
    const CellRange range = occupied(source);
    classic_counts(source, range, buckets_, counts_);
    find_runs(source, range);
    // Five numbers; a bucket and a span are a message of two; a delta is one.
    constexpr std::size_t kPair = 2 + 2 * wire::kLongestNumber;
    std::uint8_t* to = out_.room((5 + deltas_.size()) * wire::kLongestNumber + (bounds_.size() + runs_.size()) * kPair);
    to = wire::put_unsigned<Proto::kSampleCountFieldNumber>(to, counts_.back());
    to = wire::put_double<Proto::kSampleSumFieldNumber>(to, static_cast<double>(source.sum_ns) / 1e9);
    for (std::size_t i = 0; i < bounds_.size(); ++i)
      to = wire::put_short_message<Proto::kBucketFieldNumber>(to, [&](std::uint8_t* at) {
        at = wire::put_unsigned<proto::Bucket::kCumulativeCountFieldNumber>(at, counts_[i]);
        return wire::put_double<proto::Bucket::kUpperBoundFieldNumber>(at, bounds_[i]);
      });
    to = wire::put_signed<Proto::kSchemaFieldNumber>(to, VQS_SCHEMA);
    to = wire::put_double<Proto::kZeroThresholdFieldNumber>(to, zero_threshold_);
    to = wire::put_unsigned<Proto::kZeroCountFieldNumber>(to, source.cells()[0]);
    to = put_spans(to);
    for (const std::int64_t delta : deltas_) to = wire::put_signed<Proto::kPositiveDeltaFieldNumber>(to, delta);
    out_.close(to);
  }

  // Puts the native buckets that are written into `runs_`, by cell: a span each; and their counts into `deltas_`.
  void find_runs(const Histogram& source, CellRange range) {
    runs_.clear();
    deltas_.clear();
    std::uint64_t previous = 0;
    const auto add = [&](CellRange run) {
      runs_.push_back(run);
      for (std::size_t cell = run.begin; cell < run.end; ++cell) {
        deltas_.push_back(static_cast<std::int64_t>(source.cells()[cell] - previous));
        previous = source.cells()[cell];
      }
    };
    std::size_t cell = std::max<std::size_t>(range.begin, 1);  // cell 0 is the zero bucket
    const std::size_t end = std::min<std::size_t>(range.end, VQS_LAST_CELL);
    while (cell < end) {
      if (source.cells()[cell] == 0) {
        ++cell;
        continue;
      }
      CellRange run{cell, cell + 1};
      for (++cell; cell < end && cell - run.end <= kLongestGap; ++cell)
        if (source.cells()[cell] != 0) run.end = cell + 1;
      add(run);
    }
    // What is beyond the last bucket stands by itself.
    if (source.cells()[VQS_LAST_CELL] != 0) add({VQS_LAST_CELL, VQS_LAST_CELL + 1});
  }

  std::uint8_t* put_spans(std::uint8_t* to) {
    int next = 0;  // the first span's offset is its index itself
    for (const CellRange& run : runs_) {
      const int index = run.begin == VQS_LAST_CELL ? kInfinityIndex : VQS_FIRST_INDEX + static_cast<int>(run.begin) - 1;
      to = wire::put_short_message<proto::Histogram::kPositiveSpanFieldNumber>(to, [&](std::uint8_t* at) {
        at = wire::put_signed<proto::BucketSpan::kOffsetFieldNumber>(at, index - next);
        return wire::put_unsigned<proto::BucketSpan::kLengthFieldNumber>(at, run.end - run.begin);
      });
      next = index + static_cast<int>(run.end - run.begin);
    }
    return to;
  }

  const ClassicBuckets& buckets_;
  std::vector<double> bounds_;  // of the buckets, in seconds
  const double zero_threshold_ = upper_bound_seconds(VQS_FIRST_INDEX - 1);
  WireWriter out_;
  // Of the histogram that is being written; kept for their memory.
  std::vector<std::uint64_t> counts_;
  std::vector<CellRange> runs_;
  std::vector<std::int64_t> deltas_;
};

}  // namespace

std::string write_protobuf(std::span<const Family> families, const ClassicBuckets& buckets) {
  Writer writer(families, buckets);
  for (const Family& family : families) writer.add(family);
  return writer.finish();
}

}  // namespace vqscope
