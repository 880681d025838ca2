// SPDX-License-Identifier: Apache-2.0
// The names and labels that dashboards and alerts rely on, and what is absent when it was not measured.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "agent/model/losses.h"
#include "exporters/prometheus/model_families.h"

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Contract {
  MetricType type;
  std::vector<std::string> labels;
};

// The metric names of the design: adding is free, renaming is not.
const std::map<std::string, Contract>& contract() {
  static const std::map<std::string, Contract> names = {
      {"vqscope_request_queue_latency_seconds", {MetricType::kHistogram, {"device", "queue", "op"}}},
      {"vqscope_request_device_latency_seconds", {MetricType::kHistogram, {"device", "queue", "op"}}},
      {"vqscope_request_bytes_total", {MetricType::kCounter, {"device", "queue", "op"}}},
      {"vqscope_request_errors_total", {MetricType::kCounter, {"device", "queue", "op"}}},
      {"vqscope_device_errors_total", {MetricType::kCounter, {"device", "op"}}},
      {"vqscope_request_requeues_total", {MetricType::kCounter, {"device", "queue"}}},
      {"vqscope_queue_inflight", {MetricType::kGauge, {"device", "queue"}}},
      {"vqscope_queue_inflight_seconds_total", {MetricType::kCounter, {"device", "queue"}}},
      {"vqscope_queue_time_seconds_total", {MetricType::kCounter, {"device", "queue"}}},
      {"vqscope_queue_avgqu_sz", {MetricType::kGauge, {"device", "queue"}}},
      {"vqscope_queue_oldest_inflight_seconds", {MetricType::kGauge, {"device", "queue"}}},
      {"vqscope_queue_tags", {MetricType::kGauge, {"device", "queue"}}},
      {"vqscope_queue_completions_total", {MetricType::kCounter, {"device", "queue", "locality"}}},
      {"vqscope_completion_delay_seconds_total", {MetricType::kCounter, {"device", "queue", "locality"}}},
      {"vqscope_completion_cpu_seconds_total", {MetricType::kCounter, {"cpu", "context"}}},
      {"vqscope_lock_waits_total", {MetricType::kCounter, {"device", "queue", "lock"}}},
      {"vqscope_lock_wait_seconds_total", {MetricType::kCounter, {"device", "queue", "lock"}}},
      {"vqscope_lock_wait_longest_seconds", {MetricType::kGauge, {"device", "queue", "lock"}}},
      {"vqscope_submissions_total", {MetricType::kCounter, {"device", "cpu"}}},
      {"vqscope_irq_interrupts_total", {MetricType::kCounter, {"device", "queue", "irq", "cpu"}}},
      {"vqscope_irq_handler_seconds", {MetricType::kHistogram, {"device", "queue"}}},
      {"vqscope_irq_concentration_ratio", {MetricType::kGauge, {"device"}}},
      {"vqscope_irq_effective_cpus", {MetricType::kGauge, {"device"}}},
      {"vqscope_submission_effective_cpus", {MetricType::kGauge, {"device"}}},
      {"vqscope_virtqueue_notify_seconds", {MetricType::kHistogram, {"device", "queue"}}},
      {"vqscope_device_info",
       {MetricType::kGauge, {"device", "driver", "transport", "bus_id", "scheduler", "vmm", "layer"}}},
      {"vqscope_device_queues", {MetricType::kGauge, {"device"}}},
      {"vqscope_online_cpus", {MetricType::kGauge, {}}},
      {"vqscope_finding", {MetricType::kGauge, {"device", "finding", "severity"}}},
      {"vqscope_probe_up", {MetricType::kGauge, {"probe"}}},
      {"vqscope_probe_lost_events_total", {MetricType::kCounter, {"reason"}}},
  };
  return names;
}

Histogram histogram(std::uint64_t count) {
  Histogram result;
  result.set(40, count);
  result.sum_ns = count * 15'000;
  return result;
}

OpCounters op(std::uint64_t count) { return {histogram(count), histogram(count), count * 4096, 1}; }

// vda: all measured, two queues. sda: two queues on a line that serves both, nothing seen but interrupts, no probes.
Model model() {
  Model result;
  result.online_cpus = {0, 1, 3};
  result.vmm = "qemu";
  result.probes = {{"block", true, "", 2}, {"irq", true, "", 3}, {"notify", false, "no fentry", std::nullopt}};
  result.losses.emplace().fill(0);
  (*result.losses)[VQS_LOST_STALE_SLOT] = 9;
  result.completion_cpus = {{2'000'000'000, 500'000'000}, {0, 0}, {0, 250'000'000}};
  result.findings = {{"vda", "single_queue", "critical"}, {"", "steal", "warning"}};

  DeviceModel vda;
  vda.disk = {"vda",
              1,
              "virtio_blk",
              "virtio-pci",
              "0000:00:02.0",
              "none",
              {{0, {0, 1}, 128}, {1, {2, 3}, 128}},
              256,
              {{26, 0, "virtio1-req.0"}, {27, 1, "virtio1-req.1"}},
              VirtioDevice{1, 0}};
  vda.counters.name = "vda";
  vda.counters.instance = 1;
  auto& queues = vda.counters.queues.emplace(2);
  queues[0].ops[VQS_READ] = op(5);
  queues[0].ops[VQS_FLUSH] = op(2);
  queues[0].ops[VQS_FLUSH]->queue = {};  // without a start time
  queues[0].origins = {{4, 1, 0}, {0, 2, 0}, {0, 0, 0}};
  queues[0].delay = CompletionDelay{1'500'000'000, 250'000'000};
  queues[0].requeues = 6;
  queues[0].inflight_ns = 2'500'000'000;
  queues[0].time_ns = 3'000'000'000;
  queues[0].inflight = 3;
  queues[0].oldest_ns = 40'000'000;
  queues[1].ops[VQS_WRITE] = op(7);
  queues[1].origins = {{0, 0, 0}, {0, 0, 7}, {0, 0, 0}};  // no interrupt known
  vda.counters.vectors = {{{26, 0, "virtio1-req.0"}, {11, 0, 0}, histogram(11)},
                          {{27, 1, "virtio1-req.1"}, {0, 0, 0}, Histogram{}}};
  vda.counters.notifies = {histogram(8), {}, Histogram{}};
  vda.counters.locks = {
      {"queue", 0, 4, 2'000'000, 1'500'000}, {"queue", 1, 0, 0, {}}, {"elevator", {}, 3, 9'000, 5'000}};
  vda.handlers[0] = histogram(11);
  vda.handlers[1] = {};
  vda.avgqu_sz = {1.5, std::nullopt};
  vda.irq_concentration = 1;
  vda.irq_effective_cpus = 1;
  vda.submission_effective_cpus = 1.75;

  DeviceModel sda;
  sda.disk = {"sda",
              2,
              "ahci",
              "ata",
              "0000:00:1f.2",
              "mq-deadline",
              {{0, {0}, std::nullopt}, {1, {1}, std::nullopt}},
              std::nullopt,
              {{30, std::nullopt, "ahci"}},
              std::nullopt};
  sda.counters.name = "sda";
  sda.counters.instance = 2;
  sda.counters.accounting.emplace().time_ns = 7'000'000'000;
  sda.counters.accounting->inflight = 4;
  sda.counters.vectors = {{{30, std::nullopt, "ahci"}, {0, 5, 0, 2}, {}}};
  sda.handlers[std::nullopt] = histogram(7);

  result.devices.push_back(std::move(vda));
  result.devices.push_back(std::move(sda));
  return result;
}

// A family's samples as "label=value,... number", histograms by their count; empty when there is no such family.
std::vector<std::string> samples(const Model& source, const std::string& name) {
  std::vector<std::string> lines;
  for (const Family& family : model_families(source)) {
    if (family.name != name) continue;
    for (const Sample& sample : family.samples) {
      std::ostringstream line;
      for (const Label& label : sample.labels)
        line << (&label == sample.labels.data() ? "" : ",") << label.name << "=" << label.value;
      line << (sample.labels.empty() ? "" : " ");
      if (sample.histogram != nullptr)
        line << sample.histogram->count();
      else
        line << sample.value;
      lines.push_back(line.str());
    }
  }
  return lines;
}

TEST(ModelFamilies, AFullModelHasEveryNameOfTheContractAndNoOther) {
  std::set<std::string> expected, found;
  for (const auto& [name, unused] : contract()) expected.insert(name);
  for (const Family& family : model_families(model())) EXPECT_TRUE(found.insert(family.name).second) << family.name;
  EXPECT_EQ(found, expected);
}

TEST(ModelFamilies, TypesAndLabelsAreThoseOfTheContract) {
  for (const Family& family : model_families(model())) {
    SCOPED_TRACE(family.name);
    ASSERT_TRUE(contract().contains(family.name));
    const Contract& expected = contract().at(family.name);
    EXPECT_EQ(family.type, expected.type);
    EXPECT_FALSE(family.help.empty());
    for (const Sample& sample : family.samples) {
      std::vector<std::string> labels;
      for (const Label& label : sample.labels) labels.emplace_back(label.name);
      EXPECT_EQ(labels, expected.labels);
      EXPECT_EQ(sample.histogram != nullptr, expected.type == MetricType::kHistogram);
    }
  }
}

TEST(ModelFamilies, CountersEndInTotalAndNothingElseDoes) {
  for (const Family& family : model_families(model()))
    EXPECT_EQ(family.name.ends_with("_total"), family.type == MetricType::kCounter) << family.name;
}

TEST(ModelFamilies, NoTwoSamplesOfAFamilyHaveTheSameLabels) {
  for (const Family& family : model_families(model())) {
    std::set<std::vector<std::pair<std::string, std::string>>> seen;
    for (const Sample& sample : family.samples) {
      std::vector<std::pair<std::string, std::string>> labels;
      for (const Label& label : sample.labels) labels.emplace_back(label.name, label.value);
      EXPECT_TRUE(seen.insert(labels).second) << family.name;
    }
  }
}

TEST(ModelFamilies, NoneIsWithoutSamples) {
  for (const Model& source : {model(), Model{}})
    for (const Family& family : model_families(source)) EXPECT_FALSE(family.samples.empty()) << family.name;
}

TEST(ModelFamilies, OfAnEmptyModelAreOnlyTheGuestsOwn) {
  std::vector<std::string> names;
  for (const Family& family : model_families(Model{})) names.push_back(family.name);
  EXPECT_THAT(names, ElementsAre("vqscope_online_cpus"));
}

TEST(ModelFamilies, OperationsThatWereNotSeenAreAbsent) {
  EXPECT_THAT(samples(model(), "vqscope_request_bytes_total"),
              ElementsAre("device=vda,queue=0,op=read 20480", "device=vda,queue=0,op=flush 8192",
                          "device=vda,queue=1,op=write 28672"));
  EXPECT_THAT(
      samples(model(), "vqscope_request_errors_total"),
      ElementsAre("device=vda,queue=0,op=read 1", "device=vda,queue=0,op=flush 1", "device=vda,queue=1,op=write 1"));
  EXPECT_THAT(
      samples(model(), "vqscope_request_device_latency_seconds"),
      ElementsAre("device=vda,queue=0,op=read 5", "device=vda,queue=0,op=flush 2", "device=vda,queue=1,op=write 7"));
}

TEST(ModelFamilies, ErrorsAreAbsentUntilThereAreSomeButNotThoseOfTheDisk) {
  Model source = model();
  auto& queues = *source.devices[0].counters.queues;
  for (auto& queue : queues)
    for (auto& op : queue.ops)
      if (op) op->errors = 0;
  EXPECT_THAT(samples(source, "vqscope_request_errors_total"), IsEmpty());
  EXPECT_THAT(samples(source, "vqscope_device_errors_total"),
              ElementsAre("device=vda,op=read 0", "device=vda,op=write 0", "device=vda,op=flush 0"));
  queues[1].ops[VQS_WRITE]->errors = 2;
  queues[0].ops[VQS_WRITE] = op(1);
  EXPECT_THAT(samples(source, "vqscope_request_errors_total"),
              ElementsAre("device=vda,queue=0,op=write 1", "device=vda,queue=1,op=write 2"));
  EXPECT_THAT(samples(source, "vqscope_device_errors_total"),
              ElementsAre("device=vda,op=read 0", "device=vda,op=write 3", "device=vda,op=flush 0"));
}

TEST(ModelFamilies, HistogramsWithoutObservationsAreAbsent) {
  EXPECT_THAT(samples(model(), "vqscope_request_queue_latency_seconds"),
              ElementsAre("device=vda,queue=0,op=read 5", "device=vda,queue=1,op=write 7"));
  EXPECT_THAT(samples(model(), "vqscope_irq_handler_seconds"),
              ElementsAre("device=vda,queue=0 11", "device=sda,queue= 7"));
  EXPECT_THAT(samples(model(), "vqscope_virtqueue_notify_seconds"), ElementsAre("device=vda,queue=0 8"));
}

TEST(ModelFamilies, EveryOperationHasItsName) {
  Model source = model();
  for (auto& counters : source.devices[0].counters.queues->at(0).ops) counters = op(1);
  source.devices[0].counters.queues->at(1).ops = {};
  EXPECT_THAT(
      samples(source, "vqscope_request_errors_total"),
      ElementsAre("device=vda,queue=0,op=read 1", "device=vda,queue=0,op=write 1", "device=vda,queue=0,op=flush 1",
                  "device=vda,queue=0,op=discard 1", "device=vda,queue=0,op=other 1"));
}

TEST(ModelFamilies, FindingsThatHoldAreOneAndOthersAreAbsent) {
  EXPECT_THAT(samples(model(), "vqscope_finding"), ElementsAre("device=vda,finding=single_queue,severity=critical 1",
                                                               "device=,finding=steal,severity=warning 1"));
}

TEST(ModelFamilies, QueuesAreInBaseUnitsAndWhatIsAbsentIsAbsent) {
  EXPECT_THAT(samples(model(), "vqscope_queue_inflight"),
              ElementsAre("device=vda,queue=0 3", "device=vda,queue=1 0", "device=sda,queue= 4"));
  EXPECT_THAT(samples(model(), "vqscope_queue_inflight_seconds_total"),
              ElementsAre("device=vda,queue=0 2.5", "device=vda,queue=1 0"));
  EXPECT_THAT(samples(model(), "vqscope_queue_time_seconds_total"),
              ElementsAre("device=vda,queue=0 3", "device=vda,queue=1 0", "device=sda,queue= 7"));
  EXPECT_THAT(samples(model(), "vqscope_queue_avgqu_sz"), ElementsAre("device=vda,queue=0 1.5"));
  EXPECT_THAT(samples(model(), "vqscope_queue_oldest_inflight_seconds"), ElementsAre("device=vda,queue=0 0.04"));
  EXPECT_THAT(samples(model(), "vqscope_queue_tags"), ElementsAre("device=vda,queue=0 128", "device=vda,queue=1 128"));
  EXPECT_THAT(samples(model(), "vqscope_request_requeues_total"), ElementsAre("device=vda,queue=0 6"));
}

TEST(ModelFamilies, WithoutTheBlockProbeTheDeviceAsAWholeHasAnAverage) {
  Model source = model();
  source.devices[1].accounted_avgqu_sz = 2.25;
  EXPECT_THAT(samples(source, "vqscope_queue_avgqu_sz"),
              ElementsAre("device=vda,queue=0 1.5", "device=sda,queue= 2.25"));
}

TEST(ModelFamilies, CompletionsAreAbsentWhereNoInterruptIsKnown) {
  EXPECT_THAT(samples(model(), "vqscope_queue_completions_total"),
              ElementsAre("device=vda,queue=0,locality=local 4", "device=vda,queue=0,locality=cross_cpu 3"));
}

TEST(ModelFamilies, DelaysOfCompletionsAreAbsentWhereThereIsNoInterruptOrNoneOfThatKind) {
  EXPECT_THAT(samples(model(), "vqscope_completion_delay_seconds_total"),
              ElementsAre("device=vda,queue=0,locality=local 1.5", "device=vda,queue=0,locality=cross_cpu 0.25"));
  Model local = model();
  local.devices[0].counters.queues->at(0).delay->cross_ns = 0;
  EXPECT_THAT(samples(local, "vqscope_completion_delay_seconds_total"),
              ElementsAre("device=vda,queue=0,locality=local 1.5"));
}

TEST(ModelFamilies, TimeOnCompletionsIsThatOfCpusThatSpentSome) {
  EXPECT_THAT(samples(model(), "vqscope_completion_cpu_seconds_total"),
              ElementsAre("cpu=0,context=hardirq 2", "cpu=0,context=softirq 0.5", "cpu=2,context=softirq 0.25"));
}

TEST(ModelFamilies, WaitsForLocksAreAbsentUntilThereWereSome) {
  EXPECT_THAT(samples(model(), "vqscope_lock_waits_total"),
              ElementsAre("device=vda,queue=0,lock=queue 4", "device=vda,queue=,lock=elevator 3"));
  EXPECT_THAT(samples(model(), "vqscope_lock_wait_seconds_total"),
              ElementsAre("device=vda,queue=0,lock=queue 0.002", "device=vda,queue=,lock=elevator 9e-06"));
  EXPECT_THAT(samples(model(), "vqscope_lock_wait_longest_seconds"),
              ElementsAre("device=vda,queue=0,lock=queue 0.0015", "device=vda,queue=,lock=elevator 5e-06"));
}

TEST(ModelFamilies, SubmissionsAreThoseOfCpusThatSubmitted) {
  EXPECT_THAT(samples(model(), "vqscope_submissions_total"), ElementsAre("device=vda,cpu=0 5", "device=vda,cpu=1 9"));
}

TEST(ModelFamilies, InterruptsAreThoseOfCpusThatTookThem) {
  EXPECT_THAT(samples(model(), "vqscope_irq_interrupts_total"),
              ElementsAre("device=vda,queue=0,irq=26,cpu=0 11", "device=sda,queue=,irq=30,cpu=1 5",
                          "device=sda,queue=,irq=30,cpu=3 2"));
}

TEST(ModelFamilies, SpreadOfAnIdleDiskIsAbsent) {
  EXPECT_THAT(samples(model(), "vqscope_irq_concentration_ratio"), ElementsAre("device=vda 1"));
  EXPECT_THAT(samples(model(), "vqscope_irq_effective_cpus"), ElementsAre("device=vda 1"));
  EXPECT_THAT(samples(model(), "vqscope_submission_effective_cpus"), ElementsAre("device=vda 1.75"));
  Model idle = model();
  idle.devices[0].irq_concentration.reset();
  EXPECT_THAT(samples(idle, "vqscope_irq_concentration_ratio"), IsEmpty());
}

TEST(ModelFamilies, TellWhoTheDisksAreAndTheTwoNumbersThatShouldMatch) {
  EXPECT_THAT(
      samples(model(), "vqscope_device_info"),
      ElementsAre(
          "device=vda,driver=virtio_blk,transport=virtio-pci,bus_id=0000:00:02.0,scheduler=none,vmm=qemu,layer=base 1",
          "device=sda,driver=ahci,transport=ata,bus_id=0000:00:1f.2,scheduler=mq-deadline,vmm=qemu,layer=base 1"));
  EXPECT_THAT(samples(model(), "vqscope_device_queues"), ElementsAre("device=vda 2", "device=sda 2"));
  EXPECT_THAT(samples(model(), "vqscope_online_cpus"), ElementsAre("3"));
}

TEST(ModelFamilies, TellWhatADiskIsMadeOfAndWhatLiesOnIt) {
  Model stacked = model();
  stacked.devices[0].disk.stacking = {Layer{"dm-3", "mpatha", "mpath"}, {"sdb", "sdc"}, {}};
  std::vector<Layer> volumes;
  for (int i = 0; i < 18; ++i)
    volumes.push_back({"dm-" + std::to_string(i), i == 0 ? "" : "v" + std::to_string(i), ""});
  stacked.devices[1].disk.stacking.holders = volumes;
  EXPECT_THAT(samples(stacked, "vqscope_device_info"),
              ElementsAre("device=vda,driver=virtio_blk,transport=virtio-pci,bus_id=0000:00:02.0,scheduler=none,"
                          "vmm=qemu,layer=stacked,dm_name=mpatha,dm_type=mpath,stacked_on=sdb,sdc 1",
                          "device=sda,driver=ahci,transport=ata,bus_id=0000:00:1f.2,scheduler=mq-deadline,vmm=qemu,"
                          "layer=base,holders=dm-0,v1,v2,v3,v4,v5,v6,v7,v8,v9,v10,v11,v12,v13,v14,v15,+2 1"));
}

TEST(ModelFamilies, TellWhichProbesRunAndWhatWasLost) {
  EXPECT_THAT(samples(model(), "vqscope_probe_up"), ElementsAre("probe=block 1", "probe=irq 1", "probe=notify 0"));
  EXPECT_THAT(samples(model(), "vqscope_probe_lost_events_total"),
              ElementsAre("reason=in_flight_at_attach 0", "reason=unmatched_completion 0", "reason=stale_slot 9",
                          "reason=no_room 0", "reason=queue_out_of_range 0", "reason=tag_out_of_range 0",
                          "reason=notify_nesting 0", "reason=missed_interrupt 0", "reason=lock_wait 0",
                          "reason=program_recursion 5"));
}

TEST(ModelFamilies, LossesAreAbsentWithoutBpf) {
  Model source = model();
  source.losses.reset();
  for (ProbeStatus& probe : source.probes) probe.missed_runs.reset();
  EXPECT_THAT(samples(source, "vqscope_probe_lost_events_total"), IsEmpty());
}

TEST(ModelFamilies, HistogramsAreReferredToNotCopied) {
  const Model source = model();
  const auto families = model_families(source);
  const auto latency = std::find_if(families.begin(), families.end(), [](const Family& family) {
    return family.name == "vqscope_request_device_latency_seconds";
  });
  ASSERT_NE(latency, families.end());
  EXPECT_EQ(latency->samples.at(0).histogram, &source.devices[0].counters.queues->at(0).ops[VQS_READ]->device);
}

TEST(LossNames, AreAllDifferent) {
  const std::set<std::string_view> names(kLossNames.begin(), kLossNames.end());
  EXPECT_EQ(names.size(), static_cast<std::size_t>(VQS_LOSSES));
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace vqscope
