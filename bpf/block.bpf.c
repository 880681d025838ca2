// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Requests of blk-mq: issue -> completion, per (disk, hardware queue, operation).
 *
 * A request in flight is found again through the tag that it holds, in an array; see struct vqs_slot. Nothing else is
 * written at issue: whatever describes a request is read from it when it completes, on the CPU that completes it,
 * so that the counters of a queue mostly stay in one CPU's cache.
 */
#include "common.h"
#include "learn.h"
#include "locate.h"
#include "in_flight.h"

/* Linux before 5.11 (a54895fa057c) passes the queue in front of the request to issue and requeue; vendors
 * backport, so the agent looks at the BTF of the tracepoint. */
const volatile __u8 request_is_second_argument = 0;

/* The bits of request.rq_flags became an enum, and moved, in 6.12 (5f89154e8e9e); until then they were macros with
 * these values. That enum has no name there, and CO-RE finds only what has one, so the agent looks for the bits. */
const volatile __u32 rqf_flush_seq = 1U << 4;
const volatile __u32 rqf_io_stat = 1U << 13;

ARRAY_OF(struct vqs_queue) queues SEC(".maps");
ARRAY_OF(struct vqs_origin) origins SEC(".maps");
ARRAY_OF(struct vqs_irq) irqs SEC(".maps");

/* An issue that has no place. */
static __noinline void lose_issue(struct vqs_control *ctl, const struct vqs_found *found)
{
  __u32 entry;
  struct vqs_disk *disk;

  if (!ctl || !found)
    return;
  entry = found->disk - 1;
  disk = bpf_map_lookup_elem(&disks, &entry);
  if (found->depth)
    lose(ctl, VQS_LOST_TAG_RANGE);
  else
    lose(ctl, disk && disk->queues ? VQS_LOST_QUEUE_RANGE : VQS_LOST_NO_ROOM);
}

/* The CPU that submitted the request. */
static __always_inline __u32 submitter_of(struct request *rq, struct vqs_found *found)
{
  if (found->submitter != (__u64)rq->mq_ctx) {
    found->cpu = rq->mq_ctx->cpu;
    found->submitter = (__u64)rq->mq_ctx;
  }
  return found->cpu;
}

static __always_inline void fill(volatile struct vqs_slot *slot, struct request *rq, struct vqs_found *found)
{
  slot->request = (__u64)rq;
  slot->start = rq->start_time_ns;
  slot->cpu = submitter_of(rq, found);
  slot->op = rq->cmd_flags & REQ_OP_MASK;
  slot->issue_ns = bpf_ktime_get_ns();
  slot->issued++;
}

static __always_inline void on_issue(struct request *rq)
{
  struct vqs_control *ctl = get_control();
  struct vqs_found *found;
  struct vqs_slot *slot;
  struct vqs_found own;
  __u32 tag, index, round;

  if (!ctl)
    return;
  found = locate(rq, ctl, VQS_AT_ISSUE, &own);
  if (!found)
    return;
  tag = tag_of(rq);
  if (tag >= found->depth) {
    lose_issue(ctl, found);
    return;
  }
  index = found->slot_base + tag;
  slot = bpf_map_lookup_elem(&slots, &index);
  if (slot)
    fill(slot, rq, found);
  if (*(volatile __u32 *)&ctl->look_at)
    look_after_one(ctl);
  round = *(volatile __u32 *)&ctl->learn;
  if (round)
    learn_locks(rq, found, round);
}

/* In the programs that run after the first on the same event: almost always that has filled the slot. If the agent has
 * moved the disk between the two, it has done so in the layout that the disk outgrew. */
static __always_inline void on_issue_again(struct request *rq, enum vqs_finder finder)
{
  struct vqs_control *ctl = get_control();
  __u32 tag = tag_of(rq), index;
  struct vqs_found *found;
  struct vqs_slot *slot;
  struct vqs_found own;
  struct in_flight in_flight;

  if (!ctl)
    return;
  found = locate(rq, ctl, finder, &own);
  if (!found || tag >= found->depth)
    return;
  if (find_in_flight(rq, found, &in_flight))
    return;
  index = found->slot_base + tag;
  slot = bpf_map_lookup_elem(&slots, &index);
  if (!slot)
    return;
  fill(slot, rq, found);
  add(&ctl->recovered, 1);
}

/* Whether the request may have been issued when its tag or hardware queue was beyond the layout of then. */
static __always_inline bool outgrew(__u32 tag, const struct vqs_found *found, __u64 start)
{
  __u32 entry = found->disk - 1;
  struct vqs_disk *disk = bpf_map_lookup_elem(&disks, &entry);

  if (!disk || !disk->previous || start > disk->since_ns)
    return false;
  entry = disk->previous - 1;
  disk = bpf_map_lookup_elem(&disks, &entry);
  return disk && (found->hctx >= disk->queues || tag >= disk->depth);
}

/* A completion of a request that is in flight in no slot. */
static __always_inline void on_unmatched(struct request *rq, struct vqs_control *ctl, const struct vqs_found *found,
                                         __u32 op, __u32 bytes, __u64 start)
{
  __u32 tag = tag_of(rq);

  if (!bytes && op != REQ_OP_FLUSH)
    return; /* the request that asked for the flush ends after the flush's own request: no I/O of its own */
  if (tag >= found->depth || outgrew(tag, found, start))
    return; /* counted at its issue */
  end_stale(found->slot_base + tag, ctl);
  lose(ctl, start && start < ctl->attached_ns ? VQS_LOST_IN_FLIGHT_AT_ATTACH : VQS_LOST_UNMATCHED);
}

/* Where the request came from, and how long its completion was under way in the guest: since the handler of the queue's
 * last interrupt began, or since the request was issued, if that was later. */
static __always_inline void count_origin(const struct vqs_slot *slot, const struct vqs_queue *queue, __u32 queue_index,
                                         __u64 now, bool alone)
{
  __u32 cpu = slot->cpu, index, number;
  struct vqs_locality *locality;
  struct vqs_origin *origin;
  struct vqs_irq *irq;
  __u64 since, ns;

  if (cpu >= possible_cpus)
    return;
  index = queue_index * possible_cpus + cpu;
  origin = bpf_map_lookup_elem(&origins, &index);
  if (!origin)
    return;
  locality = alone ? &origin->own : &origin->any;
  number = queue->irq - 1;
  irq = bpf_map_lookup_elem(&irqs, &number);
  if (!irq || !irq->last_cpu) {
    count(alone, &locality->unknown, 1);
    return;
  }
  since = *(volatile __u64 *)&irq->entry_ns;
  if (since < slot->issue_ns)
    since = slot->issue_ns;
  ns = NSEC_SINCE(now, since);
  if (irq->last_cpu == cpu + 1) {
    count(alone, &locality->local, 1);
    count(alone, &locality->local_ns, ns);
  } else {
    count(alone, &locality->cross, 1);
    count(alone, &locality->cross_ns, ns);
  }
}

/* Ends the time in flight and counts the two spans of the request; returns their sum. */
static __always_inline __u64 record(bool alone, struct vqs_op *counts, const struct vqs_queue *queue, __u32 index,
                                    struct vqs_control *ctl, const struct in_flight *in_flight, __u64 start, __u64 now)
{
  __u64 queue_ns = start ? NSEC_SINCE(in_flight->slot->issue_ns, start) : 0,
        device_ns = end_in_flight(in_flight, ctl, now);

  observe(alone, counts->device_cells, &counts->device_ns, device_ns);
  if (start)
    observe(alone, counts->queue_cells, &counts->queue_ns, queue_ns);
  count_origin(in_flight->slot, queue, index, now, alone);
  return device_ns + queue_ns;
}

static __always_inline bool is_owner(const struct vqs_queue *queue)
{
  return never_nested && queue->owner == bpf_get_smp_processor_id() + 1;
}

/* What almost every completion is: of a whole read or write, without an error, on the CPU that owns the queue, and
 * accounted by the kernel over just the two spans. False, and nothing is counted, if this is another. Where programs
 * may nest no queue has an owner, and this is not called. */
static __always_inline bool complete_usual(struct request *rq, __u32 error, __u32 bytes)
{
  __u32 op = rq->cmd_flags & REQ_OP_MASK, flags = rq->rq_flags, tag = tag_of(rq), index;
  __u64 start = rq->start_time_ns, now;
  struct vqs_control *ctl = get_control();
  const struct vqs_found *found;
  struct vqs_queue *queue;
  struct vqs_op *own;
  struct in_flight in_flight;

  if (!ctl)
    return true;
  found = recall(rq, ctl, VQS_AT_COMPLETION);
  if (!found)
    return false;
  if (error || !bytes || bytes < rq->__data_len || !start || !(flags & rqf_io_stat) || (flags & rqf_flush_seq))
    return false;
  index = found->index;
  queue = bpf_map_lookup_elem(&queues, &index);
  OPAQUE(op);
  if (!queue || op >= VQS_OWNED_OPS || !is_owner(queue) || tag >= found->depth)
    return false;
  /* Before what another CPU wrote is read: the clock waits for every read before it, and none waits for the clock. */
  now = bpf_ktime_get_ns();
  if (!look_at(found->slot_base + tag, rq, start, &in_flight))
    return false;
  own = &queue->own[op];
  own->bytes += bytes;
  record(true, own, queue, index, ctl, &in_flight, start, now);
  return true;
}

/* Any completion. `again`: in the program that runs second on the same event, see rq_complete2(). */
static __always_inline void complete(struct request *rq, __u32 error, __u32 bytes, struct vqs_control *ctl,
                                     const struct vqs_found *found, bool again)
{
  __u32 flags = rq->rq_flags, op = rq->cmd_flags & REQ_OP_MASK, kind, index = found->index;
  bool accounted, alone, matched;
  struct vqs_queue *queue;
  struct vqs_op *counts;
  __u64 now, ns, start;
  struct in_flight in_flight;

  if (!found->depth)
    return;
  matched = find_in_flight(rq, found, &in_flight);
  if (again && !matched)
    return; /* almost always: rq_complete has ended it */
  queue = bpf_map_lookup_elem(&queues, &index);
  if (!queue)
    return;
  kind = op <= REQ_OP_DISCARD ? op : VQS_OTHER;
  OPAQUE(kind);
  if (kind >= VQS_OPS)
    return;
  alone = !again && kind < VQS_OWNED_OPS && is_owner(queue);
  counts = alone ? &queue->own[kind] : &queue->ops[kind];
  now = bpf_ktime_get_ns();
  if (matched && bytes && !error)
    count(alone, &counts->bytes, bytes);
  /* The tracepoint fires for every part of a request that the driver ends (SCSI does it in parts), before the
   * part is taken off the remaining length. An error of a part may still be retried. */
  if (bytes < rq->__data_len)
    return;
  if (error && (matched || bytes))
    count(alone, &counts->errors, 1);

  start = rq->start_time_ns;
  /* blk_account_io_done() and, for the flush itself, blk_account_io_flush(): a request that asked for a flush is
   * accounted when its whole sequence ends, when the flag is cleared and the tracepoint fires again. */
  accounted =
      start && (op == REQ_OP_FLUSH || ((flags & rqf_io_stat) && !(flags & rqf_flush_seq) && !is_passthrough(op)));
  if (again)
    add(&ctl->recovered, 1);
  if (!matched) {
    if (accounted)
      add((__u64 *)&queue->account_ns, NSEC_SINCE(now, start));
    if (!error || !bytes) /* a dead disk fails requests before their issue */
      on_unmatched(rq, ctl, found, op, bytes, start);
    return;
  }
  ns = record(alone, counts, queue, index, ctl, &in_flight, start, now);
  if (!accounted)
    add((__u64 *)&queue->account_ns, -ns);
}

/* A function of its own: what it does rarely would take registers from the usual. */
static __noinline void complete_unusual(struct request *rq, __u32 error, __u32 bytes)
{
  struct vqs_control *ctl = get_control();
  const struct vqs_found *found;
  struct vqs_found own;

  if (!ctl)
    return;
  found = locate(rq, ctl, VQS_AT_COMPLETION, &own);
  if (found)
    complete(rq, error, bytes, ctl, found, false);
}

static __always_inline void on_complete(struct request *rq, __u32 error, __u32 bytes)
{
  if (!never_nested || !complete_usual(rq, error, bytes))
    complete_unusual(rq, error, bytes);
}

static __always_inline void on_complete_again(struct request *rq, __u32 error, __u32 bytes)
{
  struct vqs_control *ctl = get_control();
  const struct vqs_found *found;
  struct vqs_found own;

  if (!ctl || bytes < rq->__data_len)
    return;
  found = locate(rq, ctl, VQS_AT_COMPLETION_AGAIN, &own);
  if (found)
    complete(rq, error, bytes, ctl, found, true);
}

/* Keeps the time spent in flight: with the next issue it is in flight anew. `again`: in the program that runs second.
 */
static __always_inline void on_requeue(struct request *rq, enum vqs_finder finder, bool again)
{
  struct vqs_control *ctl = get_control();
  const struct vqs_found *found;
  struct vqs_queue *queue;
  struct vqs_found own;
  struct in_flight in_flight;
  __u32 index;
  bool issued;

  if (!ctl)
    return;
  found = locate(rq, ctl, finder, &own);
  if (!found || !found->depth)
    return;
  issued = find_in_flight(rq, found, &in_flight); /* a driver may push a request back before it starts it */
  if (again && !issued)
    return;
  index = found->index;
  queue = bpf_map_lookup_elem(&queues, &index);
  if (!queue)
    return;
  add(&queue->requeues, 1);
  if (again)
    add(&ctl->recovered, 1);
  if (issued)
    end_in_flight(&in_flight, ctl, bpf_ktime_get_ns());
}

/*
 * The kernel does not run a program inside of itself on one CPU (6.2, and where it was backported), and skips it then.
 * It is inside of itself where an interrupt comes while it runs: a completion that was sent to another CPU ends there
 * in a softirq, one that ends in an interrupt comes on top of it. It is, too, while a task is preempted inside of it
 * (7.0): for all that the CPU does meanwhile. So there is a second program at each event: another program, which is not
 * skipped when the first is. It finds what the first has left undone, and does that. The agent attaches it where this
 * can happen, after the first, because the kernel runs them in that order. Tasks that are about to issue are the ones
 * that preempt each other, one inside of the first program, another inside of the second: there are four at issue.
 */

SEC("tp_btf/block_rq_issue")
int rq_issue(__u64 *ctx)
{
  on_issue((struct request *)(request_is_second_argument ? ctx[1] : ctx[0]));
  return 0;
}

SEC("tp_btf/block_rq_issue")
int rq_issue2(__u64 *ctx)
{
  on_issue_again((struct request *)(request_is_second_argument ? ctx[1] : ctx[0]), VQS_AT_ISSUE2);
  return 0;
}

SEC("tp_btf/block_rq_issue")
int rq_issue3(__u64 *ctx)
{
  on_issue_again((struct request *)(request_is_second_argument ? ctx[1] : ctx[0]), VQS_AT_ISSUE3);
  return 0;
}

SEC("tp_btf/block_rq_issue")
int rq_issue4(__u64 *ctx)
{
  on_issue_again((struct request *)(request_is_second_argument ? ctx[1] : ctx[0]), VQS_AT_ISSUE4);
  return 0;
}

SEC("tp_btf/block_rq_requeue")
int rq_requeue(__u64 *ctx)
{
  on_requeue((struct request *)(request_is_second_argument ? ctx[1] : ctx[0]), VQS_AT_REQUEUE, false);
  return 0;
}

SEC("tp_btf/block_rq_requeue")
int rq_requeue2(__u64 *ctx)
{
  on_requeue((struct request *)(request_is_second_argument ? ctx[1] : ctx[0]), VQS_AT_REQUEUE_AGAIN, true);
  return 0;
}

SEC("tp_btf/block_rq_complete")
int rq_complete(__u64 *ctx)
{
  on_complete((struct request *)ctx[0], (__u32)ctx[1], (__u32)ctx[2]);
  return 0;
}

/* A part of a request (see complete()), and the end of a flush sequence, which has no slot, are not looked at again. */
SEC("tp_btf/block_rq_complete")
int rq_complete2(__u64 *ctx)
{
  on_complete_again((struct request *)ctx[0], (__u32)ctx[1], (__u32)ctx[2]);
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
