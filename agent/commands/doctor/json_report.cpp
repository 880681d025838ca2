// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "agent/commands/doctor/report.h"
#include "agent/model/operations.h"
#include "agent/model/supported_quantile.h"
#include "agent/view/json.h"

namespace vqscope {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;

template <typename T>
void put(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

Json latency(const Histogram& histogram) {
  Json object = {{"count", histogram.count()}, {"sum_seconds", static_cast<double>(histogram.sum_ns) / 1e9}};
  put(object, "p50_seconds", supported_quantile(histogram, 0.5));
  put(object, "p99_seconds", supported_quantile(histogram, 0.99));
  put(object, "p999_seconds", supported_quantile(histogram, 0.999));
  return object;
}

Json layer_json(const Layer& layer) { return {{"device", layer.device}, {"name", layer.name}, {"kind", layer.kind}}; }

Json disk_json(const DiskDiagnosis& diagnosis) {
  const Disk& disk = diagnosis.disk;
  const Measured& measured = diagnosis.measured;
  Json object = {{"device", disk.name},
                 {"driver", disk.driver},
                 {"transport", disk.transport},
                 {"bus_id", disk.bus_id},
                 {"scheduler", disk.scheduler},
                 {"queues", disk.queues.size()},
                 {"interrupts_by_cpu", measured.interrupts}};
  if (disk.stacking.layer) object["layer"] = layer_json(*disk.stacking.layer);
  object["stacked_on"] = disk.stacking.made_of;
  Json& holders = object["holders"] = Json::array();
  for (const Layer& holder : disk.stacking.holders) holders.push_back(layer_json(holder));
  put(object, "irq_concentration_ratio", measured.interrupt_share);
  if (!measured.has_requests) return object;
  object["requests_per_second"] = measured.requests_rate;
  object["bytes_per_second"] = measured.bytes_rate;
  object["average_inflight"] = measured.average_inflight;
  put(object, "oldest_inflight_seconds", measured.oldest_seconds);
  object["requests_by_cpu"] = measured.submissions;
  put(object, "submission_effective_cpus", measured.submission_cpus);
  put(object, "cross_cpu_ratio", measured.cross_share);
  if (measured.time) object["request_time"] = time_json(*measured.time);
  if (measured.cost) put(object, "queue_cost_ratio", measured.cost->ratio());
  Json& queues = object["by_queue"] = Json::array();
  for (std::size_t q = 0; q < measured.queues.size(); ++q) {
    const QueueLoad& load = measured.queues[q];
    Json& queue = queues.emplace_back(Json{{"queue", q},
                                           {"requests_by_cpu", load.submissions},
                                           {"interrupts_by_cpu", load.interrupts},
                                           {"average_inflight", load.average_inflight}});
    put(queue, "full_ratio", load.full_share);
  }
  Json& ops = object["by_op"] = Json::object();
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    const OpLoad& load = measured.ops[op];
    if (load.device.count() == 0 && load.errors == 0) continue;
    Json& entry = ops[std::string(kOperationNames[op])];
    entry = {{"errors", load.errors}, {"device_latency", latency(load.device)}};
    if (load.queue.count() > 0) entry["queue_latency"] = latency(load.queue);
  }
  return object;
}

Json origin_json(const Origin& origin) {
  if (origin.place.empty()) return nullptr;
  return {{"place", origin.place},
          {"recorded", origin.recorded},
          {"note", origin.header.note},
          {"started_unix_seconds", static_cast<double>(origin.header.started_realtime_ns) / 1e9},
          {"kernel_release", origin.header.kernel_release},
          {"kernel_version", origin.header.kernel_version},
          {"machine", origin.header.machine},
          {"vqscope_version", origin.header.vqscope_version}};
}

}  // namespace

std::string to_json(const Report& report) {
  Json platforms = Json::array();
  for (const Platform platform : report.platform.platforms) platforms.push_back(name_of(platform));
  Json disks = Json::array(), findings = Json::array(), untold = Json::array();
  for (const DiskDiagnosis& disk : report.diagnosis.disks) disks.push_back(disk_json(disk));
  for (const Finding& finding : report.diagnosis.findings)
    findings.push_back(finding_json(finding, finding.found.severity, disk_of(finding, report), report.topology,
                                    report.platform.platforms));
  for (const Untold& reason : report.untold)
    untold.push_back({{"device", reason.device},
                      {"reason", reason.reason},
                      {"idle", reason.idle},
                      {"too_few_requests", reason.too_few_requests}});
  Json full_cpus;
  if (report.full_cpus) {
    full_cpus = Json::array();
    for (const CpuLoad& load : *report.full_cpus)
      full_cpus.push_back({{"cpu", load.cpu}, {"busy_ratio", load.busy}, {"steal_ratio", load.stolen}});
  }
  const Headline verdict = verdict_of(report);
  const Json object = {{"schema", kSchemaVersion},
                       {"result", report.result},
                       {"status", report.status},
                       {"verdict", {{"what", verdict.what}, {"next", verdict.next}}},
                       {"window_seconds", report.diagnosis.seconds},
                       {"online_cpus", report.topology.online_cpus},
                       {"full_cpus", std::move(full_cpus)},
                       {"vmm", report.topology.vmm},
                       {"origin", origin_json(report.origin)},
                       {"platforms", std::move(platforms)},
                       {"disks", std::move(disks)},
                       {"findings", std::move(findings)},
                       {"could_not_tell", std::move(untold)},
                       {"notes", report.notes}};
  // Names come from sysfs, which promises no encoding.
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vqscope
