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

// The histograms of a scrape, one after the other.
class HistogramWriter {
 public:
  explicit HistogramWriter(const ClassicBuckets& buckets) : buckets_(buckets) {}

  // The fields of a proto::Histogram, until the next one is written.
  std::string_view write(const Histogram& source) {
    using Proto = proto::Histogram;
    const CellRange range = occupied(source);
    classic_counts(source, range, buckets_, counts_);
    find_runs(source, range);
    fields_.clear();
    fields_.add_unsigned(Proto::kSampleCountFieldNumber, counts_.back());
    fields_.add_double(Proto::kSampleSumFieldNumber, static_cast<double>(source.sum_ns) / 1e9);
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      part_.clear();
      part_.add_unsigned(proto::Bucket::kCumulativeCountFieldNumber, counts_[i]);
      part_.add_double(proto::Bucket::kUpperBoundFieldNumber, upper_bound_seconds(buckets_[i]));
      fields_.add_bytes(Proto::kBucketFieldNumber, part_.bytes());
    }
    fields_.add_signed(Proto::kSchemaFieldNumber, VQS_SCHEMA);
    fields_.add_double(Proto::kZeroThresholdFieldNumber, upper_bound_seconds(VQS_FIRST_INDEX - 1));
    fields_.add_unsigned(Proto::kZeroCountFieldNumber, source.cells[0]);
    write_spans();
    write_deltas(source);
    return fields_.bytes();
  }

 private:
  // Native buckets that are written, by cell: a span each.
  void find_runs(const Histogram& source, CellRange range) {
    runs_.clear();
    for (std::size_t cell = std::max<std::size_t>(range.begin, 1); cell < range.end; ++cell) {
      if (source.cells[cell] == 0) continue;
      // What is beyond the last bucket stands by itself, however near.
      if (!runs_.empty() && cell - runs_.back().end <= kLongestGap && cell != VQS_LAST_CELL)
        runs_.back().end = cell + 1;
      else
        runs_.push_back({cell, cell + 1});
    }
  }

  void write_spans() {
    int next = 0;  // the first span's offset is its index itself
    for (const CellRange& run : runs_) {
      const int index =
          run.begin == VQS_LAST_CELL ? kInfinityIndex : VQS_FIRST_INDEX + static_cast<int>(run.begin) - 1;
      part_.clear();
      part_.add_signed(proto::BucketSpan::kOffsetFieldNumber, index - next);
      part_.add_unsigned(proto::BucketSpan::kLengthFieldNumber, run.end - run.begin);
      fields_.add_bytes(proto::Histogram::kPositiveSpanFieldNumber, part_.bytes());
      next = index + static_cast<int>(run.end - run.begin);
    }
  }

  void write_deltas(const Histogram& source) {
    std::uint64_t previous = 0;
    for (const CellRange& run : runs_)
      for (std::size_t cell = run.begin; cell < run.end; ++cell) {
        const std::uint64_t count = source.cells[cell];
        fields_.add_signed(proto::Histogram::kPositiveDeltaFieldNumber, static_cast<std::int64_t>(count - previous));
        previous = count;
      }
  }

  const ClassicBuckets& buckets_;
  // Of the histogram that is being written; kept for their memory.
  std::vector<std::uint64_t> counts_;
  std::vector<CellRange> runs_;
  Fields fields_, part_;
};

class Writer {
 public:
  explicit Writer(const ClassicBuckets& buckets) : histograms_(buckets) {}

  // The fields of a proto::MetricFamily, until the next one is written.
  std::string_view write(const Family& family) {
    fields_.clear();
    fields_.add_bytes(proto::MetricFamily::kNameFieldNumber, family.name);
    fields_.add_bytes(proto::MetricFamily::kHelpFieldNumber, family.help);
    fields_.add_unsigned(proto::MetricFamily::kTypeFieldNumber, type_of(family.type));
    for (const Sample& sample : family.samples) {
      metric_.clear();
      for (const Label& label : sample.labels) {
        part_.clear();
        part_.add_bytes(proto::LabelPair::kNameFieldNumber, label.name);
        part_.add_bytes(proto::LabelPair::kValueFieldNumber, label.value);
        metric_.add_bytes(proto::Metric::kLabelFieldNumber, part_.bytes());
      }
      add_value(family.type, sample);
      fields_.add_bytes(proto::MetricFamily::kMetricFieldNumber, metric_.bytes());
    }
    return fields_.bytes();
  }

 private:
  static proto::MetricType type_of(MetricType type) {
    switch (type) {
      case MetricType::kCounter: return proto::COUNTER;
      case MetricType::kGauge: return proto::GAUGE;
      case MetricType::kHistogram: return proto::HISTOGRAM;
    }
    return proto::UNTYPED;
  }

  void add_value(MetricType type, const Sample& sample) {
    part_.clear();
    switch (type) {
      case MetricType::kCounter:
        part_.add_double(proto::Counter::kValueFieldNumber, sample.value);
        metric_.add_bytes(proto::Metric::kCounterFieldNumber, part_.bytes());
        break;
      case MetricType::kGauge:
        part_.add_double(proto::Gauge::kValueFieldNumber, sample.value);
        metric_.add_bytes(proto::Metric::kGaugeFieldNumber, part_.bytes());
        break;
      case MetricType::kHistogram:
        metric_.add_bytes(proto::Metric::kHistogramFieldNumber, histograms_.write(*sample.histogram));
        break;
    }
  }

  HistogramWriter histograms_;
  Fields fields_, metric_, part_;  // of the family, of one of its samples, of a part of that
};

}  // namespace

std::string write_protobuf(std::span<const Family> families, const ClassicBuckets& buckets) {
  std::string out;
  Writer writer(buckets);
  for (const Family& family : families) {
    const std::string_view message = writer.write(family);
    // Delimited: the length of a message stands before it.
    std::uint8_t length[10];
    const std::uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(message.size(), length);
    out.append(reinterpret_cast<const char*>(length), static_cast<std::size_t>(end - length)).append(message);
  }
  return out;
}

}  // namespace vqscope
