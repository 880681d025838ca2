// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/phrasing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "agent/diagnosis/phrases.h"
#include "agent/model/window.h"
#include "agent/topology/facts.h"
#include "agent/topology/vmm.h"

namespace vqscope {

namespace {

constexpr std::array<std::string_view, VQS_OPS> kOps = {"reads", "writes", "flushes", "discards", "other"};

double count(std::size_t number) { return static_cast<double>(number); }

std::string online_cpus(const Topology& topology) {
  return plural(count(topology.online_cpus.size()), is_guest(topology) ? "online vCPU" : "online CPU");
}

// "Of 353 us that a request takes on average: 3 % before issue, 88 % at the host, ..."
std::string time_of(const RequestTime& time) {
  const auto share = [&](double seconds) { return percent(seconds / time.total()); };
  std::string line =
      fmt::format("Of {} that a request takes on average: {} before issue, ",
                  duration(time.total() / static_cast<double>(time.requests)), share(*time.before_issue));
  if (time.at_host)
    line +=
        fmt::format("{} at the host, {} in completion ({} on the submitting vCPU, {} on another)", share(*time.at_host),
                    share(*time.completion), share(*time.completion_local), share(*time.completion_cross));
  else
    line += fmt::format("{} from there to completion", share(*time.at_device));
  if (time.lock_waits) line += fmt::format("; within these, {} in waits for locks", share(*time.lock_waits));
  return line;
}

}  // namespace

std::string window_sentence(const Report& report) {
  const std::string disks = plural(count(report.diagnosis.disks.size()), "disk"), cpus = online_cpus(report.topology);
  return report.permitted
             ? fmt::format("Watched {} for {} {} with {}.", disks, duration(report.diagnosis.seconds),
                           is_guest(report.topology) ? "in a guest" : "on a machine that is no guest", cpus)
             : fmt::format("Nothing was measured. How {} and {} are set up, from sysfs:", disks, cpus);
}

std::string who_is(const Disk& disk) {
  std::vector<std::string> who;
  for (const std::string& part : {disk.driver, disk.transport, disk.bus_id})
    if (!part.empty()) who.push_back(part);
  if (!disk.scheduler.empty()) who.push_back("elevator " + disk.scheduler);
  return fmt::format("{}", fmt::join(who, ", "));
}

std::string setup_of(const Disk& disk, const Topology& topology) {
  std::string text = fmt::format("{} for {}", plural(count(disk.queues.size()), "queue"), online_cpus(topology));
  if (!disk.queues.empty() && disk.queues[0].tags)
    text += fmt::format(", {} each", plural(*disk.queues[0].tags, "request"));
  if (disk.facts.msix_vectors) text += fmt::format("; {}", plural(*disk.facts.msix_vectors, "MSI-X vector"));
  if (const auto features = disk.facts.virtio_features) {
    if (disk.driver == "virtio_blk") text += has_blk_multiqueue(*features) ? "; multiqueue on" : "; multiqueue off";
    text += has_indirect_descriptors(*features) ? ", indirect descriptors on" : ", indirect descriptors off";
  }
  return text;
}

std::vector<std::string> load_of(const Measured& measured) {
  std::vector<std::string> lines;
  if (measured.has_requests)
    lines.push_back(fmt::format("{} requests/s, {}, {} in flight on average", grouped(measured.requests_rate),
                                throughput(measured.bytes_rate), grouped(measured.average_inflight)));
  if (measured.time && measured.time->total() > 0) lines.push_back(time_of(*measured.time));
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    const OpLoad& load = measured.ops[op];
    const auto median = quantile(load.device, 0.5), tail = quantile(load.device, 0.99);
    if (!median || !tail) continue;
    std::string line = fmt::format("{}: {} median, {} p99 at the device", kOps[op], duration(*median), duration(*tail));
    if (const auto waited = quantile(load.queue, 0.99))
      line += fmt::format("; {} p99 before, in the kernel", duration(*waited));
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string title_of(const Finding& finding) {
  return fmt::format("{}: {}", finding.device.empty() ? "guest" : finding.device, finding.kind->title);
}

}  // namespace vqscope
