// SPDX-License-Identifier: Apache-2.0
#include "exporters/page/step.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "agent/model/losses.h"
#include "agent/model/window.h"
#include "agent/view/disk_view.h"
#include "agent/view/json.h"
#include "agent/view/losses.h"
#include "agent/view/matrix.h"

namespace vqscope {

namespace {

using Json = nlohmann::ordered_json;

// Half an octave each, from 675 ns and less to 181 s and more.
constexpr HeatScale kRows = {1, VQS_PER_OCTAVE / 2, VQS_LAST_CELL / (VQS_PER_OCTAVE / 2)};

// Six digits: what a picture can show, and a third of the room that all of them take.
double rounded(double value) {
  char text[32];
  const auto written = std::to_chars(std::begin(text), std::end(text), value, std::chars_format::scientific, 5);
  double result = value;
  std::from_chars(std::begin(text), written.ptr, result);
  return result;
}

void put(Json& object, const char* key, std::optional<double> value) {
  if (value) object[key] = rounded(*value);
}

void put(Json& object, const char* key, const std::optional<QuantileValue>& value) {
  if (value && value->supported) object[key] = rounded(value->seconds);
}

// Without the zeros at the end.
Json counts_json(std::vector<std::uint64_t> counts) {
  while (!counts.empty() && counts.back() == 0) counts.pop_back();
  return counts;
}

Json latency_json(const DeviceSnapshot& grown, Phase phase, std::optional<std::size_t> queue, const Latency& latency) {
  Json object = {{"count", latency.count}};
  put(object, "mean_seconds", latency.mean_seconds);
  put(object, "p50_seconds", latency.p50);
  put(object, "p99_seconds", latency.p99);
  put(object, "p999_seconds", latency.p999);
  const std::vector<std::uint64_t> column = heat_column(latency_histogram(grown, phase, queue), kRows);
  const auto first = std::find_if(column.begin(), column.end(), [](std::uint64_t count) { return count != 0; });
  object["first_row"] = first - column.begin();
  object["rows"] = counts_json({first, column.end()});
  return object;
}

void put_latencies(Json& object, const DeviceSnapshot& grown, std::optional<std::size_t> queue,
                   const Latency& at_device, const Latency& before_issue) {
  if (at_device.count > 0) object["at_device"] = latency_json(grown, Phase::kAtDevice, queue, at_device);
  if (before_issue.count > 0) object["before_issue"] = latency_json(grown, Phase::kBeforeIssue, queue, before_issue);
}

Json queues_json(const Disk& disk, const DeviceSnapshot* now, const DiskWindow& window, const QueueMatrix& matrix,
                 Grain grain) {
  Json queues = Json::array();
  for (const QueueView& view : queue_views(disk, now, &window)) {
    Json& queue = queues.emplace_back(Json{{"queue", view.queue}});
    put(queue, "requests_per_second", view.requests_rate);
    put(queue, "average_in_flight", view.average_inflight);
    queue["in_flight"] = view.inflight.requests;
    put(queue, "oldest_seconds", view.inflight.oldest_seconds);
    if (grain != Grain::kAll) continue;
    const auto bytes = static_cast<double>(bytes_of((*window.grown.queues)[view.queue]));
    put(queue, "bytes_per_second", bytes / window.measured.seconds);
    put_latencies(queue, window.grown, view.queue, view.at_device, view.before_issue);
  }
  for (const MatrixRow& row : matrix.rows) {
    if (!row.queue || *row.queue >= queues.size()) continue;
    queues[*row.queue]["submissions"] = counts_json(row.submissions);
    queues[*row.queue]["interrupts"] = counts_json(row.interrupts);
  }
  return queues;
}

Json disk_json(const Disk& disk, const DeviceSnapshot* now, const DiskWindow& window, Grain grain) {
  const DiskView view = disk_view(disk, now, &window);
  Json object = {{"name", disk.name}};
  if (view.inflight) {
    object["in_flight"] = view.inflight->requests;
    put(object, "oldest_seconds", view.inflight->oldest_seconds);
  }
  put(object, "requests_per_second", view.requests_rate);
  put(object, "bytes_per_second", view.bytes_rate);
  put(object, "average_in_flight", view.average_inflight);
  if (window.grown.queues) {
    std::uint64_t requests = 0, errors = 0;
    for (const OpLoad& op : window.measured.ops) requests += op.device.count(), errors += op.errors;
    object["requests"] = requests;
    if (errors > 0) object["errors"] = errors;
    put_latencies(object, window.grown, std::nullopt, view.at_device, view.before_issue);
  }
  if (view.time) object["time"] = time_json(*view.time);
  put(object, "interrupts_per_second", view.interrupts_rate);
  if (grain == Grain::kDisksWithoutCpus) return object;
  const QueueMatrix matrix = queue_matrix(window.measured);
  if (window.grown.queues) object["submissions"] = counts_json(matrix.submissions);
  object["interrupts"] = counts_json(matrix.interrupts);
  if (grain == Grain::kDisks) return object;
  object["queues"] = queues_json(disk, now, window, matrix, grain);
  for (const MatrixRow& row : matrix.rows)
    if (!row.queue) object["interrupts_of_several_queues"] = counts_json(row.interrupts);
  return object;
}

// By reason, and in the words that top has for it.
void put_losses(Json& object, const HistoryStep& step) {
  for (const Loss& loss : losses_between(step.earlier, step.later).value_or(std::vector<Loss>())) {
    object["lost"][std::string(kLossNames[loss.kind])] = loss.events;
    object["not_counted"].push_back(tell(loss));
  }
}

}  // namespace

std::string step_json(const HistoryStep& step, Grain grain, std::size_t most_disks) {
  const std::uint64_t milliseconds = step.realtime_ns / 1'000'000;
  Json object = {{"time", static_cast<double>(milliseconds) / 1e3},
                 {"seconds", rounded(static_cast<double>(step.later.time_ns - step.earlier.time_ns) / 1e9)}};
  put_losses(object, step);
  std::vector<std::pair<const Disk*, DiskWindow>> windows;
  for (const Disk& disk : step.topology.disks)
    if (auto window = disk_window(step.earlier, step.later, disk.name)) windows.emplace_back(&disk, std::move(*window));
  if (windows.size() > most_disks) {
    std::stable_sort(windows.begin(), windows.end(), [](const auto& a, const auto& b) {
      return a.second.measured.requests_rate > b.second.measured.requests_rate;
    });
    object["left_out_disks"] = windows.size() - most_disks;
    windows.resize(most_disks);
  }
  Json& disks = object["disks"] = Json::array();
  for (const auto& [disk, window] : windows)
    disks.push_back(disk_json(*disk, find_device(step.later, window.grown), window, grain));
  // Names come from sysfs, which promises no encoding.
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::size_t queues_of(const Topology& topology) {
  return std::accumulate(topology.disks.begin(), topology.disks.end(), std::size_t{0},
                         [](std::size_t sum, const Disk& disk) { return sum + disk.queues.size(); });
}

std::uint64_t step_seconds(const Topology& topology) {
  constexpr std::size_t kQueuesOfASecond = 256, kLongest = 16;
  return std::clamp<std::size_t>((queues_of(topology) + kQueuesOfASecond - 1) / kQueuesOfASecond, 1, kLongest);
}

}  // namespace vqscope
