// SPDX-License-Identifier: Apache-2.0
// Why bpf() answered EPERM. Internal to agent/probes.
#pragma once

#include <string>

namespace vqscope {

// "not permitted: this process lacks CAP_BPF and CAP_PERFMON ...", or that it lacks none and what else it may be.
std::string why_not_permitted();

// Whether it is fentry that the kernel refuses: a program on a tracepoint that does nothing is let in, and one on the
// entry of a function, as small, is not (EPERM).
bool refuses_fentry();

}  // namespace vqscope
