// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/settings.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace vqscope {

namespace {

// Documentation/ABI/stable/sysfs-block; sorted. Left out are limits of discards, of integrity data and of open zones.
constexpr std::string_view kNames[] = {"add_random",
                                       "chunk_sectors",
                                       "discard_max_bytes",
                                       "fua",
                                       "io_poll",
                                       "io_poll_delay",
                                       "io_timeout",
                                       "iostats",
                                       "iostats_passthrough",
                                       "logical_block_size",
                                       "max_hw_sectors_kb",
                                       "max_sectors_kb",
                                       "max_segment_size",
                                       "max_segments",
                                       "minimum_io_size",
                                       "nomerges",
                                       "optimal_io_size",
                                       "physical_block_size",
                                       "read_ahead_kb",
                                       "rotational",
                                       "rq_affinity",
                                       "stable_writes",
                                       "virt_boundary_mask",
                                       "write_cache",
                                       "zoned"};

// Elevators have about ten tunables; their values are numbers and short words.
constexpr std::size_t kMostOfElevator = 64, kLongest = 64;

bool is_sensible(std::string_view text) {
  return !text.empty() && text.size() <= kLongest &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

std::vector<QueueSetting> read_queue_settings(TreeReader& reader, const std::filesystem::path& queue) {
  std::vector<QueueSetting> settings;
  const auto add = [&](const std::string& name) {
    const auto value = reader.trimmed(queue / name);
    if (value && is_sensible(*value)) settings.push_back({name, *value});
  };
  for (const std::string_view name : kNames) add(std::string(name));
  std::vector<std::string> of_elevator = reader.names(queue / "iosched");
  if (of_elevator.size() > kMostOfElevator) of_elevator.resize(kMostOfElevator);
  for (const std::string& name : of_elevator)
    if (is_sensible(name)) add("iosched/" + name);
  std::sort(settings.begin(), settings.end(),
            [](const QueueSetting& a, const QueueSetting& b) { return a.name < b.name; });
  return settings;
}

}  // namespace vqscope
