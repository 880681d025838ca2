// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/rights.h"

#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "agent/base/sanitized.h"
#include "agent/base/text.h"

namespace vqscope {

namespace {

struct CapabilitiesDeleter {
  void operator()(cap_t capabilities) const { ::cap_free(capabilities); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, CapabilitiesDeleter>;

Result<void> check_alone() {
  const std::size_t threads = list_directory("/proc/self/task").size();
  if (threads == 0) return fail("cannot give up rights: /proc/self/task does not tell how many threads there are");
  if (threads > 1 && !kSanitized)
    return fail("cannot give up rights: " + std::to_string(threads) + " threads run, and each has rights of its own");
  return {};
}

Result<void> become(const Account& account) {
  // Also as that user already: its supplementary groups may be those of whoever started this.
  const bool same = ::getuid() == account.uid && ::geteuid() == account.uid && ::getgid() == account.gid;
  if (same && ::geteuid() != 0 && ::getgroups(0, nullptr) == 0) return {};
  const std::string what = "cannot become user " + account.name + " (--user)";
  const auto refused = [&](const char* call) {
    const int code = errno;
    const std::string remedy = code == EPERM ? "; start as root, or as that user and without --user" : "";
    return fail(what + ": " + call + ": " + std::strerror(code) + remedy, code);
  };
  if (::setgroups(0, nullptr) != 0) return refused("setgroups");
  if (::setresgid(account.gid, account.gid, account.gid) != 0) return refused("setresgid");
  if (::setresuid(account.uid, account.uid, account.uid) != 0) return refused("setresuid");
  return {};
}

// What CAP_SETPCAP allows to drop; without it, no_new_privs has the same effect.
Result<void> empty_bounding_set() {
  if (::cap_get_bound(CAP_SETPCAP) != 1) return {};
  const Capabilities own(::cap_get_proc());
  cap_flag_value_t may = CAP_CLEAR;
  if (!own || ::cap_get_flag(own.get(), CAP_SETPCAP, CAP_EFFECTIVE, &may) != 0)
    return fail_errno("cannot read own capabilities");
  if (may != CAP_SET) return {};
  for (cap_value_t capability = 0; capability < ::cap_max_bits(); ++capability)
    if (::cap_get_bound(capability) == 1 && ::cap_drop_bound(capability) != 0)
      return fail_errno("cannot drop capability " + std::to_string(capability) + " from the bounding set");
  return {};
}

Result<void> drop_capabilities() {
  const Capabilities none(::cap_init());
  if (!none) return fail_errno("cannot make an empty set of capabilities");
  if (::cap_set_proc(none.get()) != 0) return fail_errno("cannot drop capabilities");
  const Capabilities left(::cap_get_proc());
  if (!left || ::cap_compare(left.get(), none.get()) != 0)
    return fail("cannot drop capabilities: the kernel kept some, though it said that it did not");
  return {};
}

}  // namespace

Result<Account> find_account(const std::string& name) {
  const auto number = parse_number<uid_t>(name);
  passwd entry = {};
  passwd* found = nullptr;
  std::vector<char> buffer(1024);
  for (;;) {
    const int error = number ? ::getpwuid_r(*number, &entry, buffer.data(), buffer.size(), &found)
                             : ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (error == 0) break;
    if (error != ERANGE || buffer.size() > (std::size_t{1} << 20))
      return fail_errno("cannot look up user '" + name + "'", error);
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr)
    return fail("there is no user '" + name + "'; create it, as deploy/systemd/sysusers.d/vqscope.conf does");
  return Account{name, found->pw_uid, found->pw_gid};
}

Result<void> give_up_rights(const std::optional<Account>& account) {
  if (auto alone = check_alone(); !alone) return alone;
  // The bounding set first, because changing the user takes CAP_SETPCAP away.
  if (auto emptied = empty_bounding_set(); !emptied) return emptied;
  if (account)
    if (auto became = become(*account); !became) return became;
  // Empties the ambient set too, which never exceeds the permitted one.
  if (auto dropped = drop_capabilities(); !dropped) return dropped;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("cannot set no_new_privs");
  if (!kSanitized && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno("cannot become undumpable");
  return {};
}

}  // namespace vqscope
