// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/permission.h"

#include <bpf/bpf.h>
#include <sys/capability.h>

#include <cerrno>
#include <iterator>
#include <memory>
#include <type_traits>

#include "agent/probes/skeleton.h"

namespace vqscope {

namespace {

struct CapabilitiesDeleter {
  void operator()(cap_t capabilities) const { ::cap_free(capabilities); }
};

bool in_force(cap_value_t capability) {
  const std::unique_ptr<std::remove_pointer_t<cap_t>, CapabilitiesDeleter> own(::cap_get_proc());
  cap_flag_value_t flag = CAP_CLEAR;
  return own && ::cap_get_flag(own.get(), capability, CAP_EFFECTIVE, &flag) == 0 && flag == CAP_SET;
}

// "CAP_BPF and CAP_PERFMON"; empty: it has what loading takes.
std::string missing_capabilities() {
  if (in_force(CAP_SYS_ADMIN)) return {};
  if (!CAP_IS_SUPPORTED(CAP_BPF)) return "CAP_SYS_ADMIN";  // before Linux 5.8
  std::string missing = in_force(CAP_BPF) ? "" : "CAP_BPF";
  if (!in_force(CAP_PERFMON)) missing += missing.empty() ? "CAP_PERFMON" : " and CAP_PERFMON";
  return missing;
}

// 0, or the errno with which the kernel refuses a program that does nothing at `target`, a type in the kernel's BTF.
int try_to_load(bpf_attach_type where, int target) {
  bpf_insn nothing[2] = {};  // return 0
  nothing[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  nothing[1].code = BPF_JMP | BPF_EXIT;
  bpf_prog_load_opts options = {};
  options.sz = sizeof options;
  options.expected_attach_type = where;
  options.attach_btf_id = static_cast<__u32>(target);
  const Fd program(
      bpf_prog_load(BPF_PROG_TYPE_TRACING, "vqs_nothing", "Dual BSD/GPL", nothing, std::size(nothing), &options));
  return program ? 0 : errno;
}

}  // namespace

bool may_attach() { return missing_capabilities().empty(); }

std::string why_not_permitted() {
  const std::string missing = missing_capabilities();
  if (!missing.empty())
    return "not permitted: this process lacks " + missing + "; run it as root or give it what it lacks";
  return "not permitted, although this process has the capabilities for it: kernel lockdown, a container's seccomp "
         "filter, a user namespace or, before Linux 5.11, a small RLIMIT_MEMLOCK can be why";
}

bool refuses_fentry() {
  const BtfPtr kernel = load_kernel_btf();
  if (!kernel) return false;
  const int tracepoint = btf__find_by_name_kind(kernel.get(), "btf_trace_block_rq_issue", BTF_KIND_TYPEDEF);
  const int function = btf__find_by_name_kind(kernel.get(), "bpf_fentry_test1", BTF_KIND_FUNC);
  return tracepoint > 0 && function > 0 && try_to_load(BPF_TRACE_RAW_TP, tracepoint) == 0 &&
         try_to_load(BPF_TRACE_FENTRY, function) == EPERM;
}

}  // namespace vqscope
