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

  // Everything that is counted, now; of a recording, at its next moment, and nullopt after the last. A header with
  // another counting_since_ns or boot_id than before: the counters began anew. After an error the next call tries
  // again.
  virtual Result<std::optional<DecodedSnapshot>> read() = 0;

  // For people: this guest's host name (empty: not known), "the agent at URL", or the file.
  [[nodiscard]] virtual std::string place() const = 0;
};

// The next reading of a source that has one; an error at the end of a recording.
Result<DecodedSnapshot> read_one(Source& source);

// This machine, with probes of our own. Disks that come and go are looked for when the kernel tells of them, where it
// does not every second, and in any case after `refresh_ns`: elevators and interrupt lines change without a word.
Result<std::unique_ptr<Source>> open_this_machine(const MeasureOptions& options, DeviceFilter filter,
                                                  std::uint64_t refresh_ns);

// A running agent. The first reading fails when a disk or a probe is not there that was asked for by name.
Result<std::unique_ptr<Source>> open_agent(const MeasureOptions& options, const AgentAddress& agent,
                                           DiskSelection disks);

// A recording, from its first reading on; all its segments. The first reading fails when a disk is not there that was
// asked for by name, and after the last sound one all do where the file is damaged.
Result<std::unique_ptr<Source>> open_recording(const std::filesystem::path& path, DiskSelection disks);

}  // namespace vqscope
