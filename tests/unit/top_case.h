// SPDX-License-Identifier: Apache-2.0
// Readings for `vqscope top`, and what it shows of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/commands/top/frame.h"
#include "agent/commands/top/player.h"
#include "agent/model/buckets.h"
#include "tests/unit/readings.h"

namespace vqscope::test {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kStart = 1'800'000'000 * kSecond;  // 2027-01-15 08:00:00 UTC

// Readings of one guest, a second apart.
class Readings {
 public:
  explicit Readings(unsigned queues = 2, unsigned cpus = 0) : reading_(quiet_reading(queues, cpus)) {
    header_.started_realtime_ns = kStart;
    header_.started_monotonic_ns = reading_.snapshot.time_ns;
    header_.counting_since_ns = 1;
    header_.boot_id = "boot";
  }

  Reading& reading() { return reading_; }
  RecordingHeader& header() { return header_; }

  // So many reads on a queue in the second that ends with the next reading.
  void read(std::size_t queue, std::uint64_t count, std::uint64_t device_ns, std::size_t disk = 0) {
    QueueCounters& counters = (*reading_.snapshot.devices[disk].queues)[queue];
    if (!counters.ops[VQS_READ]) counters.ops[VQS_READ].emplace();
    counters.ops[VQS_READ]->device.add(cell_of(device_ns), count);
    counters.ops[VQS_READ]->device.sum_ns += count * device_ns;
    counters.ops[VQS_READ]->bytes += count << 20;
    counters.device_ns += count * device_ns;
    counters.inflight_ns += count * device_ns;
    counters.origins[0].local += count;
  }

  void add_disk(const std::string& name) {
    reading_.topology.disks.push_back(reading_.topology.disks.front());
    reading_.snapshot.devices.push_back(reading_.snapshot.devices.front());
    reading_.topology.disks.back().name = reading_.snapshot.devices.back().name = name;
  }

  DecodedSnapshot next() {
    DecodedSnapshot snapshot{header_, reading_};
    reading_.snapshot.time_ns += kSecond;
    return snapshot;
  }

 private:
  Reading reading_;
  RecordingHeader header_;
};

inline constexpr Canvas kTerminal{80, 24, false};

inline std::vector<std::string> text_of(const Frame& frame) {
  std::vector<std::string> rows;
  for (const TextLine& row : frame.lines) rows.push_back(text_of(row));
  return rows;
}

inline std::vector<std::string> draw(Player& player, const Canvas& canvas = kTerminal) {
  const auto frame = player.draw(canvas);
  EXPECT_TRUE(frame) << frame.error().message;
  return frame ? text_of(**frame) : std::vector<std::string>();
}

inline void press(Player& player, std::string_view keys) {
  for (const char key : keys) player.press(static_cast<Key>(key));
}

// The words of the row that begins with a word.
inline std::vector<std::string> words_of(const std::vector<std::string>& rows, std::string_view first) {
  for (const std::string& row : rows) {
    std::vector<std::string> words;
    std::istringstream text(row);
    for (std::string word; text >> word;) words.push_back(word);
    if (!words.empty() && words.front() == first) return words;
  }
  return {};
}

}  // namespace vqscope::test
