// SPDX-License-Identifier: Apache-2.0
#include <bpf/btf.h>

#include "agent/probes/kernel_traits.h"
#include "agent/probes/skeleton.h"
#include "lock.skel.h"

namespace vqscope {

Result<ProbePtr> attach_lock_probe(const Arrays& arrays) {
  BtfPtr types = load_kernel_btf();
  if (types && btf__find_by_name_kind(types.get(), "btf_trace_contention_begin", BTF_KIND_TYPEDEF) < 0)
    return fail("cannot trace waits for locks: this kernel does not tell of them (Linux 5.19 does)", ENOENT);
  auto opened = SkeletonProbe<lock_bpf>::open();
  if (!opened) return tl::unexpected(opened.error());
  auto& probe = **opened;
  probe->rodata->never_nested = types && programs_never_nest(types.get()) ? 1 : 0;
  probe->rodata->lock_count = arrays.locks.size();
  types.reset();
  if (!probe.share(probe->maps.control, arrays.control) || !probe.share(probe->maps.lock_sets, arrays.lock_sets) ||
      !probe.share(probe->maps.lock_paths, arrays.lock_paths) || !probe.share(probe->maps.locks, arrays.locks) ||
      !probe.share(probe->maps.lock_waits, arrays.lock_waits) ||
      !probe.share(probe->maps.lock_used, arrays.lock_used) || !probe.share(probe->maps.waiting, arrays.waiting))
    return fail_errno("cannot share arrays with the lock programs");
  if (const int error = probe.load(); error != 0) return load_error("cannot load the lock programs", -error);
  // The end before the begin: a wait that is seen to begin is seen to end. Of what the kernel skips they tell
  // themselves what is missing.
  for (bpf_program* program : {probe->progs.lock_end, probe->progs.lock_begin})
    if (const int error = probe.attach(program, true); error != 0)
      return load_error("cannot attach the lock programs", -error);
  return ProbePtr(std::move(*opened));
}

}  // namespace vqscope
