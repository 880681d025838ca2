// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/arena.h>
#include <google/protobuf/util/delimited_message_util.h>

#include "exporters/prometheus/formats.h"
#include "prometheus/metrics.pb.h"

namespace vqscope {

namespace {

namespace proto = io::prometheus::client;

// Bucket index of values beyond VQS_LAST_INDEX: the one above the largest double, whose upper bound is +Inf
// (https://prometheus.io/docs/specs/native_histograms/#schema). How large they were is not known.
constexpr int kInfinityIndex = 1024 * VQS_PER_OCTAVE + 1;
// A short run of empty buckets costs less than another span.
constexpr int kLongestGap = 2;

// Appends native buckets in rising order as spans and deltas.
class SpanWriter {
 public:
  explicit SpanWriter(proto::Histogram& histogram) : histogram_(histogram) {}

  void add(int index, std::uint64_t count) {
    if (span_ != nullptr && index - next_ <= kLongestGap) {
      for (; next_ < index; ++next_) append(0);
    } else {
      span_ = histogram_.add_positive_span();
      span_->set_offset(index - next_);
      span_->set_length(0);
      next_ = index;
    }
    append(static_cast<std::int64_t>(count));
    ++next_;
  }

 private:
  void append(std::int64_t count) {
    span_->set_length(span_->length() + 1);
    histogram_.add_positive_delta(count - previous_);
    previous_ = count;
  }

  proto::Histogram& histogram_;
  proto::BucketSpan* span_ = nullptr;
  int next_ = 0;  // the first span's offset is its index itself
  std::int64_t previous_ = 0;
};

void fill(const Histogram& source, const ClassicBuckets& buckets, proto::Histogram& target) {
  target.set_sample_sum(static_cast<double>(source.sum_ns) / 1e9);
  target.set_schema(VQS_SCHEMA);
  target.set_zero_threshold(upper_bound_seconds(VQS_FIRST_INDEX - 1));
  target.set_zero_count(source.cells[0]);
  SpanWriter spans(target);
  std::uint64_t cumulative = source.cells[0];
  auto classic = buckets.begin();
  for (int cell = 1; cell < VQS_LAST_CELL; ++cell) {
    const int index = VQS_FIRST_INDEX + cell - 1;
    for (; classic != buckets.end() && *classic < index; ++classic) {
      proto::Bucket* bucket = target.add_bucket();
      bucket->set_cumulative_count(cumulative);
      bucket->set_upper_bound(upper_bound_seconds(*classic));
    }
    const std::uint64_t count = source.cells[static_cast<std::size_t>(cell)];
    if (count > 0) spans.add(index, count);
    cumulative += count;
  }
  for (; classic != buckets.end(); ++classic) {
    proto::Bucket* bucket = target.add_bucket();
    bucket->set_cumulative_count(cumulative);
    bucket->set_upper_bound(upper_bound_seconds(*classic));
  }
  const std::uint64_t overflow = source.cells[VQS_LAST_CELL];
  if (overflow > 0) spans.add(kInfinityIndex, overflow);
  target.set_sample_count(cumulative + overflow);
}

void fill(const Family& family, const ClassicBuckets& buckets, proto::MetricFamily& target) {
  target.set_name(family.name);
  target.set_help(family.help);
  target.set_type(family.type == MetricType::kCounter ? proto::COUNTER
                  : family.type == MetricType::kGauge ? proto::GAUGE
                                                      : proto::HISTOGRAM);
  for (const Sample& sample : family.samples) {
    proto::Metric& metric = *target.add_metric();
    for (const Label& label : sample.labels) {
      proto::LabelPair* pair = metric.add_label();
      pair->set_name(std::string(label.name));
      pair->set_value(label.value);
    }
    switch (family.type) {
      case MetricType::kCounter: metric.mutable_counter()->set_value(sample.value); break;
      case MetricType::kGauge: metric.mutable_gauge()->set_value(sample.value); break;
      case MetricType::kHistogram: fill(*sample.histogram, buckets, *metric.mutable_histogram()); break;
    }
  }
}

}  // namespace

std::string write_protobuf(std::span<const Family> families, const ClassicBuckets& buckets) {
  std::string out;
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  for (const Family& family : families) {
    google::protobuf::Arena arena;
    auto* message = google::protobuf::Arena::CreateMessage<proto::MetricFamily>(&arena);
    fill(family, buckets, *message);
    google::protobuf::util::SerializeDelimitedToCodedStream(*message, &coded);
  }
  coded.Trim();
  return out;
}

}  // namespace vqscope
