// SPDX-License-Identifier: Apache-2.0
#include "agent/recording/header.h"

#include <sys/utsname.h>

#include <chrono>

#include "agent/base/clock.h"
#include "agent/base/text.h"
#include "version.h"

namespace vqscope {

std::uint64_t realtime_of(const RecordingHeader& header, std::uint64_t time_ns) {
  return header.started_realtime_ns + (time_ns - header.started_monotonic_ns);
}

bool is_same_run(const RecordingHeader& earlier, const RecordingHeader& later) {
  return earlier.counting_since_ns == later.counting_since_ns && earlier.boot_id == later.boot_id;
}

RecordingHeader make_recording_header(const std::filesystem::path& procfs, std::uint64_t counting_since_ns,
                                      std::string note) {
  RecordingHeader header;
  header.vqscope_version = VQSCOPE_VERSION;
  utsname names = {};
  if (::uname(&names) == 0) {
    header.kernel_release = names.release;
    header.machine = names.machine;
    header.kernel_version = names.version;
  }
  header.boot_id = read_trimmed(procfs / "sys/kernel/random/boot_id").value_or("");
  header.started_monotonic_ns = monotonic_ns();
  header.started_realtime_ns =
      static_cast<std::uint64_t>(std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
  header.counting_since_ns = counting_since_ns;
  header.note = std::move(note);
  return header;
}

}  // namespace vqscope
