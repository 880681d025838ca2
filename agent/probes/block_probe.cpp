// SPDX-License-Identifier: Apache-2.0
#include <bpf/btf.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "agent/probes/kernel_traits.h"
#include "agent/probes/skeleton.h"
#include "block.skel.h"

namespace vqscope {

namespace {

// Whether the tracepoint passes the queue in front of the request (see block.bpf.c): its BTF prototype then has
// three parameters, the first being the tracing data. nullopt when the kernel has no such tracepoint.
std::optional<bool> request_is_second_argument(const btf* types) {
  if (types == nullptr) return std::nullopt;
  const int id = btf__find_by_name_kind(types, "btf_trace_block_rq_issue", BTF_KIND_TYPEDEF);
  if (id < 0) return std::nullopt;
  const btf_type* type = btf__type_by_id(types, btf__type_by_id(types, static_cast<__u32>(id))->type);
  if (type == nullptr || !btf_is_ptr(type)) return std::nullopt;
  type = btf__type_by_id(types, type->type);
  if (type == nullptr || !btf_is_func_proto(type)) return std::nullopt;
  return btf_vlen(type) == 3;
}

// Values of two enumerators of the kernel's enum of request flags, which has no name on 6.12; nullopt when there is
// no such enum.
std::optional<std::pair<std::int32_t, std::int32_t>> find_request_flags(const btf* types) {
  for (__u32 id = 1; id < btf__type_cnt(types); ++id) {
    const btf_type* type = btf__type_by_id(types, id);
    if (!btf_is_enum(type)) continue;
    std::optional<std::int32_t> flush_seq, io_stat;
    for (__u32 i = 0; i < btf_vlen(type); ++i) {
      const struct btf_enum& enumerator = btf_enum(type)[i];
      const std::string_view name = btf__name_by_offset(types, enumerator.name_off);
      if (name == "__RQF_FLUSH_SEQ") flush_seq = enumerator.val;
      if (name == "__RQF_IO_STAT") io_stat = enumerator.val;
    }
    if (flush_seq && io_stat) return std::pair(*flush_seq, *io_stat);
  }
  return std::nullopt;
}

}  // namespace

Result<ProbePtr> attach_block_probe(const Arrays& arrays) {
  BtfPtr types = load_kernel_btf();
  const auto second = request_is_second_argument(types.get());
  if (!second) return load_error("cannot trace requests", ENOENT);
  auto opened = SkeletonProbe<block_bpf>::open();
  if (!opened) return tl::unexpected(opened.error());
  auto& probe = **opened;
  fill(const_cast<vqs_bucket_table&>(probe->rodata->bucket_table));
  probe->rodata->possible_cpus = arrays.capacity.possible_cpus;
  probe->rodata->request_is_second_argument = *second ? 1 : 0;
  if (const auto flags = find_request_flags(types.get())) {
    probe->rodata->rqf_flush_seq = 1U << flags->first;
    probe->rodata->rqf_io_stat = 1U << flags->second;
  }
  probe->rodata->never_nested = programs_never_nest(types.get()) ? 1 : 0;
  const bool preempted = tracepoints_are_preempted(types.get());
  types.reset();
  if (!probe.share(probe->maps.control, arrays.control) || !probe.share(probe->maps.names, arrays.names) ||
      !probe.share(probe->maps.disks, arrays.disks) || !probe.share(probe->maps.queue_refs, arrays.queue_refs) ||
      !probe.share(probe->maps.found_queues, arrays.found_queues) || !probe.share(probe->maps.slots, arrays.slots) ||
      !probe.share(probe->maps.slot_ends, arrays.slot_ends) || !probe.share(probe->maps.queues, arrays.queues) ||
      !probe.share(probe->maps.origins, arrays.origins) || !probe.share(probe->maps.irqs, arrays.irqs) ||
      !probe.share(probe->maps.lock_paths, arrays.lock_paths) || !probe.share(probe->maps.locks, arrays.locks))
    return fail_errno("cannot share arrays with the block programs");
  const bool complete_again = preempted || arrays.capacity.several_queues;
  bpf_program__set_autoload(probe->progs.rq_issue2, preempted);
  bpf_program__set_autoload(probe->progs.rq_issue3, preempted);
  bpf_program__set_autoload(probe->progs.rq_issue4, preempted);
  bpf_program__set_autoload(probe->progs.rq_requeue2, preempted);
  bpf_program__set_autoload(probe->progs.rq_complete2, complete_again);
  if (const int error = probe.load(); error != 0) return load_error("cannot load the block programs", -error);
  // Completion and requeue before issue: a slot that is taken is then sure to be given back. The kernel runs the
  // programs of an event in the order of their attachment.
  struct {
    bpf_program* program;
    bool wanted, repeats;
  } const programs[] = {{probe->progs.rq_complete, true, false},   {probe->progs.rq_complete2, complete_again, true},
                        {probe->progs.rq_requeue, true, false},    {probe->progs.rq_requeue2, preempted, true},
                        {probe->progs.rq_issue, true, false},      {probe->progs.rq_issue2, preempted, true},
                        {probe->progs.rq_issue3, preempted, true}, {probe->progs.rq_issue4, preempted, true}};
  for (const auto& [program, wanted, repeats] : programs)
    if (wanted)
      if (const int error = probe.attach(program, repeats); error != 0)
        return load_error("cannot attach the block programs", -error);
  return ProbePtr(std::move(*opened));
}

}  // namespace vqscope
