// SPDX-License-Identifier: Apache-2.0
// Which format a scraper gets, and what the answer is called.
#include <gtest/gtest.h>

#include "exporters/prometheus/formats.h"
#include "tests/unit/samples.h"

namespace vqscope {
namespace {

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
  const std::vector<Family> families = {test::family("x", MetricType::kGauge, {{{}, 1}})};
  const ClassicBuckets buckets = default_classic_buckets();
  EXPECT_EQ(write(Format::kText, families, buckets), write_text(families, buckets));
  EXPECT_EQ(write(Format::kOpenMetrics, families, buckets), write_openmetrics(families, buckets));
  EXPECT_EQ(write(Format::kProtobuf, families, buckets), write_protobuf(families, buckets));
}

}  // namespace
}  // namespace vqscope
