// SPDX-License-Identifier: Apache-2.0
// What this kernel does with programs that meet on a CPU, by its type information: bpf/KERNELS.md tells what follows
// from it.
#pragma once

struct btf;

namespace vqscope {

// Whether the kernel never runs a program inside of itself on one CPU, but skips it. False where that is not sure.
bool programs_never_nest(const btf* kernel);

// Whether tasks may preempt each other in the kernel, in one of the modes that it can be started with.
bool tasks_preempt_in_kernel(const btf* kernel);

// Whether tasks may preempt each other inside of a program on a tracepoint.
bool tracepoints_are_preempted(const btf* kernel);

}  // namespace vqscope
