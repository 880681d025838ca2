// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/vector_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/base/text.h"
#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/layout_cost.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/remedies.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/shortage.h"

namespace vqscope {

namespace {

constexpr std::string_view kNotRead = "How many vectors the host prepared could not be read, which takes root.";

// Disks of one controller by the dozen are counted, and not named.
constexpr std::size_t kNamedDisks = 4;

// On whose side vectors are missing.
enum class Side { kGuest, kHost, kBoth, kNotKnown };

bool is_wired(const DiskEvidence& evidence) { return evidence.disk.facts.uses_msi == false; }

// An NVMe drive whose admin queue and only other queue have one line: the driver got one vector.
bool shares_admins_vector(const DiskEvidence& evidence) {
  return evidence.disk.driver == "nvme" && interrupt_queues(evidence.disk) == 1 &&
         evidence.disk.facts.shares_admin_line == true;
}

Side who_lacks_vectors(const DiskEvidence& evidence) {
  if (evidence.disk.transport == "virtio-mmio") return Side::kHost;
  const auto vectors = evidence.disk.facts.msix_vectors;
  const auto needed = needed_vectors(evidence.disk);
  if (is_wired(evidence) && is_msi_switched_off(evidence.topology))
    return vectors && needed && *vectors < *needed ? Side::kBoth : Side::kGuest;
  if (vectors == 0U || lacks_msi_controller(evidence)) return Side::kHost;
  if (!vectors || !needed) return Side::kNotKnown;
  // With two vectors the drivers of virtio do without the wire, and NVMe's with one.
  if ((is_wired(evidence) || shares_admins_vector(evidence)) && *vectors < 2) return Side::kHost;
  if (is_wired(evidence)) return evidence.topology.guest.has_msi == true ? Side::kGuest : Side::kNotKnown;
  if (shares_admins_vector(evidence)) return Side::kGuest;
  return *vectors < *needed ? Side::kHost : Side::kGuest;
}

// "and 9 are needed, so the host prepared enough: ..."
std::string_view why_enough_are_unused(const DiskEvidence& evidence) {
  switch (who_lacks_vectors(evidence)) {
    case Side::kBoth:
    case Side::kGuest: return ": that they are not used has its cause in this guest";
    case Side::kHost: return " of them, but no controller for messages";
    case Side::kNotKnown: break;
  }
  return ", and why they are not used does not show";
}

// "one is for configuration changes"
std::string beside_the_queues(const Disk& disk) {
  if (!disk.virtio) return "one is for the admin queue";
  return disk.virtio->first_request_queue > 0 ? "three are for configuration changes, control and events"
                                              : "one is for configuration changes";
}

// Of a disk whose queues share a line.
std::string table_and_need(const DiskEvidence& evidence) {
  const Disk& disk = evidence.disk;
  if (disk.transport == "virtio-mmio") return "virtio over MMIO has one interrupt for each device.";
  const auto vectors = disk.facts.msix_vectors;
  const auto needed = needed_vectors(disk);
  if (!vectors || !needed) return std::string(kNotRead);
  if (*vectors == 0) return "The host offers no MSI-X table for it.";
  const std::string table = fmt::format("Its MSI-X table has {}", plural(*vectors, "vector"));
  if (*vectors < *needed)
    return fmt::format("{}; {} are needed, of which {}.", table, *needed, beside_the_queues(disk));
  return fmt::format("{} and {} are needed, so the host prepared enough{}.", table, *needed,
                     why_enough_are_unused(evidence));
}

// Disks whose interrupts come by one of this disk's lines, too.
std::vector<std::string_view> sharing_a_line(const DiskEvidence& evidence) {
  const auto& lines = evidence.disk.interrupts;
  std::vector<std::string_view> names;
  for (const Disk& other : evidence.topology.disks)
    if (other.name != evidence.disk.name && std::ranges::any_of(other.interrupts, [&](const InterruptLine& line) {
          return std::ranges::count(lines, line.irq, &InterruptLine::irq) > 0;
        }))
      names.emplace_back(other.name);
  return names;
}

bool asks_host_for_queues(Remedy remedy) {
  return remedy == Remedy::kMoreQueues || remedy == Remedy::kMoreQueuesAndLiftLimit ||
         remedy == Remedy::kLiftLimitThenMoreQueues || remedy == Remedy::kMoreQueuesAndUseMsi;
}

// Where queues are asked for, vectors for those that there are now would be too few.
Remedy remedy_for_shared(const DiskEvidence& evidence) {
  const Remedy for_queues = remedy_of(shortage(evidence), evidence), for_vectors = remedy_for_vectors(evidence);
  if (lacks_msi_controller(evidence)) return for_vectors;
  if (for_vectors == Remedy::kMoreQueuesAndUseMsi) return for_vectors;
  const bool are_together = for_vectors == Remedy::kMoreVectors ? asks_host_for_queues(for_queues)
                                                                : for_queues == Remedy::kMoreQueuesAndUseMsi;
  return are_together && evidence.disk.transport != "virtio-mmio" ? for_queues : for_vectors;
}

}  // namespace

// "pci=noacpi,nomsi" (Documentation/admin-guide/kernel-parameters.txt)
bool is_msi_switched_off(const Topology& topology) {
  const std::string command_line = topology.guest.command_line.value_or("");
  for (const std::string_view option : split(command_line)) {
    if (!option.starts_with("pci=")) continue;
    const auto words = split(option.substr(4), ",");
    if (std::find(words.begin(), words.end(), "nomsi") != words.end()) return true;
  }
  return false;
}

bool lacks_msi_controller(const DiskEvidence& evidence) {
  return is_wired(evidence) && evidence.disk.transport != "virtio-mmio" && evidence.topology.guest.has_msi == false;
}

bool shares_vector(const DiskEvidence& evidence) {
  const Disk& disk = evidence.disk;
  // Only these drivers name their lines after queues, so that a line without a queue is one that serves several.
  if (!disk.virtio && disk.driver != "nvme") return false;
  if (interrupt_queues(disk) < 2 || disk.interrupts.empty()) return false;
  return std::any_of(disk.interrupts.begin(), disk.interrupts.end(),
                     [](const InterruptLine& line) { return !line.queue.has_value(); });
}

bool leaves_vectors_unused(const DiskEvidence& evidence) {
  const Side side = who_lacks_vectors(evidence);
  return side == Side::kGuest || side == Side::kBoth;
}

bool has_one_queue_for_want_of_msi(const DiskEvidence& evidence) {
  return evidence.disk.driver == "nvme" && (is_wired(evidence) || shares_admins_vector(evidence)) &&
         interrupt_queues(evidence.disk) == 1;
}

Remedy remedy_for_vectors(const DiskEvidence& evidence) {
  const Side side = who_lacks_vectors(evidence);
  if (side == Side::kBoth) return Remedy::kMoreQueuesAndUseMsi;
  return side == Side::kGuest || (side == Side::kNotKnown && (is_wired(evidence) || shares_admins_vector(evidence)))
             ? Remedy::kUseMsi
             : Remedy::kMoreVectors;
}

std::vector<std::string> about_missing_msi(const DiskEvidence& evidence) {
  if (shares_admins_vector(evidence) && !is_wired(evidence))
    return {fmt::format(
        "Its admin queue and its only other queue that interrupts share line {}: the driver got one vector, "
        "and takes one queue with that.",
        evidence.disk.interrupts.front().irq)};
  if (!is_wired(evidence) || evidence.disk.interrupts.empty() || evidence.disk.transport == "virtio-mmio") return {};
  std::vector<std::string> sentences = {fmt::format(
      "This guest does not use message interrupts (MSI) for it: line {} ({}) is a wired interrupt, of which a "
      "device has one.",
      evidence.disk.interrupts.front().irq, evidence.disk.interrupts.front().action)};
  if (const auto others = sharing_a_line(evidence); !others.empty())
    sentences.push_back(fmt::format("The line is also that of {}: its interrupts are counted with those of each.",
                                    others.size() <= kNamedDisks
                                        ? fmt::format("{}", fmt::join(others, ", "))
                                        : plural(static_cast<double>(others.size()), "other disk")));
  if (evidence.disk.driver == "nvme") sentences.emplace_back("Without them the NVMe driver takes one queue.");
  if (is_msi_switched_off(evidence.topology))
    sentences.emplace_back("The kernel command line (/proc/cmdline) switches them off: pci=nomsi.");
  else if (lacks_msi_controller(evidence))
    sentences.emplace_back(
        "The machine has no controller for them: its device tree names none for PCI (msi-map, msi-parent).");
  else if (!evidence.topology.guest.has_msi.has_value())
    sentences.emplace_back(
        "That any device of this guest has them was not seen: the machine may have no controller for them, which would "
        "be the host's to give.");
  return sentences;
}

std::vector<std::string> about_msix_table(const DiskEvidence& evidence) {
  const auto vectors = evidence.disk.facts.msix_vectors;
  const auto needed = needed_vectors(evidence.disk);
  if (!vectors && !about_missing_msi(evidence).empty()) return {std::string(kNotRead)};
  if (!vectors || !needed) return {};
  if (*vectors == 0) return {"The host offers no MSI-X table for it."};
  return {fmt::format("Its MSI-X table has {}{}, of which {}.", plural(*vectors, "vector"),
                      *vectors < *needed ? fmt::format("; {} are needed", *needed) : "",
                      beside_the_queues(evidence.disk))};
}

std::vector<std::string> about_wanted_vectors(const DiskEvidence& evidence) {
  const Remedy remedy = remedy_of(shortage(evidence), evidence);
  const auto vectors = evidence.disk.facts.msix_vectors;
  const auto needed = needed_vectors(evidence.disk, evidence.topology.online_cpus.size());
  if ((!asks_host_for_queues(remedy) && remedy != Remedy::kMoreVectors) || !vectors || !needed || *vectors >= *needed ||
      !queues_can_be_set(evidence))
    return {};
  return {fmt::format("For a queue for each vCPU the table has to have {}.",
                      plural(static_cast<double>(*needed), "vector"))};
}

std::optional<Found> shared_vector(const DiskEvidence& evidence) {
  if (!is_hosts_disk(evidence) || !shares_vector(evidence)) return std::nullopt;
  Found found;
  const bool loaded = is_busy(evidence) && from_several_cpus(evidence);
  // What nobody can mend is not held against the disk for what was not measured.
  const bool mendable = evidence.disk.transport != "virtio-mmio";
  if (loaded)
    found.severity =
        std::min(severity_by_cost(evidence, mendable ? unmeasured_sharing(evidence.measured) : Severity::kInfo),
                 mendable ? Severity::kCritical : Severity::kWarning);
  found.remedy = remedy_for_shared(evidence);
  std::string lines;
  for (const InterruptLine& line : evidence.disk.interrupts)
    if (!line.queue) lines += fmt::format(" {} ({})", line.irq, line.action);
  found.evidence = {fmt::format("{} has {}, which share interrupt{}.", evidence.disk.name,
                                plural(static_cast<double>(interrupt_queues(evidence)), "queue"), lines)};
  if (loaded) {
    found.evidence.push_back(submitters(evidence.measured));
    found.evidence.push_back(interrupts(evidence.measured));
    for (std::string& sentence : about_cost(evidence)) found.evidence.push_back(std::move(sentence));
    if (mendable)
      for (std::string& sentence : about_few_at_a_time(evidence.measured))
        found.evidence.push_back(std::move(sentence));
  }
  for (std::string& sentence : about_missing_msi(evidence)) found.evidence.push_back(std::move(sentence));
  found.evidence.push_back(table_and_need(evidence));
  for (std::string& sentence : about_wanted_vectors(evidence)) found.evidence.push_back(std::move(sentence));
  if (loaded && !mendable)
    found.evidence.emplace_back(
        "No setting changes that: this is information unless a measured cost says otherwise, and a warning at the "
        "most.");
  found.numbers = queue_numbers(evidence);
  if (const auto needed = needed_vectors(evidence.disk))
    found.numbers.emplace_back("needed_vectors", static_cast<double>(*needed));
  return found;
}

}  // namespace vqscope
