// SPDX-License-Identifier: Apache-2.0
// The text format and OpenMetrics. The witness of the first is prometheus-cpp's serializer.
#include "agent/base/text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <cmath>
#include <limits>
#include <random>

#include "exporters/prometheus/formats.h"
#include "tests/unit/samples.h"

namespace vqscope {
namespace {

using test::family;
using test::random_histogram;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

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
          cumulative += sample.histogram->cells()[static_cast<std::size_t>(cell)];
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
  histogram.set(0, 1);
  histogram.set(VQS_LAST_CELL, 2);
  histogram.set(-8 - VQS_FIRST_INDEX + 1, 3);  // the bucket that ends at half a second
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
  histogram.set(0 - VQS_FIRST_INDEX + 1, 7);  // the bucket that ends at a second
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

TEST(Printable, LeavesNothingThatMovesATerminalOrTurnsItsText) {
  EXPECT_EQ(printable("a\x1b[31mb\x07\x7f\n"), "a?[31mb???");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m \xe2\x80\xae txt \xe2\x81\xa6 \xd8\x9c"),
            "?31m ? txt ? ?");
  EXPECT_EQ(printable("vor dem Umbau \u2013 gr\u00fcn \xc2"), "vor dem Umbau \u2013 gr\u00fcn \xc2");
}

}  // namespace
}  // namespace vqscope
