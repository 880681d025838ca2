// SPDX-License-Identifier: Apache-2.0
// What this process may do with BPF, and why bpf() answered EPERM.
#pragma once

#include <string>

namespace vqscope {

// Whether this process has the capabilities that attaching takes. The kernel may refuse all the same.
bool may_attach();

// "not permitted: this process lacks CAP_BPF and CAP_PERFMON ...", or that it lacks none and what else it may be.
std::string why_not_permitted();

// Whether it is fentry that the kernel refuses: a program on a tracepoint that does nothing is let in, and one on the
// entry of a function, as small, is not (EPERM).
bool refuses_fentry();

}  // namespace vqscope
