// SPDX-License-Identifier: Apache-2.0
// Values of options that have a grammar of their own: the list of classic buckets, and the device filter.
#include <string>

#include "agent/model/buckets.h"
#include "agent/topology/device_filter.h"
#include "tests/fuzz/fuzz.h"

using vqscope::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(vqscope::fuzz::text(data, size));
  if (const auto buckets = vqscope::parse_classic_buckets(text))
    require(!buckets->empty());
  else
    require(!buckets.error().message.empty());
  const auto included = vqscope::DeviceFilter::create(text, "");
  const auto excluded = vqscope::DeviceFilter::create("", text);
  require(included.has_value() == excluded.has_value());
  if (!included || text.empty()) return 0;
  for (const char* name : {"vda", "loop0", "nvme0n1", ""}) require(included->accepts(name) != excluded->accepts(name));
  return 0;
}
