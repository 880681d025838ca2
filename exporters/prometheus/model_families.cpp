// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/model_families.h"

#include <algorithm>
#include <array>
#include <deque>

#include "agent/model/losses.h"
#include "agent/model/operations.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

double number(std::uint64_t value) { return static_cast<double>(value); }

// Collects samples family by family, in the order of declaration.
class Builder {
 public:
  std::vector<Sample>& counter(const char* name, const char* help) { return add(name, help, MetricType::kCounter); }
  std::vector<Sample>& gauge(const char* name, const char* help) { return add(name, help, MetricType::kGauge); }
  std::vector<Sample>& histogram(const char* name, const char* help) { return add(name, help, MetricType::kHistogram); }

  std::vector<Family> finish() {
    std::vector<Family> families;
    for (Family& family : families_)
      if (!family.samples.empty()) families.push_back(std::move(family));
    return families;
  }

 private:
  std::vector<Sample>& add(const char* name, const char* help, MetricType type) {
    return families_.emplace_back(Family{name, help, type, {}}).samples;
  }

  std::deque<Family> families_;  // callers hold references while others are added
};

Labels queue_labels(const DeviceModel& device, std::uint32_t queue) {
  return {{"device", device.disk.name}, {"queue", std::to_string(queue)}};
}

// Of what serves several queues it is empty.
std::string queue_label(std::optional<std::uint32_t> queue) { return queue ? std::to_string(*queue) : std::string(); }

// An operation that was seen on a queue.
struct MeasuredOp {
  Labels labels;
  const OpCounters& counters;
};

// A measured hardware queue, with the labels that it has in every family.
struct MeasuredQueue {
  const DeviceModel& device;
  std::uint32_t index;
  const QueueCounters& counters;
  Labels labels;
  std::vector<MeasuredOp> ops;
};

std::vector<MeasuredQueue> measured_queues(const Model& model) {
  std::vector<MeasuredQueue> measured;
  std::size_t queues = 0;
  for (const DeviceModel& device : model.devices) queues += device.disk.queues.size();
  measured.reserve(queues);
  for (const DeviceModel& device : model.devices) {
    if (!device.counters.queues) continue;
    for (const HardwareQueue& queue : device.disk.queues) {
      if (queue.index >= device.counters.queues->size()) continue;
      const QueueCounters& counters = (*device.counters.queues)[queue.index];
      MeasuredQueue& added =
          measured.emplace_back(MeasuredQueue{device, queue.index, counters, queue_labels(device, queue.index), {}});
      added.ops.reserve(VQS_OPS);
      for (std::size_t op = 0; op < VQS_OPS; ++op)
        if (counters.ops[op])
          added.ops.push_back({Labels(added.labels, {"op", std::string(kOperationNames[op])}), *counters.ops[op]});
    }
  }
  return measured;
}

// Failed requests of a disk by operation.
void add_errors(const DeviceModel& device, std::vector<Sample>& samples) {
  if (!device.counters.queues) return;
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    std::optional<std::uint64_t> errors;
    for (const QueueCounters& queue : *device.counters.queues)
      if (queue.ops[op]) errors = errors.value_or(0) + queue.ops[op]->errors;
    if (errors)
      samples.push_back({{{"device", device.disk.name}, {"op", std::string(kOperationNames[op])}}, number(*errors)});
  }
}

void add_requests(const Model& model, std::span<const MeasuredQueue> queues, Builder& builder) {
  // Calls visit(MeasuredOp) for each operation of each queue.
  const auto each_op = [queues](auto visit) {
    for (const MeasuredQueue& queue : queues)
      for (const MeasuredOp& op : queue.ops) visit(op);
  };
  auto& queue_latency = builder.histogram(
      "vqscope_request_queue_latency_seconds",
      "Time of completed requests from their start to their issue to the driver (Q2D): spent inside the guest.");
  each_op([&](const MeasuredOp& op) {
    if (!op.counters.queue.empty()) queue_latency.push_back({op.labels, 0, &op.counters.queue});
  });
  auto& device_latency = builder.histogram(
      "vqscope_request_device_latency_seconds",
      "Time of completed requests from their issue to the driver to their completion (D2C): the host, and the "
      "completion delay in the guest.");
  each_op([&](const MeasuredOp& op) {
    if (!op.counters.device.empty()) device_latency.push_back({op.labels, 0, &op.counters.device});
  });
  auto& bytes = builder.counter("vqscope_request_bytes_total", "Bytes of requests completed without error.");
  each_op([&](const MeasuredOp& op) { bytes.push_back({op.labels, number(op.counters.bytes)}); });
  // What hardly ever happens would be a third of all counters, every one of them 0, so it is absent until it happens.
  // The first time is then no growth to rate() or increase(): of an error that must not be missed, the counter of the
  // disk begins at 0.
  auto& errors = builder.counter("vqscope_request_errors_total",
                                 "Requests completed with an error; absent while there was none, so that alerts had "
                                 "better watch vqscope_device_errors_total.");
  each_op([&](const MeasuredOp& op) {
    if (op.counters.errors > 0) errors.push_back({op.labels, number(op.counters.errors)});
  });
  auto& device_errors = builder.counter("vqscope_device_errors_total",
                                        "Requests completed with an error, on all queues of the disk; 0 from the "
                                        "first request of the operation on.");
  for (const DeviceModel& device : model.devices) add_errors(device, device_errors);
  auto& requeues = builder.counter("vqscope_request_requeues_total",
                                   "Requests that the driver pushed back; absent while there was none.");
  for (const MeasuredQueue& queue : queues)
    if (queue.counters.requeues > 0) requeues.push_back({queue.labels, number(queue.counters.requeues)});
}

void add_queues(const Model& model, std::span<const MeasuredQueue> queues, Builder& builder) {
  auto& inflight =
      builder.gauge("vqscope_queue_inflight",
                    "Requests issued to the driver and not completed, now; queue=\"\" is the whole device, "
                    "where only the kernel's own accounting is known.");
  auto& integral = builder.counter(
      "vqscope_queue_inflight_seconds_total",
      "Time integral of in-flight: its rate() is the exact average number of requests at the device, stuck ones "
      "included.");
  auto& time = builder.counter("vqscope_queue_time_seconds_total",
                               "Time from start to completion of completed requests, as the kernel accounts it: its "
                               "rate() is iostat's aqu-sz.");
  auto& avgqu = builder.gauge("vqscope_queue_avgqu_sz",
                              "Average queue size over the agent's trailing window: iostat's aqu-sz, plus "
                              "requests that hang.");
  auto& oldest = builder.gauge("vqscope_queue_oldest_inflight_seconds",
                               "Age of the oldest request in flight; absent when there is none.");
  for (const MeasuredQueue& queue : queues) {
    const QueueCounters& counters = queue.counters;
    inflight.push_back({queue.labels, number(counters.inflight)});
    integral.push_back({queue.labels, seconds(counters.inflight_ns)});
    time.push_back({queue.labels, seconds(counters.time_ns)});
    if (const auto& average = queue.device.avgqu_sz[queue.index]) avgqu.push_back({queue.labels, *average});
    if (counters.oldest_ns) oldest.push_back({queue.labels, seconds(*counters.oldest_ns)});
  }
  for (const DeviceModel& device : model.devices) {
    if (!device.counters.accounting) continue;
    const Labels labels = {{"device", device.disk.name}, {"queue", ""}};
    inflight.push_back({labels, number(device.counters.accounting->inflight)});
    time.push_back({labels, seconds(device.counters.accounting->time_ns)});
    if (device.accounted_avgqu_sz) avgqu.push_back({labels, *device.accounted_avgqu_sz});
  }
  auto& tags = builder.gauge("vqscope_queue_tags", "Requests that the hardware queue can hold.");
  for (const DeviceModel& device : model.devices)
    for (const HardwareQueue& queue : device.disk.queues)
      if (queue.tags) tags.push_back({queue_labels(device, queue.index), number(*queue.tags)});

  auto& completions =
      builder.counter("vqscope_queue_completions_total",
                      "Completed requests: local if the vCPU that submitted them took the queue's last interrupt, "
                      "cross_cpu if another did.");
  for (const MeasuredQueue& queue : queues) {
    OriginCounters sum;
    for (const OriginCounters& origin : queue.counters.origins) {
      sum.local += origin.local;
      sum.cross += origin.cross;
    }
    if (sum.local + sum.cross == 0) continue;
    for (const auto& [locality, value] : {std::pair("local", sum.local), std::pair("cross_cpu", sum.cross)})
      completions.push_back({Labels(queue.labels, {"locality", locality}), number(value)});
  }
  auto& delays = builder.counter(
      "vqscope_completion_delay_seconds_total",
      "Time of completed requests in the guest between the interrupt and the completion: from the entry of the handler "
      "of the queue's last interrupt, or from the issue if that was later. An upper bound, but for requests before "
      "whose "
      "completion the next interrupt came, which is then the last: the device may have been "
      "done with a request only after that handler had begun. What is left of "
      "vqscope_request_device_latency_seconds is the time at the host.");
  for (const MeasuredQueue& queue : queues)
    if (const auto& delay = queue.counters.delay)
      for (const auto& [locality, ns] : {std::pair("local", delay->local_ns), std::pair("cross_cpu", delay->cross_ns)})
        if (ns > 0) delays.push_back({Labels(queue.labels, {"locality", locality}), seconds(ns)});
  auto& submissions =
      builder.counter("vqscope_submissions_total", "Completed requests by the vCPU that submitted them.");
  for (const DeviceModel& device : model.devices) {
    const std::vector<std::uint64_t> cpus = submissions_per_cpu(device.counters);
    for (std::size_t cpu = 0; cpu < cpus.size(); ++cpu)
      if (cpus[cpu] > 0)
        submissions.push_back({{{"device", device.disk.name}, {"cpu", std::to_string(cpu)}}, number(cpus[cpu])});
  }
}

void add_interrupts(const Model& model, Builder& builder) {
  auto& interrupts = builder.counter("vqscope_irq_interrupts_total",
                                     "Interrupts of the disk by the vCPU that took them; queue=\"\" when one line "
                                     "serves several queues. Disks on one controller share its lines.");
  auto& handler = builder.histogram("vqscope_irq_handler_seconds", "Time in the hard interrupt handler.");
  auto& completion_cpus = builder.counter(
      "vqscope_completion_cpu_seconds_total",
      "Time that the vCPU spent on completions of disks: context=\"hardirq\" in the hard interrupt handlers of the "
      "measured disks, \"softirq\" in the BLOCK softirq, which serves all disks, without such handlers that "
      "interrupted it. Time in which the host ran something else instead of the vCPU is in it.");
  for (std::size_t cpu = 0; cpu < model.completion_cpus.size(); ++cpu) {
    const auto& [hardirq_ns, softirq_ns] = model.completion_cpus[cpu];
    for (const auto& [context, ns] : {std::pair("hardirq", hardirq_ns), std::pair("softirq", softirq_ns)})
      if (ns > 0) completion_cpus.push_back({{{"cpu", std::to_string(cpu)}, {"context", context}}, seconds(ns)});
  }
  auto& concentration = builder.gauge(
      "vqscope_irq_concentration_ratio",
      "Share of the disk's interrupts taken by its busiest vCPU over the trailing window; absent when idle.");
  auto& irq_cpus = builder.gauge("vqscope_irq_effective_cpus",
                                 "On how many vCPUs the disk's interrupts land in effect (inverse Simpson index) over "
                                 "the trailing window.");
  auto& submission_cpus = builder.gauge("vqscope_submission_effective_cpus",
                                        "From how many vCPUs the disk's requests come in effect (inverse Simpson "
                                        "index) over the trailing window.");
  auto& cost = builder.gauge(
      "vqscope_queue_cost_ratio",
      "Share of the requests' time over the trailing window, 0 to 1, that the guest spends because of how queues and "
      "interrupts are laid out: an upper bound, of the guest's side only; absent where it could not be measured.");
  for (const DeviceModel& device : model.devices) {
    const Label name = {"device", device.disk.name};
    for (const VectorCounters& vector : device.counters.vectors) {
      for (std::size_t cpu = 0; cpu < vector.per_cpu.size(); ++cpu)
        if (vector.per_cpu[cpu] > 0)
          interrupts.push_back({{name,
                                 {"queue", queue_label(vector.line.queue)},
                                 {"irq", std::to_string(vector.line.irq)},
                                 {"cpu", std::to_string(cpu)}},
                                number(vector.per_cpu[cpu])});
    }
    for (const auto& [queue, histogram] : device.handlers)
      if (!histogram.empty()) handler.push_back({{name, {"queue", queue_label(queue)}}, 0, &histogram});
    if (device.irq_concentration) concentration.push_back({{name}, *device.irq_concentration});
    if (device.irq_effective_cpus) irq_cpus.push_back({{name}, *device.irq_effective_cpus});
    if (device.submission_effective_cpus) submission_cpus.push_back({{name}, *device.submission_effective_cpus});
    if (device.queue_cost) cost.push_back({{name}, *device.queue_cost});
  }
  auto& notify = builder.histogram("vqscope_virtqueue_notify_seconds",
                                   "Duration of the queue's notification (kick), about the price of a VM exit. LUNs of "
                                   "one controller share its queues.");
  for (const DeviceModel& device : model.devices)
    for (std::size_t queue = 0; queue < device.counters.notifies.size(); ++queue)
      if (const auto& histogram = device.counters.notifies[queue]; histogram && !histogram->empty())
        notify.push_back({queue_labels(device, static_cast<std::uint32_t>(queue)), 0, &*histogram});
}

void add_locks(const Model& model, Builder& builder) {
  auto& waits = builder.counter(
      "vqscope_lock_waits_total",
      "Waits for a spin lock that requests of the disk take: lock=\"queue\" the driver's, of the virtqueue or "
      "submission queue, \"elevator\", \"dispatch\" blk-mq's own; queue=\"\" where one serves all queues; absent while "
      "there was none. Of those that queue for the lock: where locks are not paravirtual, the kernel does not tell of "
      "the "
      "first that waits. Disks on one controller share its queues' locks.");
  auto& seconds_waited = builder.counter("vqscope_lock_wait_seconds_total", "Time that these waits took.");
  auto& longest = builder.gauge("vqscope_lock_wait_longest_seconds",
                                "The longest of these waits since the agent was started. Milliseconds are those of a "
                                "vCPU that the host took away "
                                "while it waited, and say nothing of the lock.");
  for (const DeviceModel& device : model.devices) {
    for (const LockCounters& lock : device.counters.locks) {
      if (lock.waits == 0) continue;
      const Labels labels = {{"device", device.disk.name}, {"queue", queue_label(lock.queue)}, {"lock", lock.lock}};
      waits.push_back({labels, number(lock.waits)});
      seconds_waited.push_back({labels, seconds(lock.wait_ns)});
      if (lock.longest_ns) longest.push_back({labels, seconds(*lock.longest_ns)});
    }
  }
}

// "vg0-root,vg0-swap": a label stays short however many volumes there are.
std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 16;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) text += (i == 0 ? "" : ",") + names[i];
  return names.size() > kMost ? text + ",+" + std::to_string(names.size() - kMost) : text;
}

// Who the disk is. What there is none of has no label, which is the same to a query as an empty one.
Labels info_labels(const Disk& disk, const std::string& vmm) {
  std::vector<Label> labels = {{"device", disk.name},
                               {"driver", disk.driver},
                               {"transport", disk.transport},
                               {"bus_id", disk.bus_id},
                               {"scheduler", disk.scheduler},
                               {"vmm", vmm},
                               {"layer", disk.stacking.layer ? "stacked" : "base"}};
  const auto add = [&labels](const char* name, std::string value) {
    if (!value.empty()) labels.push_back({name, std::move(value)});
  };
  if (disk.stacking.layer) {
    add("dm_name", disk.stacking.layer->name);
    add("dm_type", disk.stacking.layer->kind);
    add("stacked_on", list_of(disk.stacking.made_of));
  }
  std::vector<std::string> holders;
  for (const Layer& holder : disk.stacking.holders)
    holders.push_back(holder.name.empty() ? holder.device : holder.name);
  add("holders", list_of(holders));
  return Labels(std::span<const Label>(labels));
}

void add_topology(const Model& model, Builder& builder) {
  auto& info = builder.gauge("vqscope_device_info",
                             "Who the disk is; always 1. Requests of a disk with layer=\"stacked\" are those of the "
                             "disks that it is stacked on, counted a second time.");
  auto& queues = builder.gauge("vqscope_device_queues", "Hardware queues of the disk; should match the online vCPUs.");
  for (const DeviceModel& device : model.devices) {
    const Disk& disk = device.disk;
    info.push_back({info_labels(disk, model.vmm), 1});
    queues.push_back({{{"device", disk.name}}, number(disk.queues.size())});
  }
  builder.gauge("vqscope_online_cpus", "Online vCPUs of the guest.").push_back({{}, number(model.online_cpus.size())});
}

void add_findings(const Model& model, Builder& builder) {
  auto& findings = builder.gauge("vqscope_finding",
                                 "A diagnosis that holds now, always 1; device=\"\" is the whole guest. `vqscope "
                                 "doctor` says more.");
  for (const ActiveFinding& active : model.findings)
    findings.push_back({{{"device", active.device}, {"finding", active.finding}, {"severity", active.severity}}, 1});
}

void add_probes(const Model& model, Builder& builder) {
  auto& up = builder.gauge("vqscope_probe_up", "Whether the probe is loaded and attached; the log says why not.");
  for (const ProbeStatus& probe : model.probes) up.push_back({{{"probe", probe.name}}, probe.up ? 1.0 : 0.0});
  auto& lost =
      builder.counter("vqscope_probe_lost_events_total", "Events that are missing from the other numbers, by reason.");
  if (model.losses)
    for (std::size_t i = 0; i < VQS_LOSSES; ++i)
      lost.push_back({{{"reason", std::string(kLossNames[i])}}, number((*model.losses)[i])});
  std::uint64_t missed = 0;
  bool known = false;
  for (const ProbeStatus& probe : model.probes) {
    known |= probe.missed_runs.has_value();
    missed += probe.missed_runs.value_or(0);
  }
  if (known) lost.push_back({{{"reason", "program_recursion"}}, number(missed)});
}

}  // namespace

std::vector<Family> model_families(const Model& model) {
  Builder builder;
  const std::vector<MeasuredQueue> queues = measured_queues(model);
  add_requests(model, queues, builder);
  add_queues(model, queues, builder);
  add_interrupts(model, builder);
  add_locks(model, builder);
  add_topology(model, builder);
  add_findings(model, builder);
  add_probes(model, builder);
  return builder.finish();
}

}  // namespace vqscope
