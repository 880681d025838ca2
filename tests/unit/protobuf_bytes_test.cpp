// SPDX-License-Identifier: Apache-2.0
// The protobuf format is written without libprotobuf's messages. Witness: what libprotobuf reads of it and writes
// again.
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <sstream>

#include "exporters/prometheus/formats.h"
#include "exporters/prometheus/wire.h"
#include "prometheus/metrics.pb.h"

namespace vqscope {
namespace {

namespace proto = io::prometheus::client;

// The same message by libprotobuf; fields that it does not know, or that have a wrong type, would be lost or last.
std::string written_again(const std::string& bytes) {
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  std::ostringstream out;
  for (bool clean_end = false; !clean_end;) {
    proto::MetricFamily message;
    if (google::protobuf::util::ParseDelimitedFromZeroCopyStream(&message, &stream, &clean_end)) {
      message.DiscardUnknownFields();
      google::protobuf::util::SerializeDelimitedToOstream(message, &out);
    } else if (!clean_end) {
      throw std::runtime_error("not a sequence of delimited messages");
    }
  }
  return out.str();
}

void expect_as_libprotobuf(const std::vector<Family>& families, const ClassicBuckets& buckets) {
  const std::string ours = write_protobuf(families, buckets), theirs = written_again(ours);
  // Not EXPECT_EQ, which would print megabytes.
  EXPECT_TRUE(ours == theirs) << ours.size() << " and " << theirs.size() << " bytes";
}

TEST(ProtobufBytes, OfHistogramsAreThoseOfLibprotobuf) {
  ClassicBuckets every;
  for (int index = VQS_FIRST_INDEX - 1; index <= VQS_LAST_INDEX; ++index) every.push_back(index);
  std::mt19937_64 random(6);
  for (const ClassicBuckets& buckets : {default_classic_buckets(), every, ClassicBuckets{-8}}) {
    std::vector<Histogram> histograms(100);  // the first is empty
    for (std::size_t i = 1; i < histograms.size(); ++i) {
      const std::uint64_t density = 1 + i % 10;
      for (std::size_t cell = 0; cell < histograms[i].cells().size(); ++cell)
        if (random() % 10 < density) histograms[i].set(cell, random() >> (8 + random() % 56));
      histograms[i].sum_ns = random() >> random() % 64;
    }
    Family family{"x_seconds", "Help.", MetricType::kHistogram, {}};
    for (const Histogram& histogram : histograms)
      family.samples.push_back(
          {{{"device", "vda"}, {"queue", std::to_string(&histogram - histograms.data())}}, 0, &histogram});
    expect_as_libprotobuf({family}, buckets);
  }
}

TEST(ProtobufBytes, OfCountersAndGaugesAreThoseOfLibprotobuf) {
  std::vector<Family> families = {{"", "", MetricType::kGauge, {{{}, 0}}}, {"empty", "", MetricType::kCounter, {}}};
  for (const MetricType type : {MetricType::kCounter, MetricType::kGauge}) {
    Family& family = families.emplace_back(Family{"x", "Help.", type, {}});
    for (const double value : {0.0, -0.0, 1.0, -1.5, 1e300, 5e-324, std::numeric_limits<double>::infinity()})
      family.samples.push_back({{{"device", ""}, {"queue", "0"}}, value});
  }
  expect_as_libprotobuf(families, default_classic_buckets());
}

// The length of a length changes at 2^7, 2^14 and 2^21.
TEST(ProtobufBytes, OfLongTextsAreThoseOfLibprotobuf) {
  for (const std::size_t size : {126U, 127U, 128U, 129U, 16'380U, 16'384U, 16'390U, 2'097'140U, 2'097'152U}) {
    SCOPED_TRACE(size);
    const std::string text(size, 'x');
    expect_as_libprotobuf({{"x", text, MetricType::kGauge, {{{{"device", text}}, 1}}}}, default_classic_buckets());
  }
}

TEST(ProtobufBytes, OfMessagesOfAnyLengthAreThoseOfLibprotobuf) {
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string text(size, 'x');
    expect_as_libprotobuf({{"x", "", MetricType::kGauge, {{{{"device", text}}, 1}, {{{"device", text}}, 2}}}}, {0});
  }
}

TEST(WireWriter, WritesTheExamplesOfTheDocumentation) {
  WireWriter out(0);  // has to grow
  std::uint8_t* to = out.room(100);
  to = wire::put_unsigned<1>(to, 150);
  to = wire::put_string<2>(to, "testing");
  out.close(wire::put_signed<3>(to, -2));
  for (const std::size_t guess : {1U, 2U, 3U})  // of the bytes that the length takes
    out.add_message<4>(guess, [&] { out.close(wire::put_unsigned<1>(out.room(wire::kLongestNumber), 150)); });
  EXPECT_EQ(out.finish(), std::string("\x08\x96\x01\x12\x07testing\x18\x03") + "\x22\x03\x08\x96\x01" +
                              "\x22\x03\x08\x96\x01" + "\x22\x03\x08\x96\x01");
}

}  // namespace
}  // namespace vqscope
