// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/kernel_traits.h"

#include <bpf/btf.h>

#include <string_view>

namespace vqscope {

namespace {

bool has_member(const btf* types, const char* structure, std::string_view member) {
  const int id = btf__find_by_name_kind(types, structure, BTF_KIND_STRUCT);
  if (id < 0) return false;
  const btf_type* type = btf__type_by_id(types, static_cast<__u32>(id));
  for (__u32 i = 0; i < btf_vlen(type); ++i)
    if (btf__name_by_offset(types, btf_members(type)[i].name_off) == member) return true;
  return false;
}

}  // namespace

// No type came with that change, in 6.2 (05b24ff9b2cf); the first that did later is this member, in 6.10
// (68ca5d4eebb8).
bool programs_never_nest(const btf* kernel) { return has_member(kernel, "bpf_raw_tp_link", "cookie"); }

// CONFIG_PREEMPT_RCU, which comes with CONFIG_PREEMPTION.
bool tasks_preempt_in_kernel(const btf* kernel) { return has_member(kernel, "task_struct", "rcu_read_lock_nesting"); }

// Until 7.0 a tracepoint keeps preemption off. Since then it holds a lock that lets tasks preempt (SRCU), by a guard
// whose type the kernel has only where it is used.
bool tracepoints_are_preempted(const btf* kernel) {
  return tasks_preempt_in_kernel(kernel) &&
         btf__find_by_name_kind(kernel, "class_srcu_fast_notrace_t", BTF_KIND_TYPEDEF) > 0;
}

}  // namespace vqscope
