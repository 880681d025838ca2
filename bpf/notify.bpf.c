// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Notifications (kicks) of the disks' virtqueues: how long the doorbell write takes, about the price of a VM exit.
 *
 * The function to attach to (vp_notify, vm_notify, ...) is set by the agent before load. A pending interrupt is
 * delivered right inside the window that is measured, and may notify in turn, so each CPU keeps a small stack.
 */
#include "common.h"

#include <bpf/bpf_tracing.h>

ARRAY_OF(struct vqs_control) control SEC(".maps");
ARRAY_OF(struct vqs_virtio_device) virtio_devices SEC(".maps");
ARRAY_OF(struct vqs_notify) notifies SEC(".maps");
ARRAY_OF(struct vqs_notify_stack) notify_stacks SEC(".maps");

static __always_inline struct vqs_notify_stack *this_stack(void)
{
  __u32 cpu = bpf_get_smp_processor_id();

  return bpf_map_lookup_elem(&notify_stacks, &cpu);
}

static __always_inline void lose_notification(void)
{
  __u32 zero = 0;
  struct vqs_control *ctl = bpf_map_lookup_elem(&control, &zero);

  if (ctl)
    add(&ctl->lost[VQS_LOST_NOTIFY_NESTING], 1);
}

/* Record of a disk's request queue, or false. */
static __always_inline bool find_record(struct virtqueue *vq, __u32 *record)
{
  __u32 device = vq->vdev->index, index = vq->index;
  struct vqs_virtio_device *known = bpf_map_lookup_elem(&virtio_devices, &device);

  if (!known || index < known->skip || index - known->skip >= known->count)
    return false;
  *record = known->first + index - known->skip;
  return true;
}

SEC("fentry")
int notify_entry(__u64 *ctx)
{
  struct virtqueue *vq = (struct virtqueue *)ctx[0];
  struct vqs_notify_stack *stack;
  __u32 record;
  __u64 depth;

  if (!find_record(vq, &record))
    return 0;
  stack = this_stack();
  if (!stack)
    return 0;
  depth = stack->depth;
  if (depth >= VQS_NOTIFY_DEPTH) {
    /* Only a task that moved to another CPU leaves a frame behind; begin anew. */
    lose_notification();
    depth = 0;
  }
  stack->frames[depth].task = bpf_get_current_task();
  stack->frames[depth].virtqueue = (__u64)vq;
  stack->frames[depth].record = record;
  stack->frames[depth].start_ns = bpf_ktime_get_ns();
  stack->depth = depth + 1;
  return 0;
}

SEC("fexit")
int notify_exit(__u64 *ctx)
{
  __u64 now = bpf_ktime_get_ns(), depth, task = bpf_get_current_task();
  struct vqs_notify_stack *stack;
  struct vqs_notify *notify;
  __u32 record;

  if (!find_record((struct virtqueue *)ctx[0], &record))
    return 0;
  stack = this_stack();
  if (!stack)
    return 0;
  depth = stack->depth - 1;
  if (depth >= VQS_NOTIFY_DEPTH || stack->frames[depth].task != task || stack->frames[depth].virtqueue != ctx[0]) {
    lose_notification();
    return 0;
  }
  stack->depth = depth;
  record = stack->frames[depth].record;
  notify = bpf_map_lookup_elem(&notifies, &record);
  if (notify)
    observe(false, notify->cells, &notify->sum_ns, NSEC_SINCE(now, stack->frames[depth].start_ns));
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
