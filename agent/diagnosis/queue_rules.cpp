// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/layout_cost.h"
#include "agent/diagnosis/limit.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/queue_group.h"
#include "agent/diagnosis/remedies.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/diagnosis/vector_rules.h"
#include "agent/model/model.h"
#include "agent/model/window.h"
#include "agent/topology/facts.h"

namespace vqscope {

namespace {

// xen_blkfront.max_queues, unless somebody sets it (drivers/block/xen-blkfront.c).
constexpr std::uint32_t kXenQueues = 4;

double count(std::size_t number) { return static_cast<double>(number); }

bool is_busy(const QueueGroup& group) { return group.rate >= kBusyRate; }

bool from_several_cpus(const QueueGroup& group) { return group.submission_cpus.value_or(1) >= kSeveralCpus; }

// Why a disk has fewer queues than the guest has vCPUs.
enum class Shortage { kNone, kGuestLimit, kNoMsi, kHotplug, kHost };

// The driver takes so many queues by itself, and no more than there were CPUs when it started (xlblk_init).
bool is_xens_default(const DiskEvidence& evidence) {
  const GuestFacts& guest = evidence.topology.guest;
  const std::size_t at_start = evidence.topology.online_cpus.size() - guest.late_cpus.size();
  return guest.limits.xen_blkfront_queues == std::min<std::size_t>(kXenQueues, at_start) &&
         guest.command_line.value_or("").find("xen_blkfront.max_queues=") == std::string::npos;
}

// Whether the driver's own limit may be what keeps queues from a Xen disk: what the host offers does not show.
bool may_be_xens_default(const DiskEvidence& evidence) {
  return evidence.disk.transport == "xen" && is_xens_default(evidence) &&
         evidence.topology.guest.limits.xen_blkfront_queues == evidence.disk.queues.size();
}

// The module parameter is the cause only if it is what the driver took: min(parameter, what the host offers).
bool is_limited_by_guest(const DiskEvidence& evidence) {
  const Disk& disk = evidence.disk;
  // What is polled, or has queues of its own, took them from the others.
  const bool shared_out = interrupt_queues(evidence) < disk.queues.size() || judged_queues(evidence).type;
  if (disk.driver == "nvme" || disk.driver == "virtio_scsi") return shared_out;
  const GuestLimits& limits = evidence.topology.guest.limits;
  if (disk.transport == "xen")
    return limits.xen_blkfront_queues.value_or(0) == disk.queues.size() && !is_xens_default(evidence);
  if (disk.driver != "virtio_blk") return false;
  const auto limit = limits.virtio_blk_queues.value_or(0);
  if (!shared_out && (limit == 0 || limit != disk.queues.size())) return false;
  // A host that offers one queue does not negotiate the feature, and as many vectors as are needed is what hypervisors
  // prepare.
  if (const auto features = disk.facts.virtio_features; features && !has_blk_multiqueue(*features)) return false;
  return shared_out || !disk.facts.msix_vectors || *disk.facts.msix_vectors > needed_vectors(disk);
}

Shortage shortage(const DiskEvidence& evidence) {
  const std::size_t queues = judged_queues(evidence).queues, cpus = evidence.topology.online_cpus.size();
  if (!hypervisor_sets_queues(evidence.topology, evidence.disk) || is_emulated(evidence) || queues == 0 ||
      queues >= cpus)
    return Shortage::kNone;
  if (is_limited_by_guest(evidence)) return Shortage::kGuestLimit;
  if (has_one_queue_for_want_of_msi(evidence)) return Shortage::kNoMsi;
  const std::size_t late = evidence.topology.guest.late_cpus.size();
  return late > 0 && queues == cpus - late ? Shortage::kHotplug : Shortage::kHost;
}

Remedy remedy_of(Shortage shortage, const DiskEvidence& evidence) {
  return shortage == Shortage::kGuestLimit || (shortage == Shortage::kHost && may_be_xens_default(evidence))
             ? Remedy::kLiftGuestLimit
         : shortage == Shortage::kNoMsi   ? remedy_for_vectors(evidence)
         : shortage == Shortage::kHotplug ? Remedy::kStartAnew
                                          : Remedy::kMoreQueues;
}

bool is_single_queue(const DiskEvidence& evidence) {
  const QueueGroup group = judged_queues(evidence);
  return shortage(evidence) != Shortage::kNone && group.queues == 1 && is_busy(group) && from_several_cpus(group) &&
         group.interrupt_share && *group.interrupt_share >= kConcentrated;
}

// Too many busy vCPUs for the queues there are.
bool is_crowded(const DiskEvidence& evidence) {
  const QueueGroup group = judged_queues(evidence);
  return is_busy(group) && from_several_cpus(group) &&
         group.submission_cpus.value_or(0) >= kCpusPerQueue * count(group.queues);
}

// Whether somebody could change it: on some hypervisors a disk has one queue for ever.
bool is_mendable(const DiskEvidence& evidence) {
  // On other architectures than x86 Firecracker does not tell who it is; its disks are on MMIO.
  const bool anonymous = evidence.topology.vmm == "kvm" || evidence.topology.vmm.empty();
  return shortage(evidence) != Shortage::kHost || (queues_can_be_set(evidence.topology, evidence.disk) &&
                                                   !(anonymous && evidence.disk.transport == "virtio-mmio"));
}

// Requests that wait in this guest, on average (by Little's law).
double waiting(const Measured& measured) {
  return measured.seconds > 0 ? static_cast<double>(queue_latency(measured).sum_ns) / 1e9 / measured.seconds : 0;
}

// With hardly two requests at a time none waits for another.
bool are_several_at_a_time(const Measured& measured) {
  return measured.average_inflight + waiting(measured) >= kSharedInflight;
}

// Whether more vCPUs than the queues are for send requests.
bool is_felt(const DiskEvidence& evidence) { return is_crowded(evidence) || is_single_queue(evidence); }

Severity shortage_severity(const DiskEvidence& evidence) {
  if (!is_felt(evidence)) return Severity::kInfo;
  const Severity severity = severity_by_cost(evidence);
  return is_mendable(evidence) && are_several_at_a_time(evidence.measured) ? severity
                                                                           : std::min(severity, Severity::kWarning);
}

void tell_load(const DiskEvidence& evidence, Found& found) {
  if (!is_felt(evidence)) return;
  found.evidence.push_back(submitters(evidence.measured));
  found.evidence.push_back(interrupts(evidence.measured));
  for (std::string& sentence : about_cost(evidence)) found.evidence.push_back(std::move(sentence));
}

// What the host prepared, as far as it can be read.
std::vector<std::string> offer(const DiskEvidence& evidence) {
  std::vector<std::string> sentences;
  if (may_be_xens_default(evidence))
    sentences.push_back(fmt::format(
        "Xen's disk driver in this guest takes {} at the most unless it is told otherwise (xen_blkfront.max_queues). "
        "What the host offers does not show here; it may be as few.",
        plural(count(evidence.disk.queues.size()), "queue")));
  if (evidence.disk.driver == "virtio_blk")
    if (const auto features = evidence.disk.facts.virtio_features; features && !has_blk_multiqueue(*features))
      sentences.emplace_back("The host did not offer more than one queue (virtio feature 12, MQ, is not set).");
  for (std::string& sentence : about_missing_msi(evidence)) sentences.push_back(std::move(sentence));
  for (std::string& sentence : about_msix_table(evidence)) sentences.push_back(std::move(sentence));
  return sentences;
}

// A module parameter that keeps queues from the judged requests.
struct Parameter {
  std::string sentence;
  std::string name;  // of its number
  double value = 0;
};

std::vector<Parameter> limiting_parameters(const DiskEvidence& evidence) {
  const GuestLimits& limits = evidence.topology.guest.limits;
  const Disk& disk = evidence.disk;
  const bool is_nvme = disk.driver == "nvme";
  const std::string command_line = evidence.topology.guest.command_line.value_or("");
  const auto source = [&](const std::string& parameter) {
    return command_line.find(parameter + "=") == std::string::npos
               ? std::string()
               : " The kernel command line (/proc/cmdline) sets it.";
  };
  std::vector<Parameter> parameters;
  if (const auto limit = limits.virtio_blk_queues.value_or(0); disk.driver == "virtio_blk" && limit > 0)
    parameters.push_back({fmt::format("The module parameter virtio_blk.num_request_queues is {}.{}", limit,
                                      source("virtio_blk.num_request_queues")),
                          "num_request_queues", static_cast<double>(limit)});
  if (disk.transport == "xen" && limits.xen_blkfront_queues)
    parameters.push_back({fmt::format("The module parameter xen_blkfront.max_queues is {}.{} What the host offers does "
                                      "not show here; it may be as few.",
                                      *limits.xen_blkfront_queues, source("xen_blkfront.max_queues")),
                          "max_queues", static_cast<double>(*limits.xen_blkfront_queues)});
  if (judged_queues(evidence).type) {
    const std::size_t reads = group_of_type(evidence, QueueType::kRead).queues;
    parameters.push_back(
        {fmt::format("{}Reads have {}, all other requests {}.{}",
                     limits.nvme_write_queues
                         ? fmt::format("The module parameter nvme.write_queues is {}. ", *limits.nvme_write_queues)
                         : "",
                     plural(count(reads), "queue"), count(interrupt_queues(evidence) - reads),
                     source("nvme.write_queues")),
         "write_queues", count(interrupt_queues(evidence) - reads)});
  }
  if (const std::size_t polled = disk.queues.size() - interrupt_queues(evidence); polled > 0) {
    const std::string parameter = is_nvme                        ? "nvme.poll_queues"
                                  : disk.driver == "virtio_scsi" ? "virtio_scsi.virtscsi_poll_queues"
                                                                 : "virtio_blk.poll_queues";
    parameters.push_back(
        {fmt::format("{} polled (module parameter {}): only requests that ask for it, as by io_uring, go there{}.{}",
                     polled == 1 ? "1 queue is" : fmt::format("{} queues are", polled), parameter,
                     evidence.measured.has_requests
                         ? fmt::format(", {}/s in this time", grouped(group_of_type(evidence, QueueType::kPoll).rate))
                         : "",
                     source(parameter)),
         "poll_queues", count(polled)});
  }
  return parameters;
}

}  // namespace

std::string queues_and_cpus(const DiskEvidence& evidence) {
  const QueueGroup group = judged_queues(evidence);
  return fmt::format("{}{} has {} for {}.",
                     !group.type                      ? ""
                     : group.type == QueueType::kRead ? "For reads "
                                                      : "For all but reads ",
                     evidence.disk.name, plural(count(group.queues), "queue"),
                     plural(online_cpus(evidence), "online vCPU"));
}

std::string submitters(const Measured& measured) {
  return fmt::format("{} requests/s come from {}.", grouped(measured.requests_rate), cpu_shares(measured.submissions));
}

std::vector<std::pair<std::string, double>> queue_numbers(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  std::vector<std::pair<std::string, double>> numbers = {{"queues", count(judged_queues(evidence).queues)},
                                                         {"online_vcpus", online_cpus(evidence)},
                                                         {"requests_per_second", measured.requests_rate}};
  if (measured.submission_cpus) numbers.emplace_back("submission_effective_cpus", *measured.submission_cpus);
  if (measured.interrupt_share) {
    numbers.emplace_back("interrupts_per_second", measured.interrupts_rate);
    numbers.emplace_back("irq_concentration_ratio", *measured.interrupt_share);
    numbers.emplace_back("irq_busiest_cpu", count(busiest(measured.interrupts)));
  }
  if (measured.cross_share) numbers.emplace_back("cross_cpu_ratio", *measured.cross_share);
  if (evidence.disk.facts.msix_vectors) numbers.emplace_back("msix_vectors", *evidence.disk.facts.msix_vectors);
  for (auto& number : cost_numbers(measured)) numbers.push_back(std::move(number));
  return numbers;
}

std::optional<Found> single_queue(const DiskEvidence& evidence) {
  if (!is_single_queue(evidence)) return std::nullopt;
  const Measured& measured = evidence.measured;
  const bool firecracker = evidence.topology.vmm == "firecracker";
  Found found;
  found.severity = shortage_severity(evidence);
  found.remedy = remedy_of(shortage(evidence), evidence);
  found.evidence = {queues_and_cpus(evidence), submitters(measured),
                    fmt::format("On average {} were in flight and {} waited in this guest{}.",
                                grouped(measured.average_inflight), grouped(waiting(measured)),
                                are_several_at_a_time(measured) ? "" : ", so hardly one waits for another"),
                    interrupts(measured)};
  if (measured.cross_share) found.evidence.push_back(crossing(measured));
  for (std::string& sentence : about_cost(evidence)) found.evidence.push_back(std::move(sentence));
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
  if (told_by_another(evidence).empty() && !is_mendable(evidence))
    found.evidence.emplace_back(!firecracker
                                    ? "Whether this hypervisor can give a disk more queues is not known, so this is a "
                                      "warning at the most."
                                    : "Firecracker gives a disk one queue, so this is a warning at the most.");
  found.numbers = queue_numbers(evidence);
  found.numbers.emplace_back("average_inflight", measured.average_inflight);
  found.numbers.emplace_back("average_waiting", waiting(measured));
  return found;
}

std::optional<Found> fewer_queues_than_vcpus(const DiskEvidence& evidence) {
  const Shortage reason = shortage(evidence);
  if ((reason != Shortage::kHost && reason != Shortage::kNoMsi) || is_single_queue(evidence)) return std::nullopt;
  Found found;
  found.severity = shortage_severity(evidence);
  found.remedy = remedy_of(reason, evidence);
  found.evidence = {queues_and_cpus(evidence)};
  tell_load(evidence, found);
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
  found.numbers = queue_numbers(evidence);
  return found;
}

std::optional<Found> hotplugged_vcpus(const DiskEvidence& evidence) {
  if (shortage(evidence) != Shortage::kHotplug) return std::nullopt;
  Found found;
  found.severity = shortage_severity(evidence);
  found.remedy = Remedy::kStartAnew;
  std::string late;
  for (const std::uint32_t cpu : evidence.topology.guest.late_cpus) late += fmt::format(" {}", cpu);
  found.evidence = {queues_and_cpus(evidence),
                    fmt::format("These vCPUs came after boot:{}. Without them there would be a queue for each.", late)};
  tell_load(evidence, found);
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
  found.numbers = queue_numbers(evidence);
  found.numbers.emplace_back("late_vcpus", count(evidence.topology.guest.late_cpus.size()));
  return found;
}

std::optional<Found> guest_limits_queues(const DiskEvidence& evidence) {
  if (shortage(evidence) != Shortage::kGuestLimit) return std::nullopt;
  Found found;
  found.severity = shortage_severity(evidence);
  found.remedy = Remedy::kLiftGuestLimit;
  found.evidence = {queues_and_cpus(evidence)};
  tell_load(evidence, found);
  for (auto& [sentence, name, value] : limiting_parameters(evidence)) {
    found.evidence.push_back(std::move(sentence));
    found.numbers.emplace_back(name, value);
  }
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
  if (!evidence.disk.facts.msix_vectors && evidence.disk.driver == "virtio_blk")
    found.evidence.emplace_back("How many queues the host prepared could not be read, which takes root.");
  for (auto& number : queue_numbers(evidence)) found.numbers.push_back(std::move(number));
  return found;
}

}  // namespace vqscope
