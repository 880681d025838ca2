// SPDX-License-Identifier: Apache-2.0
// Where readings come from: this machine, an agent by URL, or a recording. Whoever looks at them need not know.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/result.h"
#include "agent/recording/reader.h"
#include "agent/source/agent_client.h"
#include "agent/source/disk_selection.h"
#include "agent/source/measure_options.h"

namespace vqscope {

// An object serves one thread at a time.
class Source {
 public:
  Source() = default;
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Everything that is counted, now; of a recording, at its next moment, and nullopt after the last. After an error the
  // next call tries again.
  virtual Result<std::optional<DecodedSnapshot>> read() = 0;

  // Of a recording, once read() has returned nullopt: why there is no more of what its file holds.
  [[nodiscard]] virtual std::optional<RecordingDamage> damage() const { return std::nullopt; }

  // For people: this guest's host name (empty: not known), "the agent at URL", or the file.
  [[nodiscard]] virtual std::string place() const = 0;
};

// The next reading of a source that has one; an error at the end of a recording.
Result<DecodedSnapshot> read_one(Source& source);

// This machine, with probes of our own. Disks that come and go are looked for when the kernel tells of them, where it
// does not every second, and in any case after `refresh_ns`: elevators and interrupt lines change without a word.
Result<std::unique_ptr<Source>> open_this_machine(const MeasureOptions& options, DeviceFilter filter,
                                                  std::uint64_t refresh_ns);

// An agent that runs in this guest and measures what is asked for, if there is one that lets this user read and answers
// soon, of which it has given a reading; else null. `give_up` as in AgentAddress.
std::unique_ptr<Source> find_local_agent(const MeasureOptions& options, int give_up = -1);

// A running agent. The first reading fails when a disk or a probe is not there that was asked for by name.
Result<std::unique_ptr<Source>> open_agent(const MeasureOptions& options, const AgentAddress& agent,
                                           DiskSelection disks);

// A recording ("-": standard input), from its first reading on; all its segments. The first reading fails when a disk
// is not there that was asked for by name.
Result<std::unique_ptr<Source>> open_recording(const std::filesystem::path& path, DiskSelection disks);

// In nanoseconds since 1970; both ends are in it.
struct TimeSpan {
  std::uint64_t begin_ns = 0, end_ns = 0;
};

// The readings of a recording that were taken in that time. `name`: Source::place().
std::unique_ptr<Source> recording_between(RecordingReader reader, std::string name, DiskSelection disks,
                                          TimeSpan wanted);

}  // namespace vqscope
