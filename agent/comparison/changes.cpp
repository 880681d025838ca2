// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/base/text.h"

namespace vqscope {

namespace {

class Changes {
 public:
  explicit Changes(std::string prefix) : prefix_(std::move(prefix)) {}

  void add(std::string_view what, std::string before, std::string after) {
    if (before != after) list_.push_back({fmt::format("{}{}", prefix_, what), std::move(before), std::move(after)});
  }
  // What one of the two was recorded without is not known to have changed.
  template <typename T>
  void add(std::string_view what, const std::optional<T>& before, const std::optional<T>& after) {
    if (before && after) add(what, fmt::format("{}", *before), fmt::format("{}", *after));
  }
  std::vector<TopologyChange> take() { return std::move(list_); }

 private:
  std::string prefix_;
  std::vector<TopologyChange> list_;
};

std::string tags_of(const Disk& disk) {
  std::vector<std::string> tags;
  for (const HardwareQueue& queue : disk.queues)
    tags.push_back(queue.tags ? std::to_string(*queue.tags) : std::string("unknown"));
  const bool same = std::adjacent_find(tags.begin(), tags.end(), std::not_equal_to<>()) == tags.end();
  return same && !tags.empty() ? tags.front() : fmt::format("{}", fmt::join(tags, ", "));
}

std::optional<std::string> features_of(const Disk& disk) {
  if (!disk.facts.virtio_features) return std::nullopt;
  std::vector<int> bits;
  for (int bit = 0; bit < 64; ++bit)
    if ((*disk.facts.virtio_features >> bit & 1) != 0) bits.push_back(bit);
  return fmt::format("{}", fmt::join(bits, ","));
}

// Both are sorted by name.
void compare_settings(const Disk& before, const Disk& after, Changes& changes) {
  for (const QueueSetting& old : before.facts.settings) {
    if (old.name.starts_with("iosched/") && before.scheduler != after.scheduler) continue;  // another elevator's
    const auto now =
        std::lower_bound(after.facts.settings.begin(), after.facts.settings.end(), old.name,
                         [](const QueueSetting& setting, const std::string& name) { return setting.name < name; });
    if (now != after.facts.settings.end() && now->name == old.name) changes.add(old.name, old.value, now->value);
  }
}

// The words of one command line that the other is without.
std::string words_beyond(std::string_view line, std::string_view other) {
  const auto others = split(other);
  std::vector<std::string_view> beyond;
  for (const std::string_view word : split(line))
    if (std::find(others.begin(), others.end(), word) == others.end()) beyond.push_back(word);
  return beyond.empty() ? "-" : fmt::format("{}", fmt::join(beyond, " "));
}

}  // namespace

std::vector<TopologyChange> changes_between(const Disk& before, const Disk& after) {
  Changes changes(after.name + ": ");
  changes.add("hardware queues", std::to_string(before.queues.size()), std::to_string(after.queues.size()));
  changes.add("interrupt lines", std::to_string(before.interrupts.size()), std::to_string(after.interrupts.size()));
  changes.add("tags per queue", tags_of(before), tags_of(after));
  changes.add("nr_requests", before.nr_requests, after.nr_requests);
  changes.add("elevator", before.scheduler, after.scheduler);
  changes.add("driver", before.driver, after.driver);
  changes.add("transport", before.transport, after.transport);
  changes.add("wbt_lat_usec", before.facts.wbt_lat_usec, after.facts.wbt_lat_usec);
  changes.add("queue_depth", before.facts.queue_depth, after.facts.queue_depth);
  changes.add("MSI-X vectors", before.facts.msix_vectors, after.facts.msix_vectors);
  changes.add("virtio features", features_of(before), features_of(after));
  compare_settings(before, after, changes);
  return changes.take();
}

std::vector<TopologyChange> changes_between(const RecordingHeader& header_before, const Topology& before,
                                            const RecordingHeader& header_after, const Topology& after) {
  Changes changes("");
  changes.add("vCPUs online", std::to_string(before.online_cpus.size()), std::to_string(after.online_cpus.size()));
  changes.add("hypervisor", before.vmm, after.vmm);
  changes.add("kernel", header_before.kernel_release, header_after.kernel_release);
  const bool both_known = !header_before.kernel_version.empty() && !header_after.kernel_version.empty();
  if (both_known && header_before.kernel_release == header_after.kernel_release)
    changes.add("kernel build", header_before.kernel_version, header_after.kernel_version);
  if (before.guest.command_line && after.guest.command_line)
    changes.add("kernel command line", words_beyond(*before.guest.command_line, *after.guest.command_line),
                words_beyond(*after.guest.command_line, *before.guest.command_line));
  changes.add("machine", header_before.machine, header_after.machine);
  changes.add("vqscope", header_before.vqscope_version, header_after.vqscope_version);
  return changes.take();
}

}  // namespace vqscope
