// SPDX-License-Identifier: Apache-2.0
// What a scraper gets. Witnesses that are not ours: prometheus-cpp's serializer for the text format, protobuf's parser,
// zlib's inflate.
#include "exporters/prometheus/formats.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>
#include <zlib.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "agent/base/text.h"
#include "prometheus/metrics.pb.h"

namespace vqscope {
namespace {

namespace proto = io::prometheus::client;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Family family(const std::string& name, MetricType type, std::vector<Sample> samples) {
  return {name, "Help of " + name + ".", type, std::move(samples)};
}

// Counts in a few, in most or in all cells, underflow and overflow included.
Histogram random_histogram(unsigned seed) {
  std::mt19937_64 random(seed);
  Histogram histogram;
  const std::uint64_t density = 1 + random() % 10;
  for (std::uint64_t& count : histogram.cells)
    if (random() % 10 < density) count = random() >> (24 + random() % 40);
  histogram.sum_ns = random() >> 4;
  return histogram;
}

// ---- text

// The same data for prometheus-cpp. Classic buckets are counted here anew, cell by cell.
prometheus::MetricFamily witness(const Family& source, const ClassicBuckets& buckets) {
  prometheus::MetricFamily target{source.name, source.help, prometheus::MetricType::Gauge, {}};
  if (source.type == MetricType::kCounter) target.type = prometheus::MetricType::Counter;
  if (source.type == MetricType::kHistogram) target.type = prometheus::MetricType::Histogram;
  for (const Sample& sample : source.samples) {
    prometheus::ClientMetric metric;
    for (const Label& label : sample.labels) metric.label.push_back({std::string(label.name), label.value});
    metric.counter.value = sample.value;
    metric.gauge.value = sample.value;
    if (sample.histogram != nullptr) {
      metric.histogram.sample_count = sample.histogram->count();
      metric.histogram.sample_sum = static_cast<double>(sample.histogram->sum_ns) / 1e9;
      for (const int index : buckets) {
        std::uint64_t cumulative = 0;
        // Cell c > 0 is bucket VQS_FIRST_INDEX + c - 1, cell 0 all below.
        for (int cell = 0; cell < VQS_LAST_CELL && VQS_FIRST_INDEX + cell - 1 <= index; ++cell)
          cumulative += sample.histogram->cells[static_cast<std::size_t>(cell)];
        metric.histogram.bucket.push_back({cumulative, std::exp2(index / 8.0)});
      }
      metric.histogram.bucket.push_back({sample.histogram->count(), kInfinity});
    }
    target.metric.push_back(metric);
  }
  return target;
}

std::string witness_text(const std::vector<Family>& families, const ClassicBuckets& buckets) {
  std::vector<prometheus::MetricFamily> converted;
  for (const Family& source : families) converted.push_back(witness(source, buckets));
  return prometheus::TextSerializer().Serialize(converted);
}

TEST(Text, OfGaugesAndCountersIsPrometheusCppsByteByByte) {
  const std::vector<Family> families = {
      family("vqscope_online_cpus", MetricType::kGauge, {{{}, 4}}),
      family("vqscope_request_bytes_total", MetricType::kCounter,
             {{{{"device", "vda"}, {"queue", "0"}, {"op", "read"}}, 0},
              {{{"device", "vda"}, {"queue", "1"}, {"op", "read"}}, 123456789},
              {{{"device", "vda"}, {"queue", "2"}, {"op", "read"}}, 9007199254740992},
              {{{"device", "vda"}, {"queue", "3"}, {"op", "read"}}, 1e300}}),
      family("vqscope_queue_avgqu_sz", MetricType::kGauge,
             {{{{"device", "vda"}, {"queue", ""}}, 0.5},
              {{{"device", "vdb"}}, -1.25},
              {{{"device", "vdc"}}, 6.103515625e-05},
              {{{"device", "vdd"}}, kInfinity},
              {{{"device", "vde"}}, -kInfinity}}),
      family("vqscope_device_info", MetricType::kGauge,
             {{{{"device", "a\\b"}, {"driver", "say \"hi\""}, {"vmm", "two\nlines \t\xc3\xa9"}}, 1}}),
  };
  EXPECT_EQ(write_text(families, default_classic_buckets()), witness_text(families, default_classic_buckets()));
}

TEST(Text, OfNothingIsNothing) { EXPECT_EQ(write_text({}, default_classic_buckets()), ""); }

struct Line {
  std::string name;  // with labels, but le
  double le = 0;     // NaN: none
  double value = 0;
};

// "name_bucket{a="b",le="0.5"} 7". Comments are left as they are.
Line parse_line(const std::string& text) {
  if (text.starts_with('#')) return {text, std::nan(""), 0};
  const auto blank = text.rfind(' ');
  Line line{text.substr(0, blank), std::nan(""), std::strtod(text.c_str() + blank, nullptr)};
  const std::string mark = "le=\"";
  if (const auto at = line.name.find(mark); at != std::string::npos) {
    line.le = std::strtod(line.name.c_str() + at + mark.size(), nullptr);
    line.name = line.name.substr(0, at);
  }
  return line;
}

std::vector<Line> parse_lines(const std::string& text) {
  std::vector<Line> lines;
  for (const std::string_view line : split(text, "\n")) lines.push_back(parse_line(std::string(line)));
  // prometheus-cpp puts _count and _sum before the buckets.
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.name < b.name; });
  return lines;
}

TEST(Text, OfHistogramsSaysWhatPrometheusCppSays) {
  ClassicBuckets every;
  for (int index = VQS_FIRST_INDEX - 1; index <= VQS_LAST_INDEX; ++index) every.push_back(index);
  const ClassicBuckets ends = {VQS_FIRST_INDEX - 1, VQS_LAST_INDEX};
  for (const ClassicBuckets& buckets : {default_classic_buckets(), every, ends, ClassicBuckets{1}}) {
    std::vector<Histogram> histograms(1);  // the first is empty
    for (unsigned seed = 0; seed < 10; ++seed) histograms.push_back(random_histogram(seed));
    std::vector<Family> families = {family("vqscope_irq_handler_seconds", MetricType::kHistogram, {})};
    for (const Histogram& histogram : histograms)
      families[0].samples.push_back(
          {{{"device", "vda"}, {"queue", std::to_string(&histogram - histograms.data())}}, 0, &histogram});
    families.push_back(family("unlabelled_seconds", MetricType::kHistogram, {{{}, 0, &histograms.back()}}));

    const auto ours = parse_lines(write_text(families, buckets));
    const auto theirs = parse_lines(witness_text(families, buckets));
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_EQ(ours[i].name, theirs[i].name);
      // They print one digit less than a double holds.
      EXPECT_TRUE(std::isnan(ours[i].le)
                      ? std::isnan(theirs[i].le)
                      : ours[i].le == theirs[i].le || std::abs(ours[i].le / theirs[i].le - 1) < 1e-15)
          << ours[i].name << " " << ours[i].le;
      EXPECT_DOUBLE_EQ(ours[i].value, theirs[i].value) << ours[i].name << " " << ours[i].le;
    }
  }
}

TEST(Text, OfAHistogramIsGolden) {
  Histogram histogram;
  histogram.cells[0] = 1;
  histogram.cells[VQS_LAST_CELL] = 2;
  histogram.cells[-8 - VQS_FIRST_INDEX + 1] = 3;  // the bucket that ends at half a second
  histogram.sum_ns = 601'250'000'000;
  const std::vector<Family> families = {
      family("x_seconds", MetricType::kHistogram, {{{{"device", "vda"}}, 0, &histogram}})};
  EXPECT_EQ(write_text(families, {-9, -8, 0}),
            "# HELP x_seconds Help of x_seconds.\n"
            "# TYPE x_seconds histogram\n"
            "x_seconds_bucket{device=\"vda\",le=\"0.4585020216023356\"} 1\n"
            "x_seconds_bucket{device=\"vda\",le=\"0.5\"} 4\n"
            "x_seconds_bucket{device=\"vda\",le=\"1\"} 4\n"
            "x_seconds_bucket{device=\"vda\",le=\"+Inf\"} 6\n"
            "x_seconds_sum{device=\"vda\"} 601.25\n"
            "x_seconds_count{device=\"vda\"} 6\n");
}

TEST(Text, EscapesHelpButNotItsQuotes) {
  const std::vector<Family> families = {{"x", "a\\b \"c\"\nd", MetricType::kGauge, {{{}, 1}}}};
  EXPECT_EQ(write_text(families, default_classic_buckets()), "# HELP x a\\\\b \"c\"\\nd\n# TYPE x gauge\nx 1\n");
}

TEST(Text, NumbersReadBackAsTheSameNumbers) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 1000; ++i) {
    const double value = std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 200) - 150);
    const std::vector<Family> families = {{"x", "h", MetricType::kGauge, {{{}, value}}}};
    const std::string text = write_text(families, default_classic_buckets());
    ASSERT_EQ(parse_line(text.substr(text.rfind("x "))).value, value);
  }
}

// Whole numbers take a way of their own.
TEST(Text, WholeNumbersAreSpelledAsAnyOther) {
  for (const double value : {0.0, -0.0, 1.0, -1.0, 4096.0, 999'999'999'999'999.0, 1e15, 1'000'000'000'000'001.0, 1e16,
                             2e16, 1e19, 1e20, 0.1, 1e-5, 123'456.5, 999'999'999'999'999.9}) {
    const std::vector<Family> families = {{"x", "h", MetricType::kGauge, {{{}, value}}}};
    EXPECT_THAT(write_text(families, default_classic_buckets()), HasSubstr(fmt::format("\nx {}\n", value)));
  }
}

TEST(Text, NotANumberIsSpelledAsPrometheusDoes) {
  const std::vector<Family> families = {{"x", "h", MetricType::kGauge, {{{}, std::nan("")}}}};
  EXPECT_THAT(write_text(families, default_classic_buckets()), HasSubstr("\nx NaN\n"));
}

// ---- OpenMetrics

TEST(OpenMetrics, IsGolden) {
  Histogram histogram;
  histogram.cells[0 - VQS_FIRST_INDEX + 1] = 7;  // the bucket that ends at a second
  histogram.sum_ns = 6'500'000'000;
  const std::vector<Family> families = {
      {"vqscope_request_bytes_total", "Bytes.", MetricType::kCounter, {{{{"device", "vda"}}, 4096}}},
      {"vqscope_online_cpus", "Say \"vCPU\"\\\n.", MetricType::kGauge, {{{}, 2}}},
      {"odd_counter", "Without a suffix.", MetricType::kCounter, {{{{"a", "\"\\\n"}}, 1}}},
      {"gauge_total", "A gauge keeps its name.", MetricType::kGauge, {{{}, 0.5}}},
      {"x_seconds", "A histogram.", MetricType::kHistogram, {{{}, 0, &histogram}}},
  };
  EXPECT_EQ(write_openmetrics(families, {-136, -8, 0, 16}),
            "# HELP vqscope_request_bytes Bytes.\n"
            "# TYPE vqscope_request_bytes counter\n"
            "vqscope_request_bytes_total{device=\"vda\"} 4096\n"
            "# HELP vqscope_online_cpus Say \\\"vCPU\\\"\\\\\\n.\n"
            "# TYPE vqscope_online_cpus gauge\n"
            "vqscope_online_cpus 2\n"
            "# HELP odd_counter Without a suffix.\n"
            "# TYPE odd_counter counter\n"
            "odd_counter{a=\"\\\"\\\\\\n\"} 1\n"
            "# HELP gauge_total A gauge keeps its name.\n"
            "# TYPE gauge_total gauge\n"
            "gauge_total 0.5\n"
            "# HELP x_seconds A histogram.\n"
            "# TYPE x_seconds histogram\n"
            "x_seconds_bucket{le=\"7.62939453125e-06\"} 0\n"
            "x_seconds_bucket{le=\"0.5\"} 0\n"
            "x_seconds_bucket{le=\"1.0\"} 7\n"
            "x_seconds_bucket{le=\"4.0\"} 7\n"
            "x_seconds_bucket{le=\"+Inf\"} 7\n"
            "x_seconds_sum 6.5\n"
            "x_seconds_count 7\n"
            "# EOF\n");
}

TEST(OpenMetrics, OfNothingIsTheEnd) { EXPECT_EQ(write_openmetrics({}, default_classic_buckets()), "# EOF\n"); }

// ---- protobuf

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
    decoded.cells[0] = histogram.zero_count();
    std::uint64_t count = histogram.zero_count();
    for (const auto& [index, value] : native_buckets(histogram)) {
      count += value;
      if (index == 8193) {  // +Inf: one above the bucket of the largest double, 2^(8192/8)
        decoded.cells[VQS_LAST_CELL] = value;
      } else if (value > 0) {
        ASSERT_GE(index, VQS_FIRST_INDEX);
        ASSERT_LE(index, VQS_LAST_INDEX);
        decoded.cells[static_cast<std::size_t>(index - VQS_FIRST_INDEX + 1)] = value;
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
    source.cells[static_cast<std::size_t>(index - VQS_FIRST_INDEX + 1)] = 5;
    const proto::Histogram histogram = written(source);
    ASSERT_EQ(histogram.positive_span_size(), 1);
    EXPECT_EQ(histogram.positive_span(0).offset(), index);
    EXPECT_EQ(histogram.positive_span(0).length(), 1U);
    EXPECT_THAT(histogram.positive_delta(), ElementsAre(5));
  }
}

TEST(Protobuf, UnderflowIsTheZeroBucketAndOverflowTheInfiniteOne) {
  Histogram source;
  source.cells[0] = 3;
  source.cells[VQS_LAST_CELL] = 4;
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

// ---- gzip

std::string inflate_gzip(const std::string& data, std::size_t size) {
  z_stream stream = {};
  std::string out(size + 1, '\0');  // one more, so that too much is seen
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0U);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(Gzip, InflatesToWhatWasCompressed) {
  std::mt19937_64 random(4);
  std::string noise(300'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  std::string repeated;
  for (int i = 0; i < 20'000; ++i) repeated += "vqscope_queue_inflight{device=\"vda\",queue=\"0\"} 0\n";
  for (const std::string& data : {std::string(), std::string("x"), std::string(1, '\0'), noise, repeated}) {
    const std::string compressed = compress_gzip(data);
    EXPECT_EQ(compressed.substr(0, 2), "\x1f\x8b") << "RFC 1952, 2.3.1";
    EXPECT_EQ(inflate_gzip(compressed, data.size()), data);
  }
  const std::string compressed = compress_gzip(repeated);
  EXPECT_LT(compressed.size(), repeated.size() / 50);
  EXPECT_EQ(compressed.capacity(), compressed.size()) << "what is kept for a slow client is no larger than it counts";
}

// ---- negotiation

constexpr const char* kProtobufType =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

TEST(NegotiateFormat, GivesRealScrapersWhatTheyWantMost) {
  const std::string protobuf = kProtobufType;
  const struct {
    const char* who;
    std::string accept;
    Format format;
  } cases[] = {
      {"Prometheus 2.42",
       "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
       "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       Format::kOpenMetrics},
      {"Prometheus 2.42 --enable-feature=native-histograms",
       protobuf + ",application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
                  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       Format::kProtobuf},
      {"Prometheus 2.53",
       "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
       "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
       Format::kOpenMetrics},
      {"Prometheus 2.53 --enable-feature=native-histograms",
       protobuf + ";q=0.5,application/openmetrics-text;version=1.0.0;q=0.4,application/openmetrics-text;version=0.0.1;"
                  "q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
       Format::kProtobuf},
      {"Prometheus 3.3",
       "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
       "version=0.0.1;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;"
       "version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2",
       Format::kOpenMetrics},
      {"Prometheus 3 scrape_native_histograms",
       protobuf + ";q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/"
                  "openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;"
                  "version=0.0.4;q=0.2,*/*;q=0.1",
       Format::kProtobuf},
      {"Prometheus 3.14",
       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,application/"
       "openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.3",
       Format::kText},
      {"Telegraf", protobuf + ";q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", Format::kProtobuf},
      {"curl", "*/*", Format::kText},
      {"without the header", "", Format::kText},
      {"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
       Format::kText},
  };
  for (const auto& c : cases)
    EXPECT_EQ(format_name(negotiate_format(c.accept)), format_name(c.format)) << c.who << ": " << c.accept;
}

TEST(NegotiateFormat, ReadsTheHeaderAsRfc9110Says) {
  const std::string protobuf = kProtobufType;
  const struct {
    std::string accept;
    Format format;
  } cases[] = {
      // q-values, then order
      {"text/plain;q=0.4,application/openmetrics-text;q=0.5", Format::kOpenMetrics},
      {"text/plain,application/openmetrics-text", Format::kText},
      {"application/openmetrics-text,text/plain", Format::kOpenMetrics},
      {"text/plain;q=0.9," + protobuf + ";q=0.901", Format::kProtobuf},
      // q=0 is a refusal
      {"application/openmetrics-text;q=0,text/plain;q=0.1", Format::kText},
      {"application/openmetrics-text;q=0.000", Format::kText},
      {protobuf + ";q=0," + "application/openmetrics-text;q=0.1", Format::kOpenMetrics},
      // an element whose q makes no sense is not there
      {"application/openmetrics-text;q=x", Format::kText},
      {"application/openmetrics-text;q=", Format::kText},
      {"application/openmetrics-text;q=2", Format::kText},
      {"application/openmetrics-text;q=-1", Format::kText},
      {"application/openmetrics-text;q=nan", Format::kText},
      {"application/openmetrics-text;q=inf", Format::kText},
      {"application/openmetrics-text;q=0.5.5,text/plain;q=0.1", Format::kText},
      {protobuf + ";q=1e9,application/openmetrics-text", Format::kOpenMetrics},
      // versions and parameters
      {"application/openmetrics-text", Format::kOpenMetrics},
      {"application/openmetrics-text;version=0.0.1", Format::kOpenMetrics},
      {"application/openmetrics-text;version=2.0.0", Format::kText},
      {"application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.1",
       Format::kOpenMetrics},
      {"application/openmetrics-text;version=\"1.0.0\"", Format::kOpenMetrics},
      {"application/openmetrics-text;charset=utf-8", Format::kOpenMetrics},
      {"text/plain;version=9,application/openmetrics-text;q=0.1", Format::kOpenMetrics},
      {protobuf, Format::kProtobuf},
      {"application/vnd.google.protobuf;encoding=delimited", Format::kProtobuf},
      {"application/vnd.google.protobuf", Format::kText},
      {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", Format::kText},
      {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text", Format::kText},
      {"application/vnd.google.protobuf;proto=io.prometheus.client.Sample;encoding=delimited", Format::kText},
      // letters and blanks
      {"Application/OpenMetrics-Text ; Version=1.0.0 ; Q=1", Format::kOpenMetrics},
      {"\tapplication/openmetrics-text\t;q=0.5 , text/plain ; q=0.4", Format::kOpenMetrics},
      {",,application/openmetrics-text,", Format::kOpenMetrics},
      // ranges and the unknown
      {"text/*", Format::kText},
      {"application/*", Format::kText},
      {"application/json", Format::kText},
      {"application/json,application/openmetrics-text;q=0.1", Format::kOpenMetrics},
      {";;;", Format::kText},
      {"=", Format::kText},
      {";q=1,=;=", Format::kText},
  };
  for (const auto& c : cases) EXPECT_EQ(format_name(negotiate_format(c.accept)), format_name(c.format)) << c.accept;
}

TEST(NegotiateFormat, StandsAHeaderOfAnyLength) {
  std::string accept;
  for (int i = 0; i < 10'000; ++i) accept += "text/x" + std::to_string(i) + ";a=b;c=\"d\";q=0.5,";
  EXPECT_EQ(negotiate_format(accept), Format::kText);
  EXPECT_EQ(negotiate_format(accept + "application/openmetrics-text"), Format::kOpenMetrics);
}

TEST(AcceptsGzip, ReadsTheHeaderAsRfc9110Says) {
  const std::pair<const char*, bool> cases[] = {
      {"gzip", true},
      {"gzip, deflate, br, zstd", true},
      {"deflate, gzip;q=0.5", true},
      {"GZIP", true},
      {"x-gzip", true},
      {"*", true},
      {"identity;q=0.5, *;q=0.1", true},
      {"gzip;q=1.0, identity; q=0.5, *;q=0", true},
      {"", false},
      {"identity", false},
      {"deflate, br", false},
      {"gzip;q=0", false},
      {"gzip;q=0.000, *", false},
      {"*, gzip;q=0", false},
      {"*;q=0", false},
      {"gzip;q=x", false},
      {"gzipped", false},
      {"not-gzip", false},
  };
  for (const auto& [header, accepted] : cases) EXPECT_EQ(accepts_gzip(header), accepted) << header;
}

TEST(ContentType, NamesTheVersionThatIsWritten) {
  EXPECT_EQ(content_type(Format::kText), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(content_type(Format::kOpenMetrics), "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(content_type(Format::kProtobuf),
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited");
}

TEST(Write, WritesTheFormatThatWasNegotiated) {
  const std::vector<Family> families = {family("x", MetricType::kGauge, {{{}, 1}})};
  const ClassicBuckets buckets = default_classic_buckets();
  EXPECT_EQ(write(Format::kText, families, buckets), write_text(families, buckets));
  EXPECT_EQ(write(Format::kOpenMetrics, families, buckets), write_openmetrics(families, buckets));
  EXPECT_EQ(write(Format::kProtobuf, families, buckets), write_protobuf(families, buckets));
}

}  // namespace
}  // namespace vqscope
