// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "agent/commands/compare/render.h"

namespace vqscope {

namespace {

using nlohmann::ordered_json;

ordered_json or_null(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json json_of(const SideReport& side) {
  return {{"file", side.file},
          {"note", side.header.note},
          {"recorded_unix_seconds", static_cast<double>(side.header.started_realtime_ns) / 1e9},
          {"begin_seconds", side.begin},
          {"seconds", side.seconds},
          {"vqscope_version", side.header.vqscope_version},
          {"kernel_release", side.header.kernel_release},
          {"kernel_version", side.header.kernel_version},
          {"machine", side.header.machine},
          {"boot_id", side.header.boot_id},
          {"vmm", side.vmm},
          {"online_cpus", side.cpus}};
}

ordered_json json_of(const std::vector<Row>& rows) {
  ordered_json object = ordered_json::object();
  for (const Row& row : rows) {
    ordered_json& entry =
        object[row.key] = {{"unit", name_of(row.unit)}, {"before", or_null(row.before)}, {"after", or_null(row.after)}};
    if (row.ratio) {
      entry["ratio"] = row.ratio->value;
      entry["ratio_low"] = row.ratio->low;
      entry["ratio_high"] = row.ratio->high;
    }
    if (!row.remark.empty()) entry["remark"] = row.remark;
    if (!row.cannot_tell.empty()) entry["cannot_tell"] = row.cannot_tell;
  }
  return object;
}

ordered_json json_of(const std::vector<std::optional<double>>& rates) {
  ordered_json list = ordered_json::array();
  for (const auto& rate : rates) list.push_back(or_null(rate));
  return list;
}

ordered_json json_of(const TimeChange& time) {
  ordered_json parts = ordered_json::object();
  // Limits that are not known are infinite, which JSON has as null.
  for (const PartChange& part : time.parts)
    parts[part.key] = {{"change_seconds", part.change.value},
                       {"change_seconds_low", part.change.low},
                       {"change_seconds_high", part.change.high},
                       {"certain", part.change.certain()}};
  return {{"sentence", time.sentence}, {"parts", parts}};
}

}  // namespace

std::string render_json(const Comparison& comparison) {
  ordered_json changes = ordered_json::array(), devices = ordered_json::array(), findings = ordered_json::array();
  for (const TopologyChange& change : comparison.changes)
    changes.push_back({{"what", change.what}, {"before", change.before}, {"after", change.after}});
  const auto severity = [](const std::optional<Severity>& s) {
    return s ? ordered_json(name_of(*s)) : ordered_json(nullptr);
  };
  for (const FindingChange& finding : comparison.findings)
    findings.push_back({{"finding", finding.id},
                        {"device", finding.device},
                        {"before", severity(finding.before)},
                        {"after", severity(finding.after)}});
  for (const DeviceReport& device : comparison.devices) {
    ordered_json operations = ordered_json::object();
    for (const OperationReport& operation : device.operations) operations[operation.name] = json_of(operation.rows);
    devices.push_back({{"before", device.before},
                       {"after", device.after},
                       {"verdict", name_of(device.judgement.verdict)},
                       {"reason", device.judgement.reason},
                       {"idle", device.judgement.idle},
                       {"notes", device.judgement.notes},
                       {"time", json_of(device.time)},
                       {"numbers", json_of(device.rows)},
                       {"interrupts_per_second_by_cpu",
                        {{"before", json_of(device.interrupts_before)}, {"after", json_of(device.interrupts_after)}}},
                       {"operations", operations}});
  }
  const ordered_json document = {{"schema", 1},
                                 {"verdict", name_of(overall(comparison))},
                                 {"confidence", kConfidence},
                                 {"before", json_of(comparison.before)},
                                 {"after", json_of(comparison.after)},
                                 {"changes", changes},
                                 {"findings", findings},
                                 {"notes", comparison.notes},
                                 {"guest", json_of(comparison.guest)},
                                 {"devices", devices}};
  // What a file name or a note has that is no UTF-8 becomes U+FFFD.
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace vqscope
