// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/skeleton.h"
#include "irq.skel.h"

namespace vqscope {

Result<ProbePtr> attach_irq_probe(const Arrays& arrays) {
  auto opened = SkeletonProbe<irq_bpf>::open();
  if (!opened) return tl::unexpected(opened.error());
  auto& probe = **opened;
  fill(const_cast<vqs_bucket_table&>(probe->rodata->bucket_table));
  probe->rodata->possible_cpus = arrays.capacity.possible_cpus;
  if (!probe.share(probe->maps.irqs, arrays.irqs) || !probe.share(probe->maps.vectors, arrays.vectors) ||
      !probe.share(probe->maps.vector_cpus, arrays.vector_cpus) || !probe.share(probe->maps.cpus, arrays.cpus))
    return fail_errno("cannot share arrays with the interrupt programs");
  if (const int error = probe.load(); error != 0) return load_error("cannot load the interrupt programs", -error);
  for (bpf_program* program :
       {probe->progs.irq_exit, probe->progs.irq_entry, probe->progs.softirq_exit, probe->progs.softirq_entry})
    if (const int error = probe.attach(program); error != 0)
      return load_error("cannot attach the interrupt programs", -error);
  return ProbePtr(std::move(*opened));
}

}  // namespace vqscope
