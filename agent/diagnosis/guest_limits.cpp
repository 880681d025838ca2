// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/guest_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "agent/base/text.h"
#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/queue_group.h"

namespace vqscope {

namespace {

// xen_blkfront.max_queues, unless somebody sets it (drivers/block/xen-blkfront.c).
constexpr std::uint32_t kXenQueues = 4;

constexpr const char* kMadeBefore = "the queues were made before that";

double count(std::size_t number) { return static_cast<double>(number); }

// To the kernel "-" and "_" are the same in a parameter's name, and the last one holds (parameq() in kernel/params.c).
std::optional<std::uint32_t> at_boot(const Topology& topology, std::string_view parameter) {
  std::optional<std::uint32_t> value;
  const std::string command_line = topology.guest.command_line.value_or("");
  for (const std::string_view option : split(command_line)) {
    const auto equals = option.find('=');
    std::string name(option.substr(0, equals));
    std::replace(name.begin(), name.end(), '-', '_');
    if (name == parameter && equals != std::string_view::npos)
      value = parse_number<std::uint32_t>(option.substr(equals + 1));
  }
  return value;
}

std::string source(const Topology& topology, std::string_view parameter) {
  return at_boot(topology, parameter) ? " The kernel command line (/proc/cmdline) sets it." : "";
}

// The driver takes so many queues by itself, and no more than there were CPUs when it started (xlblk_init).
bool is_xens_default(const DiskEvidence& evidence) {
  const GuestFacts& guest = evidence.topology.guest;
  const std::size_t at_start = evidence.topology.online_cpus.size() - guest.late_cpus.size();
  return guest.limits.xen_blkfront_queues == std::min<std::size_t>(kXenQueues, at_start) &&
         !at_boot(evidence.topology, "xen_blkfront.max_queues");
}

// What is polled, or has queues of its own, took them from the others.
bool are_shared_out(const DiskEvidence& evidence) {
  return interrupt_queues(evidence.disk) < evidence.disk.queues.size() || judged_queues(evidence).type;
}

// virtio_blk.num_request_queues; the module parameter is the cause only if it is what the driver took: min(parameter,
// what the host offers).
void add_virtio_blks(const DiskEvidence& evidence, std::vector<Parameter>& parameters) {
  constexpr std::string_view kName = "virtio_blk.num_request_queues";
  const auto now = evidence.topology.guest.limits.virtio_blk_queues, boot = at_boot(evidence.topology, kName);
  const std::size_t queues = evidence.disk.queues.size();
  if (evidence.disk.driver != "virtio_blk" || now.value_or(0) > queues) return;
  std::string sentence;
  if (now == queues)
    sentence = fmt::format("The module parameter {} is {}.{}", kName, queues, source(evidence.topology, kName));
  else if (boot == queues)
    sentence = fmt::format("The kernel command line (/proc/cmdline) sets the module parameter {} to {}{}.", kName,
                           queues, now ? fmt::format("; it is {} now, and {}", *now, kMadeBefore) : "");
  else if (now.value_or(0) > 0)
    sentence = fmt::format("The module parameter {} is now {}; {}.", kName, *now, kMadeBefore);
  if (!sentence.empty())
    parameters.push_back({std::move(sentence), "num_request_queues", count(boot == queues ? queues : now.value_or(0))});
}

// What nvme_calc_irq_sets() in Linux makes of nvme.write_queues: so many, and at least one is left for reads.
void add_nvmes_writes(const DiskEvidence& evidence, std::vector<Parameter>& parameters) {
  if (!judged_queues(evidence).type) return;
  constexpr std::string_view kName = "nvme.write_queues";
  const auto now = evidence.topology.guest.limits.nvme_write_queues;
  const std::size_t reads = group_of_type(evidence, QueueType::kRead).queues;
  const std::size_t others = interrupt_queues(evidence.disk) - reads;
  const bool fits = now == others || (now.value_or(0) > others && reads == 1);
  const std::string parameter = !now ? ""
                                : fits
                                    ? fmt::format("The module parameter {} is {}. ", kName, *now)
                                    : fmt::format("The module parameter {} is now {}; {}. ", kName, *now, kMadeBefore);
  parameters.push_back({fmt::format("{}Reads have {}, all other requests {}.{}", parameter,
                                    plural(count(reads), "queue"), others, source(evidence.topology, kName)),
                        "write_queues", count(others)});
}

// All three drivers leave one queue at the least that interrupts.
void add_polled(const DiskEvidence& evidence, std::vector<Parameter>& parameters) {
  const Disk& disk = evidence.disk;
  const GuestLimits& limits = evidence.topology.guest.limits;
  const std::size_t interrupting = interrupt_queues(disk), polled = disk.queues.size() - interrupting;
  if (polled == 0) return;
  const auto [name, now] = disk.driver == "nvme" ? std::pair("nvme.poll_queues", limits.nvme_poll_queues)
                           : disk.driver == "virtio_scsi"
                               ? std::pair("virtio_scsi.virtscsi_poll_queues", limits.virtio_scsi_poll_queues)
                               : std::pair("virtio_blk.poll_queues", limits.virtio_blk_poll_queues);
  const bool fits = !now || now == polled || (*now > polled && interrupting == 1);
  parameters.push_back(
      {fmt::format("{} polled (module parameter {}{}): only requests that ask for it, as by io_uring, go there{}.{}",
                   polled == 1 ? "1 queue is" : fmt::format("{} queues are", polled), name,
                   fits ? "" : fmt::format(", now {}; {}", *now, kMadeBefore),
                   evidence.measured.has_requests
                       ? fmt::format(", {}/s in this time", grouped(group_of_type(evidence, QueueType::kPoll).rate))
                       : "",
                   source(evidence.topology, name)),
       "poll_queues", count(polled)});
}

}  // namespace

bool is_at_parameter(const DiskEvidence& evidence) {
  const GuestLimits& limits = evidence.topology.guest.limits;
  const std::size_t queues = evidence.disk.queues.size();
  if (evidence.disk.transport == "xen")
    return limits.xen_blkfront_queues.value_or(0) == queues && !is_xens_default(evidence);
  return evidence.disk.driver == "virtio_blk" &&
         (limits.virtio_blk_queues == queues || at_boot(evidence.topology, "virtio_blk.num_request_queues") == queues);
}

bool is_limited_by_guest(const DiskEvidence& evidence) {
  const std::string& driver = evidence.disk.driver;
  const bool has_types = driver == "nvme" || driver == "virtio_scsi" || driver == "virtio_blk";
  return is_at_parameter(evidence) || (has_types && are_shared_out(evidence));
}

bool may_be_xens_default(const DiskEvidence& evidence) {
  return evidence.disk.transport == "xen" && is_xens_default(evidence) &&
         evidence.topology.guest.limits.xen_blkfront_queues == evidence.disk.queues.size();
}

std::optional<std::size_t> queues_without_parameters(const Topology& topology, const Disk& disk) {
  // nvme_setup_irqs() in Linux.
  if (disk.driver != "nvme" || disk.facts.msix_vectors.value_or(0) < 2) return std::nullopt;
  return std::min({disk.queues.size(), topology.online_cpus.size(), std::size_t{*disk.facts.msix_vectors} - 1});
}

std::vector<Parameter> limiting_parameters(const DiskEvidence& evidence) {
  std::vector<Parameter> parameters;
  add_virtio_blks(evidence, parameters);
  if (const auto limit = evidence.topology.guest.limits.xen_blkfront_queues; evidence.disk.transport == "xen" && limit)
    parameters.push_back({fmt::format("The module parameter xen_blkfront.max_queues is {}.{} What the host offers does "
                                      "not show here; it may be as few.",
                                      *limit, source(evidence.topology, "xen_blkfront.max_queues")),
                          "max_queues", static_cast<double>(*limit)});
  add_nvmes_writes(evidence, parameters);
  add_polled(evidence, parameters);
  return parameters;
}

}  // namespace vqscope
