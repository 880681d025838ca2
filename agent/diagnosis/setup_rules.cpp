// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/cpu_time.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/model/window.h"
#include "agent/topology/facts.h"

namespace vqscope {

double online_cpus(const DiskEvidence& evidence) { return static_cast<double>(evidence.topology.online_cpus.size()); }

bool is_busy(const DiskEvidence& evidence) { return evidence.measured.requests_rate >= kBusyRate; }

bool from_several_cpus(const DiskEvidence& evidence) {
  return evidence.measured.submission_cpus.value_or(1) >= kSeveralCpus;
}

std::optional<Found> steal(const GuestEvidence& evidence) {
  const auto most = most_stolen(evidence.cpu_times);
  if (!most || most->share < kSteal) return std::nullopt;
  const auto& [cpu, worst] = *most;
  std::uint64_t stolen = 0, total = 0;
  for (const CpuTime& time : evidence.cpu_times) {
    if (time.total < kStealTicks) continue;
    stolen += time.steal;
    total += time.total;
  }
  const double all = static_cast<double>(stolen) / static_cast<double>(total);
  Found found;
  found.severity = worst >= kStealCritical ? Severity::kCritical : Severity::kWarning;
  found.remedy = Remedy::kHostCpu;
  found.evidence = {
      fmt::format("vCPU {} was ready to run and not run by the host for {} of the time; over all vCPUs "
                  "it was {}.",
                  cpu, percent(worst), percent(all))};
  found.numbers = {{"worst_vcpu", static_cast<double>(cpu)}, {"worst_vcpu_steal_ratio", worst}, {"steal_ratio", all}};
  return found;
}

namespace {

std::string_view bus_of(const Disk& disk) {
  if (disk.transport == "ata") return "SATA or IDE";
  if (disk.transport == "usb") return "USB";
  if (disk.transport == "mmc") return "an SD card";
  return disk.driver == "ufshcd" ? "UFS" : "an emulated SCSI adapter";
}

}  // namespace

std::optional<Found> emulated_bus(const DiskEvidence& evidence) {
  if (!is_emulated(evidence)) return std::nullopt;
  const double rate = evidence.measured.requests_rate;
  Found found;
  // A drive on USB is as likely to be one that is passed through.
  found.severity = rate >= kJudgedRate && evidence.disk.transport != "usb" ? Severity::kWarning : Severity::kInfo;
  found.remedy = Remedy::kUseVirtio;
  found.evidence = {fmt::format("{} is driven by {} ({}), with {}.", evidence.disk.name, evidence.disk.driver,
                                bus_of(evidence.disk),
                                plural(static_cast<double>(evidence.disk.queues.size()), "queue"))};
  found.numbers = {{"queues", static_cast<double>(evidence.disk.queues.size())}};
  if (evidence.measured.has_requests) found.numbers.emplace_back("requests_per_second", rate);
  return found;
}

std::optional<Found> elevator_on_fast_disk(const DiskEvidence& evidence) {
  const Disk& disk = evidence.disk;
  if (disk.scheduler.empty() || disk.scheduler == "none" || is_zoned(disk) || !is_busy(evidence)) return std::nullopt;
  const Histogram latency = device_latency(evidence.measured);
  const auto median = quantile(latency, 0.5);
  if (latency.count() < kTailRequests || *median > kFastSeconds) return std::nullopt;
  Found found;
  // bfq takes one lock and a tree walk for each request, and holds a fast disk back; the others mostly cost CPU time.
  found.severity = disk.scheduler == "bfq" ? Severity::kWarning : Severity::kInfo;
  if (const auto lock = elevator_lock(evidence); lock && lock->severity >= found.severity) return std::nullopt;
  found.remedy = Remedy::kDropElevator;
  found.evidence = {fmt::format("The elevator of {} is {}, while half of its {} requests/s are done within {}.",
                                disk.name, disk.scheduler, grouped(evidence.measured.requests_rate),
                                duration(*median))};
  found.numbers = {{"device_p50_seconds", *median}, {"requests_per_second", evidence.measured.requests_rate}};
  return found;
}

std::optional<Found> indirect_descriptors_off(const DiskEvidence& evidence) {
  const auto features = evidence.disk.facts.virtio_features;
  if (!features || has_indirect_descriptors(*features)) return std::nullopt;
  Found found;
  found.remedy = Remedy::kIndirectDescriptors;
  found.evidence = {fmt::format("{} not offer indirect descriptors for {} (virtio feature 28 is not set).",
                                is_hosts_disk(evidence) ? "The host did" : "The device does", evidence.disk.name)};
  if (!evidence.disk.queues.empty())
    if (const auto tags = evidence.disk.queues.front().tags) {
      found.evidence.push_back(fmt::format("Each of its queues holds {} requests.", *tags));
      found.numbers.emplace_back("tags", *tags);
    }
  return found;
}

}  // namespace vqscope
