// SPDX-License-Identifier: Apache-2.0
// The system calls that the daemon may make once it serves (seccomp(2)).
#pragma once

#include "agent/base/result.h"

namespace vqscope {

// Whether files may be removed: those of unix sockets, when serving ends.
enum class FilesAtEnd { kStay, kAreRemoved };

// Restricts this thread and all that it starts, for good, to the system calls that serving takes. Files can be opened
// for reading only; the only new socket is a datagram one for the service manager; memory can be executable or
// written, not become both.
//
// There are two kinds of other calls. Those that only an intruder makes (execve, ptrace, bpf, mount, setuid, ...) end
// the process: the agent is then no longer ours, its end is in the kernel's log, and losing it costs a database
// nothing. Any other call fails with ENOSYS and is logged by the kernel, where it has auditing: a C library that was
// updated tries new calls and has an answer to ENOSYS, and a forgotten call must not end the monitoring of a machine
// that works.
//
// Call before any other thread is started and after give_up_rights(). Fails where the kernel has no seccomp, and in a
// build with sanitizers, whose runtime makes other calls.
Result<void> restrict_system_calls(FilesAtEnd at_end = FilesAtEnd::kStay);

}  // namespace vqscope
