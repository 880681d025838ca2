// SPDX-License-Identifier: Apache-2.0
// The kernel's announcements of devices that come, go or change (netlink, NETLINK_KOBJECT_UEVENT).
#pragma once

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace vqscope {

// Not thread-safe.
class UeventMonitor {
 public:
  // Needs no rights. Fails where the network namespace or a sandbox forbids the socket.
  static Result<UeventMonitor> create();

  // Readable when announcements are waiting.
  [[nodiscard]] int fd() const { return fd_.get(); }

  // Reads those that are waiting, up to a thousand; true if one of them concerns disks or CPUs, or some were lost.
  bool drain();

 private:
  explicit UeventMonitor(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

// Whether an announcement ("add@/devices/...", then KEY=VALUE, each ended by a NUL) is about a disk or a CPU.
bool concerns_topology(std::string_view announcement);

}  // namespace vqscope
