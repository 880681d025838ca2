// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

const ProbeStatus* find_probe(const Reading& reading, const std::string& name) {
  for (const ProbeStatus& probe : reading.probes)
    if (probe.name == name) return &probe;
  return nullptr;
}

std::vector<std::string> what_was_not_seen(const Reading& first, const Reading& last) {
  std::vector<std::string> notes;
  for (const DeviceSnapshot& device : first.snapshot.devices) {
    if (find_device(last.snapshot, device) != nullptr) continue;
    const bool replaced = std::any_of(last.snapshot.devices.begin(), last.snapshot.devices.end(),
                                      [&](const DeviceSnapshot& d) { return d.name == device.name; });
    notes.push_back(replaced ? fmt::format("{} was replaced by another disk while it was watched.", device.name)
                             : fmt::format("{} went away while it was watched.", device.name));
  }
  for (const DeviceSnapshot& device : last.snapshot.devices)
    if (std::none_of(first.snapshot.devices.begin(), first.snapshot.devices.end(),
                     [&](const DeviceSnapshot& d) { return d.name == device.name; }))
      notes.push_back(fmt::format("{} came while the others were watched; run this again to judge it.", device.name));
  const ProbeStatus* block = find_probe(last, "block");
  if (const ProbeStatus* probe = find_probe(last, "irq");
      probe != nullptr && !probe->up && (block == nullptr || block->reason != probe->reason))
    notes.push_back(fmt::format(
        "The irq probe is off, so who completes whose requests was not seen, and interrupts are the kernel's own "
        "counts: {}.",
        probe->reason));
  return notes;
}

std::optional<Untold> why_not_told(const DiskDiagnosis& disk, const Reading& reading) {
  const Measured& measured = disk.measured;
  if (!measured.has_requests) {
    const ProbeStatus* probe = find_probe(reading, "block");
    return Untold{disk.disk.name,
                  probe != nullptr && !probe->up ? fmt::format("its requests could not be seen: {}", probe->reason)
                                                 : "its requests could not be seen: there was no room for it",
                  false};
  }
  // What one queue does to several vCPUs shows only when they are busy.
  const bool one_queue = disk.disk.queues.size() == 1 && hypervisor_sets_queues(reading.topology, disk.disk) &&
                         reading.topology.online_cpus.size() > 1;
  if (measured.requests_rate >= (one_queue ? kBusyRate : kJudgedRate)) return std::nullopt;
  return Untold{disk.disk.name,
                measured.requests_rate == 0
                    ? "it was idle"
                    : fmt::format("{} requests/s are too few to judge {} by", grouped(measured.requests_rate),
                                  one_queue ? "its one queue" : "it"),
                true};
}

int status_of(const Report& report) {
  Severity worst = Severity::kInfo;
  for (const Finding& finding : report.diagnosis.findings) worst = std::max(worst, finding.found.severity);
  if (worst == Severity::kCritical) return kCritical;
  if (worst == Severity::kWarning) return kWarning;
  return report.untold.size() < report.diagnosis.disks.size() ? kHealthy : kCouldNotTell;
}

}  // namespace

Report make_report(const Reading& first, const Reading& last, const FullTime& full_time,
                   std::optional<Platform> platform) {
  Report report;
  report.topology = last.topology;
  report.diagnosis = diagnose(last.topology, first.snapshot, last.snapshot, full_time);
  report.platform = choose_platforms(last.topology, platform);
  report.notes = what_was_not_seen(first, last);
  for (const DiskDiagnosis& disk : report.diagnosis.disks)
    if (auto untold = why_not_told(disk, last)) report.untold.push_back(std::move(*untold));
  report.status = status_of(report);
  return report;
}

std::string_view name_of_status(int status) {
  switch (status) {
    case kHealthy: return "healthy";
    case kWarning: return "warning";
    case kCritical: return "critical";
    default: return "could not tell";
  }
}

std::string load_command(const std::vector<std::string>& disks, const Topology& topology) {
  std::string files;
  for (const std::string& disk : disks) files += fmt::format("{}/dev/{}", files.empty() ? "" : ":", disk);
  return fmt::format(
      "fio --name=load --readonly --rw=randread --bs=4k --direct=1 --ioengine=libaio --iodepth=16 \\\n"
      "    --filename={} --numjobs={} --cpus_allowed={} --cpus_allowed_policy=split \\\n"
      "    --time_based --runtime=60 --group_reporting",
      files, topology.online_cpus.size(), fmt::join(topology.online_cpus, ","));
}

}  // namespace vqscope
