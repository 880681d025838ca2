// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Interrupts of the measured disks: how many each CPU takes, how long the handler runs, and who took the last.
 *
 * A line may be shared (INTx), and then the tracepoints fire once for every action on it. Only the action that
 * the agent named is followed, so an interrupt is counted once, as in /proc/interrupts.
 */
#include "common.h"

ARRAY_OF(__u64) irq_vectors SEC(".maps"); /* interrupt number -> vqs_vector index + 1 */
ARRAY_OF(struct vqs_vector) vectors SEC(".maps");
ARRAY_OF(struct vqs_vector_cpu) vector_cpus SEC(".maps");

static __noinline bool learn(struct vqs_vector *vector, struct irqaction *action)
{
  __u64 name[VQS_ACTION_NAME / 8] = {};
  const __u64 *wanted = (const __u64 *)vector->name;

  if (bpf_probe_read_kernel_str(name, sizeof(name), action->name) < 0 || name[0] != wanted[0] || name[1] != wanted[1] ||
      name[2] != wanted[2] || name[3] != wanted[3])
    return false;
  vector->action = (__u64)action;
  return true;
}

static __always_inline struct vqs_vector *find_vector(int irq, __u32 *index)
{
  __u64 *vector = bpf_map_lookup_elem(&irq_vectors, &irq);

  if (!vector || !*vector)
    return NULL;
  *index = *vector - 1;
  return bpf_map_lookup_elem(&vectors, index);
}

static __always_inline struct vqs_vector_cpu *find_cpu(__u32 vector_index, __u32 cpu)
{
  __u32 index = vector_index * possible_cpus + cpu;

  return cpu < possible_cpus ? bpf_map_lookup_elem(&vector_cpus, &index) : NULL;
}

SEC("tp_btf/irq_handler_entry")
int irq_entry(__u64 *ctx)
{
  struct irqaction *action = (struct irqaction *)ctx[1];
  struct vqs_vector_cpu *counter;
  struct vqs_vector *vector;
  __u32 index, cpu;

  vector = find_vector((int)ctx[0], &index);
  if (!vector)
    return 0;
  if (vector->action != (__u64)action && !learn(vector, action))
    return 0;
  cpu = bpf_get_smp_processor_id();
  counter = find_cpu(index, cpu);
  if (!counter)
    return 0;
  /* Hard interrupts do not nest on a CPU, so its record has one writer. */
  counter->count++;
  if (vector->last_cpu != cpu + 1) /* completions on other CPUs read it: keep it in their caches */
    vector->last_cpu = cpu + 1;
  vector->entry_ns = bpf_ktime_get_ns();
  return 0;
}

SEC("tp_btf/irq_handler_exit")
int irq_exit(__u64 *ctx)
{
  struct vqs_vector *vector;
  __u64 start, now;
  __u32 index;

  vector = find_vector((int)ctx[0], &index);
  if (!vector || vector->action != ctx[1])
    return 0;
  start = vector->entry_ns;
  if (!start)
    return 0; /* attached inside this handler */
  now = bpf_ktime_get_ns();
  vector->entry_ns = 0;
  observe(true, vector->handler_cells, &vector->handler_ns, NSEC_SINCE(now, start));
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
