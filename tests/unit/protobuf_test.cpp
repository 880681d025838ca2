// SPDX-License-Identifier: Apache-2.0
// The protobuf format, read back by protobuf's own parser.
#include <gmock/gmock.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "exporters/prometheus/formats.h"
#include "prometheus/metrics.pb.h"
#include "tests/unit/samples.h"

namespace vqscope {
namespace {

namespace proto = io::prometheus::client;
using test::family;
using test::random_histogram;
using ::testing::ElementsAre;

std::vector<proto::MetricFamily> parse_protobuf(const std::string& bytes) {
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  std::vector<proto::MetricFamily> families;
  for (bool clean_end = false; !clean_end;) {
    proto::MetricFamily message;
    if (google::protobuf::util::ParseDelimitedFromZeroCopyStream(&message, &stream, &clean_end))
      families.push_back(message);
    else if (!clean_end)
      throw std::runtime_error("not a sequence of delimited messages");
  }
  return families;
}

// Native bucket index -> count, from spans and deltas as Prometheus reads them.
std::map<int, std::uint64_t> native_buckets(const proto::Histogram& histogram) {
  std::map<int, std::uint64_t> buckets;
  int index = 0, delta = 0;
  std::int64_t count = 0;
  for (int i = 0; i < histogram.positive_span_size(); ++i) {
    const proto::BucketSpan& span = histogram.positive_span(i);
    EXPECT_TRUE(i == 0 || span.offset() >= 0) << "only the first offset may be negative";
    EXPECT_GT(span.length(), 0U);
    index += span.offset();
    for (std::uint32_t j = 0; j < span.length(); ++j) {
      count += histogram.positive_delta(delta++);
      EXPECT_GE(count, 0);
      buckets[index++] = static_cast<std::uint64_t>(count);
    }
  }
  EXPECT_EQ(delta, histogram.positive_delta_size()) << "spans and deltas agree on the number of buckets";
  return buckets;
}

proto::Histogram written(const Histogram& source, const ClassicBuckets& buckets = default_classic_buckets()) {
  const std::vector<Family> families = {family("x_seconds", MetricType::kHistogram, {{{}, 0, &source}})};
  return parse_protobuf(write_protobuf(families, buckets)).at(0).metric(0).histogram();
}

TEST(Protobuf, CarriesFamiliesLabelsAndValues) {
  const std::vector<Family> families = {
      family("a_total", MetricType::kCounter,
             {{{{"device", "v\"d\\a\n"}, {"queue", ""}}, 7}, {{{"device", "vdb"}}, 0.5}}),
      family("b", MetricType::kGauge, {{{}, -1}}),
  };
  const auto parsed = parse_protobuf(write_protobuf(families, default_classic_buckets()));
  ASSERT_EQ(parsed.size(), 2U);
  EXPECT_EQ(
      parsed[0].ShortDebugString(),
      R"(name: "a_total" help: "Help of a_total." type: COUNTER )"
      R"(metric { label { name: "device" value: "v\"d\\a\n" } label { name: "queue" value: "" } counter { value: 7 } } )"
      R"(metric { label { name: "device" value: "vdb" } counter { value: 0.5 } })");
  EXPECT_EQ(parsed[1].ShortDebugString(), R"(name: "b" help: "Help of b." type: GAUGE metric { gauge { value: -1 } })");
}

TEST(Protobuf, OfNothingIsNothing) { EXPECT_EQ(write_protobuf({}, default_classic_buckets()), ""); }

TEST(Protobuf, NativeBucketsAreTheCells) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    const Histogram source = random_histogram(seed);
    const proto::Histogram histogram = written(source);
    EXPECT_EQ(histogram.schema(), 3);
    EXPECT_EQ(histogram.zero_threshold(), std::ldexp(1, -21));
    EXPECT_EQ(histogram.sample_sum(), static_cast<double>(source.sum_ns) / 1e9);
    Histogram decoded;
    decoded.sum_ns = source.sum_ns;
    decoded.set(0, histogram.zero_count());
    std::uint64_t count = histogram.zero_count();
    for (const auto& [index, value] : native_buckets(histogram)) {
      count += value;
      if (index == 8193) {  // +Inf: one above the bucket of the largest double, 2^(8192/8)
        decoded.set(VQS_LAST_CELL, value);
      } else if (value > 0) {
        ASSERT_GE(index, VQS_FIRST_INDEX);
        ASSERT_LE(index, VQS_LAST_INDEX);
        decoded.set(static_cast<std::size_t>(index - VQS_FIRST_INDEX + 1), value);
      }
    }
    EXPECT_EQ(decoded, source);
    EXPECT_EQ(histogram.sample_count(), count) << "Prometheus refuses a histogram whose buckets do not add up";
    EXPECT_EQ(histogram.sample_count(), source.count());
  }
}

TEST(Protobuf, ASingleBucketIsOneSpan) {
  for (int index = VQS_FIRST_INDEX; index <= VQS_LAST_INDEX; ++index) {
    Histogram source;
    source.set(static_cast<std::size_t>(index - VQS_FIRST_INDEX + 1), 5);
    const proto::Histogram histogram = written(source);
    ASSERT_EQ(histogram.positive_span_size(), 1);
    EXPECT_EQ(histogram.positive_span(0).offset(), index);
    EXPECT_EQ(histogram.positive_span(0).length(), 1U);
    EXPECT_THAT(histogram.positive_delta(), ElementsAre(5));
  }
}

TEST(Protobuf, UnderflowIsTheZeroBucketAndOverflowTheInfiniteOne) {
  Histogram source;
  source.set(0, 3);
  source.set(VQS_LAST_CELL, 4);
  const proto::Histogram histogram = written(source);
  EXPECT_EQ(histogram.zero_count(), 3U);
  EXPECT_THAT(native_buckets(histogram), ElementsAre(testing::Pair(8193, 4U)));
  EXPECT_EQ(histogram.sample_count(), 7U);
}

TEST(Protobuf, AnEmptyHistogramIsStillANativeOne) {
  const proto::Histogram histogram = written(Histogram{});
  EXPECT_EQ(histogram.sample_count(), 0U);
  EXPECT_GT(histogram.zero_threshold(), 0) << "by this Prometheus knows it when there are no spans";
  EXPECT_EQ(histogram.positive_span_size(), 0);
  EXPECT_EQ(histogram.positive_delta_size(), 0);
}

TEST(Protobuf, ClassicBucketsAreExactSumsOfTheNativeOnes) {
  const ClassicBuckets buckets = {VQS_FIRST_INDEX - 1, VQS_FIRST_INDEX, -100, -8, 0, VQS_LAST_INDEX};
  for (unsigned seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    const proto::Histogram histogram = written(random_histogram(seed), buckets);
    const auto native = native_buckets(histogram);
    ASSERT_EQ(static_cast<std::size_t>(histogram.bucket_size()), buckets.size());
    for (int i = 0; i < histogram.bucket_size(); ++i) {
      const int bound = buckets[static_cast<std::size_t>(i)];
      std::uint64_t sum = histogram.zero_count();
      for (const auto& [index, count] : native)
        if (index <= bound) sum += count;
      EXPECT_EQ(histogram.bucket(i).cumulative_count(), sum);
      EXPECT_DOUBLE_EQ(histogram.bucket(i).upper_bound(), std::exp2(bound / 8.0));
    }
  }
}

// io/prometheus/client/metrics.proto of prometheus/client_model: the numbers on the wire.
TEST(Protobuf, FieldNumbersAreThoseOfClientModel) {
  const auto numbers = [](const google::protobuf::Descriptor* message) {
    std::map<std::string, int> fields;
    for (int i = 0; i < message->field_count(); ++i) fields[message->field(i)->name()] = message->field(i)->number();
    return fields;
  };
  using Fields = std::map<std::string, int>;
  EXPECT_EQ(numbers(proto::LabelPair::descriptor()), (Fields{{"name", 1}, {"value", 2}}));
  EXPECT_EQ(numbers(proto::Bucket::descriptor()), (Fields{{"cumulative_count", 1}, {"upper_bound", 2}}));
  EXPECT_EQ(numbers(proto::BucketSpan::descriptor()), (Fields{{"offset", 1}, {"length", 2}}));
  EXPECT_EQ(numbers(proto::Histogram::descriptor()), (Fields{{"sample_count", 1},
                                                             {"sample_sum", 2},
                                                             {"bucket", 3},
                                                             {"schema", 5},
                                                             {"zero_threshold", 6},
                                                             {"zero_count", 7},
                                                             {"positive_span", 12},
                                                             {"positive_delta", 13}}));
  EXPECT_EQ(numbers(proto::Metric::descriptor()),
            (Fields{{"label", 1}, {"gauge", 2}, {"counter", 3}, {"histogram", 7}}));
  EXPECT_EQ(numbers(proto::MetricFamily::descriptor()), (Fields{{"name", 1}, {"help", 2}, {"type", 3}, {"metric", 4}}));
  EXPECT_EQ(proto::MetricFamily::descriptor()->full_name(), "io.prometheus.client.MetricFamily");
  EXPECT_EQ(static_cast<int>(proto::COUNTER), 0);
  EXPECT_EQ(static_cast<int>(proto::GAUGE), 1);
  EXPECT_EQ(static_cast<int>(proto::HISTOGRAM), 4);
}

}  // namespace
}  // namespace vqscope
