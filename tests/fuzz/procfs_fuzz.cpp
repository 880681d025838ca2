// SPDX-License-Identifier: Apache-2.0
// The parsers of procfs and sysfs text, PCI configuration spaces and uevents.
#include <algorithm>

#include "agent/collector/uevents.h"
#include "agent/topology/facts.h"
#include "agent/topology/parse.h"
#include "tests/fuzz/fuzz.h"

using vqscope::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = vqscope::fuzz::text(data, size);
  constexpr std::size_t kCpus = 65536;
  if (const auto cpus = vqscope::parse_cpu_list(text))
    require(cpus->size() <= 2 * kCpus && std::all_of(cpus->begin(), cpus->end(), [](auto cpu) { return cpu < kCpus; }));
  const auto commas = static_cast<std::size_t>(std::count(text.begin(), text.end(), ','));
  std::vector<std::uint32_t> possible;  // every second CPU
  for (std::uint32_t cpu = 0; possible.size() <= commas; cpu += 2) possible.push_back(cpu);
  if (const auto counts = vqscope::parse_per_cpu_count(text, possible)) require(counts->size() == 2 * commas + 1);
  if (const auto cpus = vqscope::parse_queue_cpus(text)) require(cpus->size() <= 2 * kCpus);
  require(vqscope::kernel_name(vqscope::sysfs_name(text)).find('!') == std::string::npos);
  for (const std::string& action : vqscope::parse_irq_actions(text)) require(action.find(',') == std::string::npos);
  if (const auto disks = vqscope::parse_diskstats(text)) require(!disks->contains(""));
  require(vqscope::parse_choice(text).size() <= text.size());
  (void)vqscope::parse_virtio_features(text);
  if (const auto vectors = vqscope::parse_msix_vectors(text)) require(*vectors <= 2048);
  const auto times = vqscope::parse_cpu_times(text);
  require(times.size() <= kCpus);
  require(vqscope::latecomers(times, {0, 1, 2, 65535}).size() <= 4);
  (void)vqscope::concerns_topology(text);
  return 0;
}
