// SPDX-License-Identifier: Apache-2.0
// All that a comparison has to say, before it is written in one of the formats. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/comparison/changes.h"
#include "agent/comparison/series.h"
#include "agent/comparison/time_change.h"
#include "agent/comparison/verdict.h"

namespace vqscope {

enum class Unit { kNone, kPerSecond, kBytes, kBytesPerSecond, kSeconds, kShare };

// "iops", "bytes_per_second": the unit as JSON names it.
std::string_view name_of(Unit unit);
std::string format_value(double value, Unit unit);

// Where less or more of something is good, a change that is certain and large enough is better or worse.
enum class Wish { kNone, kMore, kLess };

struct Row {
  std::string key;    // for programs: "device_latency_p99"
  std::string label;  // for people: "p99 at the device"
  Unit unit = Unit::kNone;
  std::optional<double> before, after;  // absent: not measured
  std::optional<Ratio> ratio;           // after / before with its confidence interval; absent where it has none
  std::string_view remark;              // "better", "worse", or nothing: less than the smallest effect or not certain
  std::optional<Difference> from_nothing = {};  // of a part of the time that was nothing on one side: after - before
  std::string cannot_tell = {};  // a sentence where the interval tells nothing, and what to record instead
};

struct OperationReport {
  std::string name;
  bool major = false;     // has at least a hundredth of the requests, before or after
  std::vector<Row> rows;  // the rate first
};

struct DeviceReport {
  std::string before, after;  // names
  Judgement judgement;
  TimeChange time;  // its sentence is empty where the verdict is that nothing changed, or none
  std::vector<Row> rows;
  std::vector<OperationReport> operations;
  std::vector<std::optional<double>> interrupts_before, interrupts_after;  // per second, by CPU; absent: no such CPU
};

// A finding of the diagnosis (agent/diagnosis) that holds on one side at least.
struct FindingChange {
  std::string id, title;
  std::string device;                     // its name after; empty: the whole guest
  std::optional<Severity> before, after;  // absent: does not hold there
};

struct SideReport {
  std::string file;
  RecordingHeader header;
  double begin = 0, seconds = 0;
  std::string vmm;
  std::size_t cpus = 0;
};

struct Comparison {
  SideReport before, after;
  std::vector<TopologyChange> changes;
  std::vector<FindingChange> findings;  // gone first, then new, then those that remain
  std::vector<DeviceReport> devices;
  std::vector<std::string> notes;
  std::vector<Row> guest;  // what its CPUs and tasks did
};

// Fails when no disk is on both sides.
Result<Comparison> compare_series(const Series& before, const Series& after,
                                  const std::vector<std::pair<std::string, std::string>>& renamed, double min_effect);

// Over all disks that were not idle: worse if one is worse, else not comparable if one is not or all were idle, else
// better if one is better.
Verdict overall(const Comparison& comparison);

}  // namespace vqscope
