// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Notifications (kicks) of the disks' virtqueues: how long the doorbell write takes, about the price of a VM exit.
 *
 * The function to attach to (vp_notify, vm_notify, ...) is set by the agent before load. Tasks preempt each other
 * inside of it, move to another CPU, and are interrupted by what notifies in turn, so an exit is paired with its own
 * entry: see struct vqs_notify_call.
 *
 * The kernel skips a program that is active on the CPU already, and it is active while a task is preempted inside of
 * it. So there are several entry and several exit programs, all of which do the same, in whatever order they run: the
 * last entry program of a call that is run sets its beginning, the first exit program that is run ends it, and what is
 * left in between is least what the programs themselves take. Only if all of one kind are skipped the call is lost.
 */
#include "common.h"

#include <bpf/bpf_tracing.h>

/* The bits of those exit programs that are attached, see on_exit(); set by the agent. */
const volatile __u32 exit_programs = 0;

ARRAY_OF(struct vqs_control) control SEC(".maps");
ARRAY_OF(struct vqs_virtio_device) virtio_devices SEC(".maps");
ARRAY_OF(struct vqs_notify) notifies SEC(".maps");
ARRAY_OF(struct vqs_notify_set) notify_calls SEC(".maps");

static __always_inline struct vqs_control *get_control(void)
{
  __u32 zero = 0;

  return bpf_map_lookup_elem(&control, &zero);
}

static __noinline void lose_notification(void)
{
  struct vqs_control *ctl = get_control();

  if (ctl)
    add(&ctl->lost[VQS_LOST_NOTIFY_NESTING], 1);
}

/* A call that began, and whose exit was not seen. */
static __noinline void lose_begun(__u64 start_ns)
{
  struct vqs_control *ctl = get_control();

  if (ctl && start_ns >= *(volatile __u64 *)&ctl->notify_since_ns)
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

/* The task, and where on its stack the arguments lie that entry and exit programs are given: no two calls that have
 * begun and not ended have both in common. 0 never: only the idle task is 0. */
static __always_inline __u64 this_call(const __u64 *ctx)
{
  __u32 frame;

  /* A copy: the verifier lets nothing be computed with the pointer itself. */
  asm("%0 = %1" : "=&w"(frame) : "w"((__u32)(__u64)ctx));
  return bpf_get_current_pid_tgid() << 32 | frame;
}

static __always_inline struct vqs_notify_set *set_of(__u64 key)
{
  __u32 index = (key * 0x9e3779b97f4a7c15ULL >> 32) % VQS_NOTIFY_SETS;

  return bpf_map_lookup_elem(&notify_calls, &index);
}

static __always_inline struct vqs_notify_call *find_call(struct vqs_notify_set *set, __u64 key)
{
  __u32 i;

#pragma unroll
  for (i = 0; i < VQS_NOTIFY_WAYS; i++)
    if (set->calls[i].key == key)
      return &set->calls[i];
  return NULL;
}

/* What it takes to give a place away: nothing after a call whose exit programs were all run, more while some of them
 * may be about to, most while the call has not ended. */
static __always_inline __u32 worth_of(const struct vqs_notify_call *call)
{
  return call->begun ? 2 : call->key && call->ended != exit_programs;
}

/* The place in the set that is worth least, and of those the one that has not been used for longest. */
static __always_inline struct vqs_notify_call *make_room(struct vqs_notify_set *set, __u64 key)
{
  struct vqs_notify_call *place = &set->calls[0];
  __u32 i;

#pragma unroll
  for (i = 1; i < VQS_NOTIFY_WAYS; i++) {
    struct vqs_notify_call *other = &set->calls[i];
    __u32 worth = worth_of(place), others = worth_of(other);

    if (others < worth || (others == worth && other->start_ns < place->start_ns))
      place = other;
  }
  if (place->begun)
    lose_begun(place->start_ns);
  place->key = key;
  place->begun = 0;
  place->ended = 0;
  return place;
}

/* `program`: a bit of its own for each of the entry programs. */
static __always_inline int on_entry(__u64 *ctx, __u32 program)
{
  struct virtqueue *vq = (struct virtqueue *)ctx[0];
  struct vqs_notify_call *call;
  struct vqs_notify_set *set;
  __u64 key = this_call(ctx);
  __u32 record;

  if (!find_record(vq, &record))
    return 0;
  set = set_of(key);
  if (!set)
    return 0;
  call = find_call(set, key);
  if (!call)
    call = make_room(set, key);
  if (call->begun & program || (call->begun && call->virtqueue != (__u64)vq)) {
    lose_begun(call->start_ns); /* of an earlier call */
    call->begun = 0;
  }
  call->begun |= program;
  call->virtqueue = (__u64)vq;
  call->start_ns = bpf_ktime_get_ns();
  return 0;
}

/* `program`: a bit of its own for each of the exit programs. */
static __always_inline int on_exit(__u64 *ctx, __u32 program)
{
  __u64 now = bpf_ktime_get_ns(), key = this_call(ctx);
  struct vqs_notify_call *call;
  struct vqs_notify_set *set;
  struct vqs_notify *notify;
  __u32 record;

  if (!find_record((struct virtqueue *)ctx[0], &record))
    return 0;
  set = set_of(key);
  if (!set)
    return 0;
  call = find_call(set, key);
  if (call && call->begun && call->virtqueue == ctx[0]) {
    call->begun = 0;
    call->ended = program;
    notify = bpf_map_lookup_elem(&notifies, &record);
    if (notify)
      observe(false, notify->cells, &notify->sum_ns, NSEC_SINCE(now, call->start_ns));
    return 0;
  }
  if (call && !call->begun && !(call->ended & program)) {
    call->ended |= program; /* another exit program has ended it, or has told that it is lost */
    return 0;
  }
  lose_notification(); /* no entry program was run for it */
  if (!call)
    call = make_room(set, key);
  else if (call->begun)
    lose_begun(call->start_ns);
  call->start_ns = now;
  call->begun = 0;
  call->ended = program;
  return 0;
}

#define PAIR(number)                      \
  SEC("fentry")                           \
  int notify_entry##number(__u64 *ctx)    \
  {                                       \
    return on_entry(ctx, 1U << (number)); \
  }                                       \
  SEC("fexit")                            \
  int notify_exit##number(__u64 *ctx)     \
  {                                       \
    return on_exit(ctx, 1U << (number));  \
  }

PAIR(1)
PAIR(2)
PAIR(3)
PAIR(4)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
