// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/topology/facts.h"

namespace vqscope {

namespace {

double count(std::size_t number) { return static_cast<double>(number); }

// Why a disk has fewer queues than the guest has vCPUs.
enum class Shortage { kNone, kGuestLimit, kHotplug, kHost };

// The module parameter is the cause only if it is what the driver took: min(parameter, what the host offers).
bool is_limited_by_guest(const DiskEvidence& evidence) {
  const Disk& disk = evidence.disk;
  const GuestLimits& limits = evidence.topology.guest.limits;
  if (disk.driver != "virtio_blk") return false;
  const bool limited = limits.virtio_blk_queues.value_or(0) > 0 && *limits.virtio_blk_queues == disk.queues.size();
  const bool polled = interrupt_queues(evidence) < disk.queues.size();
  if (!limited && !polled) return false;
  // A host that offers one queue does not negotiate the feature, and one vector for each queue and one for
  // configuration changes is what hypervisors prepare.
  if (const auto features = disk.facts.virtio_features; features && !has_blk_multiqueue(*features)) return false;
  return polled || !disk.facts.msix_vectors || *disk.facts.msix_vectors > disk.queues.size() + 1;
}

Shortage shortage(const DiskEvidence& evidence) {
  const std::size_t queues = interrupt_queues(evidence), cpus = evidence.topology.online_cpus.size();
  if (!is_hosts_disk(evidence) || is_emulated(evidence) || queues == 0 || queues >= cpus) return Shortage::kNone;
  if (is_limited_by_guest(evidence)) return Shortage::kGuestLimit;
  const std::size_t late = evidence.topology.guest.late_cpus.size();
  return late > 0 && queues == cpus - late ? Shortage::kHotplug : Shortage::kHost;
}

bool is_single_queue(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  return shortage(evidence) != Shortage::kNone && interrupt_queues(evidence) == 1 && is_busy(evidence) &&
         from_several_cpus(evidence) && measured.interrupt_share.value_or(1) >= kConcentrated;
}

// Too many busy vCPUs for the queues there are.
bool is_crowded(const DiskEvidence& evidence) {
  return is_busy(evidence) && from_several_cpus(evidence) &&
         evidence.measured.submission_cpus.value_or(0) >= kCpusPerQueue * count(interrupt_queues(evidence));
}

Severity shortage_severity(const DiskEvidence& evidence) {
  return is_crowded(evidence) || is_single_queue(evidence) ? Severity::kWarning : Severity::kInfo;
}

std::string queues_and_cpus(const DiskEvidence& evidence) {
  return fmt::format("{} has {} for {}.", evidence.disk.name, plural(count(interrupt_queues(evidence)), "queue"),
                     plural(online_cpus(evidence), "online vCPU"));
}

std::string submitters(const Measured& measured) {
  return fmt::format("{} requests/s come from {}.", grouped(measured.requests_rate), cpu_shares(measured.submissions));
}

std::string interrupts(const Measured& measured) {
  if (!measured.interrupt_share) return "Which vCPU takes its interrupts could not be seen.";
  return fmt::format("Its {} interrupts/s land on {}.", grouped(measured.interrupts_rate),
                     cpu_shares(measured.interrupts));
}

std::string crossing(const Measured& measured) {
  return fmt::format("{} of the requests were submitted on another vCPU than the one that is interrupted for them.",
                     percent(*measured.cross_share));
}

// What the host prepared, as far as it can be read.
std::vector<std::string> offer(const DiskEvidence& evidence) {
  std::vector<std::string> sentences;
  if (evidence.disk.driver == "virtio_blk")
    if (const auto features = evidence.disk.facts.virtio_features; features && !has_blk_multiqueue(*features))
      sentences.emplace_back("The host did not offer more than one queue (virtio feature 12, MQ, is not set).");
  if (const auto vectors = evidence.disk.facts.msix_vectors)
    sentences.push_back(
        fmt::format("Its MSI-X table has {}, of which one is for configuration changes.", plural(*vectors, "vector")));
  return sentences;
}

std::vector<std::pair<std::string, double>> queue_numbers(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  std::vector<std::pair<std::string, double>> numbers = {{"queues", count(interrupt_queues(evidence))},
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
  return numbers;
}

bool shares_vector(const DiskEvidence& evidence) {
  const Disk& disk = evidence.disk;
  // Only these drivers name their lines after queues, so that a line without a queue is one that serves several.
  if (!disk.virtio && disk.driver != "nvme") return false;
  if (disk.queues.size() < 2 || disk.interrupts.empty()) return false;
  return std::any_of(disk.interrupts.begin(), disk.interrupts.end(),
                     [](const InterruptLine& line) { return !line.queue.has_value(); });
}

bool concentrates(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  std::set<std::uint32_t> lines;
  for (const InterruptLine& line : evidence.disk.interrupts) lines.insert(line.irq);
  return is_hosts_disk(evidence) && interrupt_queues(evidence) >= 2 && lines.size() >= 2 && !shares_vector(evidence) &&
         is_busy(evidence) && from_several_cpus(evidence) && measured.interrupts_rate >= kInterruptRate &&
         measured.interrupt_share.value_or(0) >= kConcentrated;
}

}  // namespace

std::size_t interrupt_queues(const DiskEvidence& evidence) {
  const Disk& disk = evidence.disk;
  const GuestLimits& limits = evidence.topology.guest.limits;
  const std::size_t polled = disk.driver == "virtio_blk" ? limits.virtio_blk_poll_queues.value_or(0)
                             : disk.driver == "nvme"     ? limits.nvme_poll_queues.value_or(0)
                                                         : 0;
  // The drivers keep one queue that interrupts; a parameter that was changed after boot says nothing.
  return polled < disk.queues.size() ? disk.queues.size() - polled : std::min<std::size_t>(disk.queues.size(), 1);
}

std::optional<Found> single_queue(const DiskEvidence& evidence) {
  if (!is_single_queue(evidence)) return std::nullopt;
  const Measured& measured = evidence.measured;
  // By Little's law, those that wait in this guest.
  const double waiting =
      measured.seconds > 0 ? static_cast<double>(queue_latency(measured).sum_ns) / 1e9 / measured.seconds : 0;
  const bool mendable = evidence.topology.vmm != "firecracker";
  const bool shared = measured.average_inflight + waiting >= kSharedInflight;
  Found found;
  found.severity =
      measured.requests_rate >= kHeavyRate && mendable && shared ? Severity::kCritical : Severity::kWarning;
  found.remedy = shortage(evidence) == Shortage::kGuestLimit ? Remedy::kLiftGuestLimit : Remedy::kMoreQueues;
  found.evidence = {
      queues_and_cpus(evidence), submitters(measured),
      fmt::format("On average {} were in flight and {} waited in this guest{}.", grouped(measured.average_inflight),
                  grouped(waiting), shared ? "" : ", so hardly one waits for another"),
      interrupts(measured)};
  if (measured.cross_share) found.evidence.push_back(crossing(measured));
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
  if (!mendable)
    found.evidence.emplace_back("Firecracker gives a disk one queue, so this is a warning however busy the disk is.");
  found.numbers = queue_numbers(evidence);
  found.numbers.emplace_back("average_inflight", measured.average_inflight);
  found.numbers.emplace_back("average_waiting", waiting);
  return found;
}

std::optional<Found> fewer_queues_than_vcpus(const DiskEvidence& evidence) {
  if (shortage(evidence) != Shortage::kHost || is_single_queue(evidence)) return std::nullopt;
  Found found;
  found.severity = shortage_severity(evidence);
  found.remedy = Remedy::kMoreQueues;
  found.evidence = {queues_and_cpus(evidence)};
  if (found.severity != Severity::kInfo) found.evidence.push_back(submitters(evidence.measured));
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
  found.numbers = queue_numbers(evidence);
  return found;
}

std::optional<Found> hotplugged_vcpus(const DiskEvidence& evidence) {
  if (shortage(evidence) != Shortage::kHotplug) return std::nullopt;
  Found found;
  found.severity = shortage_severity(evidence);
  found.remedy = Remedy::kMoreQueues;
  std::string late;
  for (const std::uint32_t cpu : evidence.topology.guest.late_cpus) late += fmt::format(" {}", cpu);
  found.evidence = {queues_and_cpus(evidence),
                    fmt::format("These vCPUs came after boot:{}. Without them there would be a queue for each.", late)};
  found.numbers = queue_numbers(evidence);
  found.numbers.emplace_back("late_vcpus", count(evidence.topology.guest.late_cpus.size()));
  return found;
}

std::optional<Found> guest_limits_queues(const DiskEvidence& evidence) {
  if (shortage(evidence) != Shortage::kGuestLimit) return std::nullopt;
  const GuestLimits& limits = evidence.topology.guest.limits;
  Found found;
  found.severity = shortage_severity(evidence);
  found.remedy = Remedy::kLiftGuestLimit;
  found.evidence = {queues_and_cpus(evidence)};
  if (const auto limit = limits.virtio_blk_queues.value_or(0); limit > 0) {
    found.evidence.push_back(fmt::format("The module parameter virtio_blk.num_request_queues is {}.", limit));
    found.numbers.emplace_back("num_request_queues", limit);
  }
  if (const auto polled = limits.virtio_blk_poll_queues.value_or(0); polled > 0) {
    found.evidence.push_back(fmt::format(
        "The module parameter virtio_blk.poll_queues is {}: so many queues are polled and take no ordinary requests.",
        polled));
    found.numbers.emplace_back("poll_queues", polled);
  }
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
  const auto& command_line = evidence.topology.guest.command_line;
  if (command_line && command_line->find("virtio_blk.") != std::string::npos)
    found.evidence.emplace_back("The kernel command line (/proc/cmdline) sets it.");
  for (auto& number : queue_numbers(evidence)) found.numbers.push_back(std::move(number));
  return found;
}

std::optional<Found> shared_vector(const DiskEvidence& evidence) {
  if (!is_hosts_disk(evidence) || !shares_vector(evidence)) return std::nullopt;
  Found found;
  found.severity = is_busy(evidence) && from_several_cpus(evidence) ? Severity::kWarning : Severity::kInfo;
  found.remedy = Remedy::kMoreVectors;
  std::string lines;
  for (const InterruptLine& line : evidence.disk.interrupts)
    if (!line.queue) lines += fmt::format(" {} ({})", line.irq, line.action);
  found.evidence = {fmt::format("{} has {}, which share interrupt{}.", evidence.disk.name,
                                plural(count(evidence.disk.queues.size()), "queue"), lines)};
  if (found.severity != Severity::kInfo) {
    found.evidence.push_back(submitters(evidence.measured));
    found.evidence.push_back(interrupts(evidence.measured));
  }
  if (const auto vectors = evidence.disk.facts.msix_vectors)
    found.evidence.push_back(fmt::format("Its MSI-X table has {}; {} are needed.", plural(*vectors, "vector"),
                                         evidence.disk.queues.size() + 1));
  found.numbers = queue_numbers(evidence);
  return found;
}

std::optional<Found> irq_concentrated(const DiskEvidence& evidence) {
  if (!concentrates(evidence)) return std::nullopt;
  Found found;
  found.severity = Severity::kWarning;
  found.remedy = Remedy::kSpreadInterrupts;
  found.evidence = {queues_and_cpus(evidence), submitters(evidence.measured), interrupts(evidence.measured)};
  found.numbers = queue_numbers(evidence);
  return found;
}

std::optional<Found> workload_on_one_vcpu(const DiskEvidence& evidence) {
  if (!is_hosts_disk(evidence) || online_cpus(evidence) < 2 || !is_busy(evidence) || from_several_cpus(evidence))
    return std::nullopt;
  Found found;
  found.evidence = {submitters(evidence.measured)};
  found.numbers = queue_numbers(evidence);
  return found;
}

std::optional<Found> submitter_off_interrupt_vcpu(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  if (!is_hosts_disk(evidence) || online_cpus(evidence) < 2 || !is_busy(evidence) || from_several_cpus(evidence) ||
      measured.cross_share.value_or(0) < kCrossShare || measured.interrupts_rate < kInterruptRate ||
      measured.interrupt_share.value_or(0) < kConcentrated || cross_cpu_completions(evidence))
    return std::nullopt;
  Found found;
  found.remedy = Remedy::kMoveSubmitter;
  found.evidence = {submitters(measured), interrupts(measured), crossing(measured),
                    fmt::format("On vCPU {} it would submit where it is interrupted: taskset -acp {} PID moves it "
                                "there, for a try.",
                                busiest(measured.interrupts), busiest(measured.interrupts))};
  found.numbers = queue_numbers(evidence);
  return found;
}

std::optional<Found> cross_cpu_completions(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  if (!is_hosts_disk(evidence) || is_emulated(evidence) || !is_busy(evidence) || online_cpus(evidence) < 2 ||
      shortage(evidence) != Shortage::kNone || shares_vector(evidence) || concentrates(evidence) ||
      measured.cross_share.value_or(0) < kCrossShare)
    return std::nullopt;
  Found found;
  found.severity = Severity::kWarning;
  found.remedy = Remedy::kMatchQueues;
  found.evidence = {fmt::format("{} of {} requests/s were submitted on another vCPU than the one that was interrupted "
                                "for them, although there is a queue for each vCPU.",
                                percent(*measured.cross_share), grouped(measured.requests_rate)),
                    submitters(measured), interrupts(measured)};
  found.numbers = queue_numbers(evidence);
  return found;
}

}  // namespace vqscope
