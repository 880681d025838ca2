// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Requests of blk-mq: issue -> completion, per (disk, hardware queue, operation).
 *
 * A request in flight is found again through the tag that it holds, in an array; see struct vqs_slot. Nothing else is
 * written at issue: whatever describes a request is read from it when it completes, on the CPU that completes it,
 * so that the counters of a queue mostly stay in one CPU's cache.
 */
#include "common.h"

/* Linux before 5.11 (a54895fa057c) passes the queue in front of the request to issue and requeue; vendors
 * backport, so the agent looks at the BTF of the tracepoint. */
const volatile __u8 request_is_second_argument = 0;

/* The bits of request.rq_flags became an enum, and moved, in 6.12 (5f89154e8e9e); until then they were macros with
 * these values. That enum has no name there, and CO-RE finds only what has one, so the agent looks for the bits. */
const volatile __u32 rqf_flush_seq = 1U << 4;
const volatile __u32 rqf_io_stat = 1U << 13;

/* The kernel does not run a program inside of itself on one CPU (6.2, 05b24ff9b2cf), so what one CPU alone writes has
 * one writer. */
const volatile __u8 never_nested = 0;

ARRAY_OF(struct vqs_control) control SEC(".maps");
ARRAY_OF(struct vqs_name) names SEC(".maps");
ARRAY_OF(struct vqs_disk) disks SEC(".maps");
ARRAY_OF(struct vqs_queue_ref) queue_refs SEC(".maps");
ARRAY_OF(struct vqs_slot) slots SEC(".maps");
ARRAY_OF(struct vqs_slot_end) slot_ends SEC(".maps");
ARRAY_OF(struct vqs_queue) queues SEC(".maps");
ARRAY_OF(struct vqs_origin) origins SEC(".maps");
ARRAY_OF(struct vqs_irq) irqs SEC(".maps");

struct place {
  struct vqs_control *control;
  struct vqs_disk *disk;
  __u32 hctx;
};

static __always_inline void lose(struct vqs_control *ctl, enum vqs_loss reason)
{
  add(&ctl->lost[reason], 1);
}

static __always_inline struct vqs_control *get_control(void)
{
  __u32 zero = 0;

  return bpf_map_lookup_elem(&control, &zero);
}

/* Entry + 1 of the disk in the agent's table, 0 if it is not measured. */
static __always_inline __u64 find_disk(struct gendisk *gendisk)
{
  __u64 name[VQS_DISK_NAME / 8] = {};
  __u32 i, bucket;

  if (!gendisk || bpf_probe_read_kernel_str(name, sizeof(name), gendisk->disk_name) < 2)
    return 0;
  bucket = vqs_name_hash(name);
  for (i = 0; i < VQS_NAME_PROBES; i++) {
    __u32 key = (bucket + i) & (VQS_NAME_BUCKETS - 1);
    struct vqs_name *known = bpf_map_lookup_elem(&names, &key);

    if (known && known->name[0] == name[0] && known->name[1] == name[1] && known->name[2] == name[2] &&
        known->name[3] == name[3])
      return known->entry;
  }
  return 0;
}

/* First sight of a disk with this request_queue in this generation. */
static __noinline __u64 resolve(volatile struct vqs_queue_ref *ref, struct request *rq, __u32 generation)
{
  struct gendisk *gendisk = disk_of(rq);
  __u64 resolved = (__u64)generation << 32 | find_disk(gendisk);

  ref->queue = (__u64)rq->q;
  ref->resolved = resolved;
  ref->name[0] = name_word(gendisk, 0);
  ref->name[1] = name_word(gendisk, 1);
  return resolved;
}

/* Finds the disk and the hardware queue of a request; false if the disk is not measured or has no place. */
static __always_inline bool locate(struct request *rq, struct place *place, bool issue)
{
  struct vqs_control *ctl = get_control();
  struct request_queue *q = rq->q;
  struct gendisk *gendisk = disk_of(rq);
  __u32 id = q->id, generation, entry;
  struct vqs_queue_ref *ref;
  __u64 resolved;

  if (!ctl)
    return false;
  place->control = ctl;
  ref = bpf_map_lookup_elem(&queue_refs, &id);
  if (!ref) {
    if (issue) /* once for each request */
      lose(ctl, VQS_LOST_NO_ROOM);
    return false;
  }
  generation = *(volatile __u32 *)&ctl->generation;
  resolved = *(volatile __u64 *)&ref->resolved;
  if (ref->queue != (__u64)q || resolved >> 32 != generation || ref->name[0] != name_word(gendisk, 0) ||
      ref->name[1] != name_word(gendisk, 1))
    resolved = resolve(ref, rq, generation);
  entry = (__u32)resolved;
  if (!entry)
    return false;
  entry--;
  place->disk = bpf_map_lookup_elem(&disks, &entry);
  if (!place->disk)
    return false;
  place->hctx = rq->mq_hctx->queue_num;
  return true;
}

/* With an elevator a request keeps its internal tag while driver tags come and go; without one it has only the
 * driver tag. Negative: the request was never dispatched itself (the bio of a flush). */
static __always_inline int tag_of(struct request *rq)
{
  int tag = rq->internal_tag;

  return tag >= 0 ? tag : rq->tag;
}

/* A request in flight, and where it is to be ended. */
struct stay {
  const struct vqs_slot *slot;
  struct vqs_slot_end *end;
};

/* The request in flight, in the disk's layout or in one that it outgrew; false if its issue was not seen. */
static __always_inline bool find_stay(struct request *rq, const struct place *place, struct stay *stay)
{
  const struct vqs_disk *disk = place->disk;
  __u32 tag = tag_of(rq), entry, index, i;

  for (i = 0; i <= VQS_MAX_MOVES; i++) {
    if (place->hctx < disk->queues && tag < disk->depth) {
      index = disk->slot_base + place->hctx * disk->depth + tag;
      stay->slot = bpf_map_lookup_elem(&slots, &index);
      stay->end = bpf_map_lookup_elem(&slot_ends, &index);
      if (stay->slot && stay->end && stay->slot->request == (__u64)rq && stay->slot->issued != stay->end->ended)
        return true;
    }
    if (!disk->previous)
      return false;
    entry = disk->previous - 1;
    disk = bpf_map_lookup_elem(&disks, &entry);
    if (!disk)
      return false;
  }
  return false;
}

/* Ends the stay; returns how long the request was in flight. A reader that comes in between misses that time, or a
 * completion that was missed before, and finds it the next time; in the other order it would see it twice. */
static __always_inline __u64 end_stay(const struct stay *stay, struct vqs_control *ctl, __u64 now)
{
  volatile struct vqs_slot_end *end = stay->end;
  __u32 issued = stay->slot->issued, missed = issued - end->ended - 1;
  __u64 elapsed = NSEC_SINCE(now, stay->slot->issue_ns);

  end->ended = issued;
  end->spent_ns += elapsed;
  if (missed)
    add(&ctl->lost[VQS_LOST_STALE_SLOT], missed);
  return elapsed;
}

static __always_inline void on_issue(struct request *rq)
{
  volatile struct vqs_slot *slot;
  struct place place;
  __u32 tag, index;

  if (!locate(rq, &place, true))
    return;
  tag = tag_of(rq);
  if (place.hctx >= place.disk->queues) {
    lose(place.control, place.disk->queues ? VQS_LOST_QUEUE_RANGE : VQS_LOST_NO_ROOM);
    return;
  }
  if (tag >= place.disk->depth) {
    lose(place.control, VQS_LOST_TAG_RANGE);
    return;
  }
  index = place.disk->slot_base + place.hctx * place.disk->depth + tag;
  slot = bpf_map_lookup_elem(&slots, &index);
  if (!slot)
    return;
  slot->request = (__u64)rq;
  slot->cpu = rq->mq_ctx->cpu;
  slot->issue_ns = bpf_ktime_get_ns();
  slot->issued++;
}

static __always_inline struct vqs_queue *queue_at(const struct place *place, __u32 *index)
{
  if (place->hctx >= place->disk->queues)
    return NULL;
  *index = place->disk->queue_base + place->hctx;
  return bpf_map_lookup_elem(&queues, index);
}

/* Whether the request may have been issued when its tag or hardware queue was beyond the layout of then. */
static __always_inline bool outgrew(__u32 tag, const struct place *place, __u64 start)
{
  __u32 entry = place->disk->previous - 1;
  struct vqs_disk *previous;

  if (!place->disk->previous || start > place->disk->since_ns)
    return false;
  previous = bpf_map_lookup_elem(&disks, &entry);
  return previous && (place->hctx >= previous->queues || tag >= previous->depth);
}

/* A completion without an issue: the end of a flush sequence, or something that was missed. */
static __always_inline void on_unmatched(struct request *rq, const struct place *place, __u32 op, __u32 bytes,
                                         __u64 start)
{
  __u32 tag = tag_of(rq);

  if (!bytes && op != REQ_OP_FLUSH)
    return; /* the request that asked for the flush ends after the flush's own request: no I/O of its own */
  if (place->hctx >= place->disk->queues || tag >= place->disk->depth || outgrew(tag, place, start))
    return; /* counted at its issue */
  lose(place->control,
       start && start < place->control->attached_ns ? VQS_LOST_IN_FLIGHT_AT_ATTACH : VQS_LOST_UNMATCHED);
}

static __always_inline void count_origin(__u32 cpu, const struct vqs_queue *queue, __u32 queue_index, bool alone)
{
  struct vqs_locality *locality;
  struct vqs_origin *origin;
  struct vqs_irq *irq;
  __u32 index, number;

  if (cpu >= possible_cpus)
    return;
  index = queue_index * possible_cpus + cpu;
  origin = bpf_map_lookup_elem(&origins, &index);
  if (!origin)
    return;
  locality = alone ? &origin->own : &origin->any;
  number = queue->irq - 1;
  irq = bpf_map_lookup_elem(&irqs, &number);
  if (!irq || !irq->last_cpu)
    count(alone, &locality->unknown, 1);
  else if (irq->last_cpu == cpu + 1)
    count(alone, &locality->local, 1);
  else
    count(alone, &locality->cross, 1);
}

static __always_inline void on_complete(struct request *rq, __u32 error, __u32 bytes)
{
  __u32 flags = rq->rq_flags, op = rq->cmd_flags & REQ_OP_MASK, kind, queue_index = 0;
  __u64 now, device_ns, queue_ns, start;
  struct vqs_queue *queue;
  struct place place;
  struct vqs_op *record;
  bool accounted, alone, found;
  struct stay stay;

  if (!locate(rq, &place, false))
    return;
  queue = queue_at(&place, &queue_index);
  if (!queue)
    return;
  kind = op <= REQ_OP_DISCARD ? op : VQS_OTHER;
  OPAQUE(kind);
  if (kind >= VQS_OPS)
    return;
  alone = never_nested && kind < VQS_OWNED_OPS && queue->owner == bpf_get_smp_processor_id() + 1;
  record = alone ? &queue->own[kind] : &queue->ops[kind];
  /* Before what another CPU wrote is read: the clock waits for every read before it, and none waits for the clock. */
  now = bpf_ktime_get_ns();
  found = find_stay(rq, &place, &stay);
  if (found && bytes && !error)
    count(alone, &record->bytes, bytes);
  /* The tracepoint fires for every part of a request that the driver ends (SCSI does it in parts), before the
   * part is taken off the remaining length. An error of a part may still be retried. */
  if (bytes < rq->__data_len)
    return;
  if (error && (found || bytes))
    count(alone, &record->errors, 1);

  start = rq->start_time_ns;
  /* blk_account_io_done() and, for the flush itself, blk_account_io_flush(): a request that asked for a flush is
   * accounted when its whole sequence ends, when the flag is cleared and the tracepoint fires again. */
  accounted =
      start && (op == REQ_OP_FLUSH || ((flags & rqf_io_stat) && !(flags & rqf_flush_seq) && !is_passthrough(op)));
  if (!found) {
    if (accounted)
      add((__u64 *)&queue->account_ns, NSEC_SINCE(now, start));
    if (!error || !bytes) /* a dead disk fails requests before their issue */
      on_unmatched(rq, &place, op, bytes, start);
    return;
  }

  queue_ns = NSEC_SINCE(stay.slot->issue_ns, start);
  device_ns = end_stay(&stay, place.control, now);
  observe(alone, record->device_cells, &record->device_ns, device_ns);
  if (start)
    observe(alone, record->queue_cells, &record->queue_ns, queue_ns);
  count_origin(stay.slot->cpu, queue, queue_index, alone);
  /* Almost every request is accounted over just the two spans above, so only the others cost an update. */
  if (!accounted)
    add((__u64 *)&queue->account_ns, -(device_ns + (start ? queue_ns : 0)));
}

/* Keeps the time spent in flight: the next issue is a new stay at the device. */
static __always_inline void on_requeue(struct request *rq)
{
  struct vqs_queue *queue;
  struct place place;
  __u32 queue_index;
  struct stay stay;

  if (!locate(rq, &place, false))
    return;
  queue = queue_at(&place, &queue_index);
  if (!queue)
    return;
  add(&queue->requeues, 1);
  if (find_stay(rq, &place, &stay)) /* a driver may push a request back before it starts it */
    end_stay(&stay, place.control, bpf_ktime_get_ns());
}

SEC("tp_btf/block_rq_issue")
int rq_issue(__u64 *ctx)
{
  on_issue((struct request *)(request_is_second_argument ? ctx[1] : ctx[0]));
  return 0;
}

SEC("tp_btf/block_rq_requeue")
int rq_requeue(__u64 *ctx)
{
  on_requeue((struct request *)(request_is_second_argument ? ctx[1] : ctx[0]));
  return 0;
}

SEC("tp_btf/block_rq_complete")
int rq_complete(__u64 *ctx)
{
  on_complete((struct request *)ctx[0], (__u32)ctx[1], (__u32)ctx[2]);
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
