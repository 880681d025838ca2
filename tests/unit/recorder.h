// SPDX-License-Identifier: Apache-2.0
// Recordings of guests that never were.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "agent/recording/codec.h"
#include "guest.h"
#include "readings.h"

namespace vqscope::test {

inline constexpr unsigned kCpus = 4;

// A guest whose disk does `rate` reads a second, which take `latency_ns` each.
class Recorder {
 public:
  explicit Recorder(unsigned queues) : reading_(quiet_reading(queues, kCpus)) {
    header_.boot_id = "boot";
    header_.kernel_release = "6.1.0";
    header_.started_realtime_ns = 1'700'000'000'000'000'000;
  }

  // Takes `count` readings a second apart, the first at once.
  Recorder& record(int count, std::uint64_t rate, std::uint64_t latency_ns) {
    bytes_ += encoder_.begin(header_);
    for (int i = 0; i < count; ++i) {
      if (i > 0) pass_second(rate + static_cast<std::uint64_t>(i % 7), latency_ns);
      bytes_ += encoder_.add(reading_);
    }
    return *this;
  }

  Recorder& rename_disk(const std::string& name) {
    reading_.topology.disks[0].name = reading_.snapshot.devices[0].name = name;
    return *this;
  }
  Recorder& boot(const std::string& id) {
    header_.boot_id = id;
    reading_ = quiet_reading(static_cast<unsigned>(reading_.topology.disks[0].queues.size()), kCpus);
    return *this;
  }
  // Another vqscope, which counts anew, 3 s later.
  Recorder& restart(const std::string& version) {
    const std::uint64_t now = reading_.snapshot.time_ns + 3'000'000'000;
    header_.counting_since_ns = now;
    header_.vqscope_version = version;
    reading_ = quiet_reading(static_cast<unsigned>(reading_.topology.disks[0].queues.size()), kCpus);
    reading_.snapshot.time_ns = now;
    return *this;
  }
  Reading& reading() { return reading_; }
  [[nodiscard]] const RecordingHeader& header() const { return header_; }
  Recorder& add_reading() {
    bytes_ += encoder_.add(reading_);
    return *this;
  }
  // From now on every request is `ns` in completion, on another vCPU than its own.
  Recorder& complete_in(std::uint64_t ns) {
    completion_ns_ = ns;
    return *this;
  }
  void pass_second(std::uint64_t rate, std::uint64_t latency_ns) {
    reading_.snapshot.time_ns += 1'000'000'000;
    for (DeviceSnapshot& device : reading_.snapshot.devices) {
      const std::uint64_t each = rate / device.queues->size();
      for (std::size_t q = 0; q < device.queues->size(); ++q) {
        QueueCounters& queue = (*device.queues)[q];
        if (!queue.ops[VQS_READ]) queue.ops[VQS_READ].emplace();
        OpCounters& op = *queue.ops[VQS_READ];
        for (std::size_t cell = 90; cell < 100; ++cell) op.device.add(cell, each / 10);
        const std::uint64_t done = each / 10 * 10;
        op.device.sum_ns += done * latency_ns;
        op.queue.add(0, done);
        op.bytes += done * 4096;
        queue.device_ns += done * latency_ns;
        queue.inflight_ns += done * latency_ns;
        queue.time_ns += done * latency_ns;
        if (completion_ns_ > 0)
          queue.delay = {0, queue.delay.value_or(CompletionDelay{}).cross_ns + done * completion_ns_};
        for (std::size_t cpu = q; cpu < kCpus; cpu += device.queues->size())
          queue.origins[cpu].cross += done / (kCpus / device.queues->size());
        device.vectors[q].per_cpu[q] += done / 2;
      }
    }
  }

  std::filesystem::path save(const std::string& name = "file.vqr") const {
    const auto path = folder_.path() / name;
    std::ofstream(path, std::ios::binary) << bytes_;
    return path;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  TemporaryFolder folder_;
  RecordingHeader header_;
  Reading reading_;
  RecordingEncoder encoder_;
  std::string bytes_;
  std::uint64_t completion_ns_ = 0;
};

}  // namespace vqscope::test
