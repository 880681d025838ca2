// SPDX-License-Identifier: Apache-2.0
#include "exporters/page/machine.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/platform.h"
#include "agent/topology/vmm.h"
#include "agent/view/disk_view.h"
#include "agent/view/disk_words.h"
#include "agent/view/json.h"

namespace vqscope {

namespace {

using Json = nlohmann::ordered_json;

// Names come from sysfs, which promises no encoding.
std::string written(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string machine_json(const Reading& reading, const std::string& host) {
  const Topology& topology = reading.topology;
  Json disks = Json::array(), probes = Json::array();
  for (const Disk& disk : topology.disks)
    disks.push_back({{"name", disk.name},
                     {"about", who_is(disk)},
                     {"setup", setup_of(disk, topology)},
                     {"layers", about_layers(disk)},
                     {"queues", disk.queues.size()}});
  for (const ProbeStatus& probe : reading.probes)
    probes.push_back({{"name", probe.name}, {"up", probe.up}, {"reason", probe.reason}});
  return written({{"host", host},
                  {"vmm", topology.vmm},
                  {"guest", is_guest(topology)},
                  {"online_cpus", topology.online_cpus},
                  {"disks", std::move(disks)},
                  {"probes", std::move(probes)}});
}

std::string recording_json(const ShownRecording& recording) {
  const auto seconds = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e9; };
  Json json = {{"note", recording.note}, {"begin", seconds(recording.begin_ns)}, {"end", seconds(recording.end_ns)}};
  if (recording.goes_on_until_ns > recording.end_ns) json["goes_on_until"] = seconds(recording.goes_on_until_ns);
  return written(json);
}

std::string findings_json(std::span<const Finding> findings, const Topology& topology) {
  const std::vector<Platform> platforms = choose_platforms(topology, std::nullopt).platforms;
  Json all = Json::array();
  for (const Finding& finding : findings) {
    const auto disk = std::ranges::find(topology.disks, finding.device, &Disk::name);
    all.push_back(finding_json(finding, finding.found.severity, disk != topology.disks.end() ? &*disk : nullptr,
                               topology, platforms));
  }
  return written(all);
}

std::string evidence_json(std::span<const Finding> findings) {
  Json all = Json::array();
  for (const Finding& finding : findings)
    all.push_back({{"finding", finding.kind->id},
                   {"severity", name_of(finding.found.severity)},
                   {"device", finding.device},
                   {"evidence", finding.found.evidence}});
  return written(all);
}

}  // namespace vqscope
