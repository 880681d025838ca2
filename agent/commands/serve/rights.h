// SPDX-License-Identifier: Apache-2.0
// What the daemon may do, and how it gives that up.
//
// Attaching takes CAP_BPF and CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN; before 5.11 also CAP_SYS_RESOURCE, or a
// sufficient RLIMIT_MEMLOCK, which BPF memory counted against then). Nothing takes CAP_NET_ADMIN: the kernel's
// announcements of devices are free to read. Afterwards nothing takes any capability: new disks get their place in
// arrays that are mapped, all else is read from world-readable files of procfs and sysfs.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "agent/base/result.h"

namespace vqscope {

// A user to run as.
struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;  // its primary group
};

// By name or by number. Reads the user database, so it belongs before give_up_rights().
Result<Account> find_account(const std::string& name);

// For good, and for all threads to come: becomes `account`, if one is given, without supplementary groups; gives up all
// capabilities, those that could be inherited or regained included; takes no rights from programs it might execute
// (no_new_privs); writes no core file and lets no other process of its user attach to it, because that one could write
// to the BPF arrays and read the keys of the endpoint (not dumpable; not so in a build with sanitizers). Capabilities
// that a bounding set keeps can no longer be had.
//
// Capabilities belong to threads, so this fails while there is more than the calling one.
Result<void> give_up_rights(const std::optional<Account>& account);

}  // namespace vqscope
