// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/guest_limits.h"
#include "agent/diagnosis/layout_cost.h"
#include "agent/diagnosis/limit.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/queue_group.h"
#include "agent/diagnosis/remedies.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/shortage.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/diagnosis/vector_rules.h"
#include "agent/model/model.h"
#include "agent/model/window.h"
#include "agent/topology/facts.h"

namespace vqscope {

namespace {

double count(std::size_t number) { return static_cast<double>(number); }

bool is_busy(const QueueGroup& group) { return group.rate >= kBusyRate; }

bool from_several_cpus(const QueueGroup& group) { return group.submission_cpus.value_or(1) >= kSeveralCpus; }

// All requests go through one queue, whatever the reason, and interrupt one vCPU.
bool is_one_queue_felt(const DiskEvidence& evidence) {
  const QueueGroup group = judged_queues(evidence);
  return shortage(evidence) != Shortage::kNone && group.queues == 1 && is_busy(group) && from_several_cpus(group) &&
         group.interrupt_share && *group.interrupt_share >= kConcentrated;
}

// Where the reason has a finding of its own, that tells it.
bool is_single_queue(const DiskEvidence& evidence) {
  const Shortage reason = shortage(evidence);
  return (reason == Shortage::kHost || reason == Shortage::kNoMsi) && is_one_queue_felt(evidence);
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
  const bool anonymous = !evidence.platform && (evidence.topology.vmm == "kvm" || evidence.topology.vmm.empty());
  const Shortage reason = shortage(evidence);
  return (reason != Shortage::kHost && (reason != Shortage::kBothLimits || guest_alone_helps(evidence))) ||
         may_be_xens_default(evidence) ||
         (queues_can_be_set(evidence) && !(anonymous && evidence.disk.transport == "virtio-mmio"));
}

// Whether more vCPUs than the queues are for send requests.
bool is_felt(const DiskEvidence& evidence) { return is_crowded(evidence) || is_one_queue_felt(evidence); }

// What nobody can mend is not held against the disk for what was not measured.
Severity shortage_severity(const DiskEvidence& evidence) {
  if (!is_felt(evidence)) return Severity::kInfo;
  const bool mendable = is_mendable(evidence);
  const Severity severity =
      severity_by_cost(evidence, mendable ? unmeasured_sharing(evidence.measured) : Severity::kInfo);
  return mendable ? severity : std::min(severity, Severity::kWarning);
}

void tell_load(const DiskEvidence& evidence, Found& found) {
  const Measured& measured = evidence.measured;
  if (!is_felt(evidence)) return;
  found.evidence.push_back(submitters(measured));
  found.evidence.push_back(fmt::format("On average {} were in flight and {} waited in this guest{}.",
                                       grouped(measured.average_inflight), grouped(waiting(measured)),
                                       are_several_at_a_time(measured) ? "" : ", so hardly one waits for another"));
  found.evidence.push_back(interrupts(measured));
  if (measured.cross_share) found.evidence.push_back(crossing(measured));
  for (std::string& sentence : about_cost(evidence)) found.evidence.push_back(std::move(sentence));
  found.numbers.emplace_back("average_inflight", measured.average_inflight);
  found.numbers.emplace_back("average_waiting", waiting(measured));
  if (!told_by_another(evidence).empty()) return;
  if (!is_mendable(evidence))
    found.evidence.push_back(fmt::format(
        "{}: this is information unless a measured cost says otherwise, and a warning at the most.",
        choose_platforms(evidence.topology, evidence.platform).platforms == std::vector{Platform::kFirecracker}
            ? "Firecracker gives a disk one queue, unless your version offers num_queues"
            : "Whether this hypervisor can give a disk more queues is not known"));
  else
    for (std::string& sentence : about_few_at_a_time(measured)) found.evidence.push_back(std::move(sentence));
}

// What the host prepared, as far as it can be read.
std::vector<std::string> offer(const DiskEvidence& evidence) {
  std::vector<std::string> sentences;
  if (may_be_xens_default(evidence))
    sentences.push_back(fmt::format(
        "Xen's disk driver in this guest takes {} at the most unless it is told otherwise (xen_blkfront.max_queues). "
        "What the host offers does not show here; it may be as few.",
        plural(count(evidence.disk.queues.size()), "queue")));
  if (const auto limit = evidence.topology.guest.limits.xen_blkfront_queues;
      evidence.disk.transport == "xen" && limit && *limit > evidence.disk.queues.size())
    sentences.push_back(
        fmt::format("Xen's disk driver in this guest would take up to {} (xen_blkfront.max_queues), so the host offers "
                    "no more than {}.",
                    plural(*limit, "queue"), evidence.disk.queues.size()));
  if (evidence.disk.driver == "virtio_blk")
    if (const auto features = evidence.disk.facts.virtio_features; features && !has_blk_multiqueue(*features))
      sentences.emplace_back("The host did not offer more than one queue (virtio feature 12, MQ, is not set).");
  for (std::string& sentence : about_missing_msi(evidence)) sentences.push_back(std::move(sentence));
  for (std::string& sentence : about_msix_table(evidence)) sentences.push_back(std::move(sentence));
  for (std::string& sentence : about_wanted_vectors(evidence)) sentences.push_back(std::move(sentence));
  return sentences;
}

// Which of two limits is lifted first does matter: with queues but without vectors all would share one interrupt.
std::string about_both_limits(const DiskEvidence& evidence) {
  const auto features = evidence.disk.facts.virtio_features;
  const bool is_one = evidence.disk.driver == "virtio_blk" && features && !has_blk_multiqueue(*features);
  if (guest_alone_helps(evidence))
    return fmt::format(
        "Without what this guest sets it has {} for all its requests, or more. What remains then is the host's limit: "
        "the MSI-X table has no vectors for a queue for each vCPU.",
        plural(count(*queues_without_parameters(evidence.topology, evidence.disk)), "queue"));
  return fmt::format(
      "The host is at a limit, too: {}. Both have to be lifted for {}.",
      is_one                           ? "it offers one queue"
      : evidence.disk.driver == "nvme" ? "the MSI-X table has no vectors for a queue for each vCPU"
                                       : "there are no vectors for more queues than interrupt now",
      evidence.disk.transport == "virtio-mmio" ? "more queues" : "a queue with an interrupt of its own for each vCPU");
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
  Found found;
  found.severity = shortage_severity(evidence);
  found.remedy = remedy_of(shortage(evidence), evidence);
  found.evidence = {queues_and_cpus(evidence)};
  found.numbers = queue_numbers(evidence);
  tell_load(evidence, found);
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
  return found;
}

std::optional<Found> fewer_queues_than_vcpus(const DiskEvidence& evidence) {
  const Shortage reason = shortage(evidence);
  if ((reason != Shortage::kHost && reason != Shortage::kNoMsi) || is_single_queue(evidence)) return std::nullopt;
  Found found;
  found.severity = shortage_severity(evidence);
  found.remedy = remedy_of(reason, evidence);
  found.evidence = {queues_and_cpus(evidence)};
  found.numbers = queue_numbers(evidence);
  tell_load(evidence, found);
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
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
  found.numbers = queue_numbers(evidence);
  tell_load(evidence, found);
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
  found.numbers.emplace_back("late_vcpus", count(evidence.topology.guest.late_cpus.size()));
  return found;
}

std::optional<Found> guest_limits_queues(const DiskEvidence& evidence) {
  const Shortage reason = shortage(evidence);
  if (reason != Shortage::kGuestLimit && reason != Shortage::kBothLimits) return std::nullopt;
  Found found;
  found.severity = shortage_severity(evidence);
  found.remedy = remedy_of(reason, evidence);
  found.evidence = {queues_and_cpus(evidence)};
  found.numbers = queue_numbers(evidence);
  tell_load(evidence, found);
  for (auto& [sentence, name, value] : limiting_parameters(evidence)) {
    found.evidence.push_back(std::move(sentence));
    found.numbers.emplace_back(name, value);
  }
  for (std::string& sentence : offer(evidence)) found.evidence.push_back(std::move(sentence));
  if (reason == Shortage::kBothLimits) found.evidence.push_back(about_both_limits(evidence));
  if (!evidence.disk.facts.msix_vectors && reason == Shortage::kGuestLimit) {
    if (evidence.disk.driver == "virtio_blk" && evidence.disk.transport == "virtio-pci")
      found.evidence.emplace_back("How many queues the host prepared could not be read, which takes root.");
    else if (evidence.disk.driver == "nvme")
      found.evidence.emplace_back("How many interrupt vectors it has could not be read, which takes root.");
  }
  return found;
}

}  // namespace vqscope
