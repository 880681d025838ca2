// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Interrupts of the measured disks: how many each CPU takes, how long the handler runs, and who took the last; and how
 * long each CPU is in the softirq that ends requests.
 *
 * A line may be shared (INTx), and then the tracepoints fire once for every action on it. Only the action that
 * the agent named is followed, so an interrupt is counted once, as in /proc/interrupts.
 */
#include "common.h"

ARRAY_OF(struct vqs_irq) irqs SEC(".maps"); /* by interrupt number */
ARRAY_OF(struct vqs_vector) vectors SEC(".maps");
ARRAY_OF(struct vqs_vector_cpu) vector_cpus SEC(".maps");
ARRAY_OF(struct vqs_cpu) cpus SEC(".maps");

/* BLOCK_SOFTIRQ: the kernel's enum has no name, and programs of users rely on these numbers. */
enum { BLOCK_SOFTIRQ = 4 };

static __always_inline struct vqs_vector *vector_of(const struct vqs_irq *irq)
{
  __u32 index = irq->vector - 1;

  return bpf_map_lookup_elem(&vectors, &index);
}

static __noinline bool learn(struct vqs_irq *irq, struct irqaction *action)
{
  struct vqs_vector *vector = vector_of(irq);
  __u64 name[VQS_ACTION_NAME / 8] = {};
  const __u64 *wanted;

  if (!vector || bpf_probe_read_kernel_str(name, sizeof(name), action->name) < 0)
    return false;
  wanted = (const __u64 *)vector->name;
  if (name[0] != wanted[0] || name[1] != wanted[1] || name[2] != wanted[2] || name[3] != wanted[3])
    return false;
  irq->action = (__u64)action;
  return true;
}

static __always_inline struct vqs_vector_cpu *find_cpu(const struct vqs_irq *irq, __u32 cpu)
{
  __u32 index = (irq->vector - 1) * possible_cpus + cpu;

  return cpu < possible_cpus ? bpf_map_lookup_elem(&vector_cpus, &index) : NULL;
}

/* Another CPU takes the interrupt from now on; see struct vqs_irq. */
static __noinline void switch_cpu(volatile struct vqs_irq *irq, __u32 cpu)
{
  struct vqs_vector_cpu *before = find_cpu((struct vqs_irq *)irq, irq->counting - 1);
  struct vqs_vector_cpu *after = find_cpu((struct vqs_irq *)irq, cpu);

  irq->last_cpu = cpu + 1;
  if (!after)
    return;
  irq->switches++;
  if (before)
    *(volatile __u64 *)&before->count = irq->count;
  irq->counting = 0;
  irq->count = after->count;
  irq->counting = cpu + 1;
}

SEC("tp_btf/irq_handler_entry")
int irq_entry(__u64 *ctx)
{
  struct irqaction *action = (struct irqaction *)ctx[1];
  __u32 number = ctx[0], cpu;
  struct vqs_irq *irq;

  irq = bpf_map_lookup_elem(&irqs, &number);
  if (!irq || !irq->vector)
    return 0;
  if (irq->action != (__u64)action && !learn(irq, action))
    return 0;
  irq->entry_ns = bpf_ktime_get_ns() | 1;
  cpu = bpf_get_smp_processor_id();
  if (irq->counting != cpu + 1)
    switch_cpu(irq, cpu);
  irq->count++;
  return 0;
}

static __always_inline struct vqs_cpu *this_cpu(void)
{
  __u32 index = bpf_get_smp_processor_id();

  return bpf_map_lookup_elem(&cpus, &index);
}

static __always_inline void observe_handler(struct vqs_vector *vector, __u64 ns)
{
  observe(true, vector->handler_cells, &vector->handler_ns, ns);
}

/* Puts the times that were gathered, and this one, into the histogram. */
static __noinline void move_gathered(struct vqs_irq *irq, __u64 ns)
{
  struct vqs_vector *vector;
  __u64 gathered;
  __u32 i;

  if (!irq)
    return;
  vector = vector_of(irq);
  if (!vector)
    return;
  publish(&irq->moves, irq->moves | 1);
  for (i = 0; i < VQS_GATHERED && i < irq->gathered; i++) {
    gathered = irq->gathered_ns[i];
    /* That it has 16 bits would make the compiler count in 32, whose bounds verifiers (6.1) do not follow. */
    OPAQUE(gathered);
    observe_handler(vector, gathered);
  }
  observe_handler(vector, ns);
  irq->gathered = 0;
  publish(&irq->moves, (irq->moves | 1) + 1); /* even, also if the agent has cleared the record meanwhile */
}

SEC("tp_btf/irq_handler_exit")
int irq_exit(__u64 *ctx)
{
  __u32 number = ctx[0], place;
  struct vqs_irq *irq;
  struct vqs_cpu *cpu;
  __u64 start, ns;

  irq = bpf_map_lookup_elem(&irqs, &number);
  if (!irq || !irq->vector || irq->action != ctx[1])
    return 0;
  start = irq->entry_ns;
  if (!(start & 1))
    return 0; /* attached inside this handler */
  ns = bpf_ktime_get_ns();
  ns = NSEC_SINCE(ns, start);
  irq->entry_ns = start - 1;
  cpu = this_cpu();
  if (cpu)
    cpu->hardirq_ns += ns;
  place = irq->gathered;
  OPAQUE(place);
  if (place < VQS_GATHERED && !(ns >> 16)) {
    irq->gathered_ns[place] = ns;
    publish(&irq->gathered, place + 1);
  } else {
    move_gathered(irq, ns);
  }
  return 0;
}

/* With one hardware queue requests end in this softirq, and with several those that were sent to the CPU that submitted
 * them. The tracepoints fire for all softirqs. */
SEC("tp_btf/softirq_entry")
int softirq_entry(__u64 *ctx)
{
  struct vqs_cpu *cpu;

  if ((__u32)ctx[0] != BLOCK_SOFTIRQ)
    return 0;
  cpu = this_cpu();
  if (!cpu)
    return 0;
  cpu->hardirq_then_ns = cpu->hardirq_ns;
  cpu->softirq_from_ns = bpf_ktime_get_ns();
  return 0;
}

SEC("tp_btf/softirq_exit")
int softirq_exit(__u64 *ctx)
{
  struct vqs_cpu *cpu;
  __u64 now, inside;

  if ((__u32)ctx[0] != BLOCK_SOFTIRQ)
    return 0;
  cpu = this_cpu();
  if (!cpu || !cpu->softirq_from_ns)
    return 0; /* attached inside this softirq */
  now = bpf_ktime_get_ns();
  inside = cpu->hardirq_ns - cpu->hardirq_then_ns;
  cpu->softirq_ns += NSEC_SINCE(now - cpu->softirq_from_ns, inside);
  cpu->softirq_from_ns = 0;
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
