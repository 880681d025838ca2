// SPDX-License-Identifier: Apache-2.0
#include "agent/collector/uevents.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include "agent/base/text.h"

namespace vqscope {

Result<UeventMonitor> UeventMonitor::create() {
  Fd fd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
  if (!fd) return fail_errno("cannot open a uevent socket");
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;  // the kernel's own announcements; group 2 is udev's
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("cannot subscribe to uevents");
  return UeventMonitor(std::move(fd));
}

bool UeventMonitor::drain() {
  // A storm of them may not keep the caller from everything else.
  constexpr int kMostAtOnce = 1000;
  bool concerned = false;
  char buffer[8192];
  for (int i = 0; i < kMostAtOnce; ++i) {
    const ssize_t length = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno == ENOBUFS) {  // more came than the socket holds
      concerned = true;
      continue;
    }
    if (length <= 0) return concerned;
    concerned |= concerns_topology({buffer, static_cast<std::size_t>(length)});
  }
  return concerned;
}

bool concerns_topology(std::string_view announcement) {
  for (const std::string_view field : split(announcement, std::string_view("\0", 1)))
    if (field == "SUBSYSTEM=block" || field == "SUBSYSTEM=cpu") return true;
  return false;
}

}  // namespace vqscope
