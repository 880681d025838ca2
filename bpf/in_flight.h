/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The slots of requests in flight: how one is found again, and how its time in flight ends. */
#ifndef VQSCOPE_IN_FLIGHT_H
#define VQSCOPE_IN_FLIGHT_H

#include "common.h"
#include "locate.h"

ARRAY_OF(struct vqs_slot) slots SEC(".maps");
ARRAY_OF(struct vqs_slot_end) slot_ends SEC(".maps");

/* With an elevator a request keeps its internal tag while driver tags come and go; without one it has only the
 * driver tag. Negative: the request was never dispatched itself (the bio of a flush). */
static __always_inline int tag_of(struct request *rq)
{
  int tag = rq->internal_tag;

  return tag >= 0 ? tag : rq->tag;
}

/* A request in flight, and where it is to be ended. */
struct in_flight {
  const struct vqs_slot *slot;
  struct vqs_slot_end *end;
};

/* Whether the slot holds the request that started then, in flight. */
static __always_inline bool look_at(__u32 index, const struct request *rq, __u64 start, struct in_flight *in_flight)
{
  in_flight->slot = bpf_map_lookup_elem(&slots, &index);
  in_flight->end = bpf_map_lookup_elem(&slot_ends, &index);
  return in_flight->slot && in_flight->end && in_flight->slot->request == (__u64)rq &&
         in_flight->slot->start == (__u32)start && in_flight->slot->issued != in_flight->end->ended;
}

/* The request in flight, in the disk's layout or in one that it outgrew; false if its issue was not seen. */
static __always_inline bool find_in_flight(struct request *rq, const struct vqs_found *found,
                                           struct in_flight *in_flight)
{
  __u32 tag = tag_of(rq), entry = found->disk - 1, i;
  const struct vqs_disk *disk;
  __u64 start = rq->start_time_ns;

  if (tag < found->depth && look_at(found->slot_base + tag, rq, start, in_flight))
    return true;
  for (i = 0; i < VQS_MAX_MOVES; i++) {
    disk = bpf_map_lookup_elem(&disks, &entry);
    if (!disk || !disk->previous)
      return false;
    entry = disk->previous - 1;
    disk = bpf_map_lookup_elem(&disks, &entry);
    if (!disk)
      return false;
    if (found->hctx < disk->queues && tag < disk->depth &&
        look_at(disk->slot_base + found->hctx * disk->depth + tag, rq, start, in_flight))
      return true;
  }
  return false;
}

/* Ends the time in flight; returns how long it was. A reader that comes in between misses that time, or a
 * completion that was missed before, and finds it the next time; in the other order it would see it twice. */
static __always_inline __u64 end_in_flight(const struct in_flight *in_flight, struct vqs_control *ctl, __u64 now)
{
  volatile struct vqs_slot_end *end = in_flight->end;
  __u32 issued = in_flight->slot->issued, missed = issued - end->ended - 1;
  __u64 elapsed = NSEC_SINCE(now, in_flight->slot->issue_ns);

  end->ended = issued;
  end->spent_ns += elapsed;
  if (missed)
    add(&ctl->lost[VQS_LOST_STALE_SLOT], missed);
  return elapsed;
}

/* Ends what the slot says is in flight and is not, because another request with the tag has just completed. How long it
 * was is not known. */
static __always_inline void end_stale(__u32 index, struct vqs_control *ctl)
{
  const struct vqs_slot *slot = bpf_map_lookup_elem(&slots, &index);
  struct vqs_slot_end *end = bpf_map_lookup_elem(&slot_ends, &index);
  __u32 missed;

  if (!slot || !end)
    return;
  missed = slot->issued - end->ended;
  if (!missed)
    return;
  end->ended = slot->issued;
  add(&ctl->lost[VQS_LOST_STALE_SLOT], missed);
}

/* Looks at one slot, and the next time at the next. It may be that of a request whose completion no program was run
 * for, because the kernel ran none of any tracer in that interrupt. */
static __noinline void look_after_one(struct vqs_control *ctl)
{
  const volatile struct vqs_slot *slot;
  volatile struct vqs_slot_end *end;
  const struct request *rq;
  __u32 index, issued, ended;
  int references = 0;
  __u64 start = 0;
  bool gone;

  if (!ctl)
    return;
  index = *(volatile __u32 *)&ctl->look_at;
  if (!index)
    return;
  ctl->look_at = index + 1 < ctl->look_end ? index + 1 : 0;
  index--;
  slot = bpf_map_lookup_elem(&slots, &index);
  end = bpf_map_lookup_elem(&slot_ends, &index);
  if (!slot || !end)
    return;
  issued = slot->issued;
  ended = end->ended;
  if (issued == ended || NSEC_SINCE(bpf_ktime_get_ns(), slot->issue_ns) < VQS_LOOK_AFTER_NS)
    return;
  rq = (const struct request *)slot->request;
  /* Not by its state: that is idle until the driver starts it, which is after its issue, and a CPU may stand still
   * there for longer than any time that one would wait. */
  gone = bpf_core_read(&references, sizeof(references), &rq->ref) ||
         bpf_core_read(&start, sizeof(start), &rq->start_time_ns) || !references || (__u32)start != slot->start;
  /* A program that has just ended it has done so before the kernel let go of the request. */
  if (!gone || end->ended != ended || slot->issued != issued)
    return;
  end->ended = issued;
  add(&ctl->lost[VQS_LOST_STALE_SLOT], issued - ended);
}

#endif
