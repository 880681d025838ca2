/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Everything that crosses the boundary between the BPF programs and the agent.
 *
 * All records live in memory-mapped arrays (BPF_F_MMAPABLE). Fields marked [agent] are written by the agent
 * before the record is published and only read by BPF; fields marked [bpf] are the other way round. Those that count
 * only grow: the agent resets nothing that is in use. Times are CLOCK_MONOTONIC nanoseconds. A record's index in
 * its array is its only name: disks, queues and vectors are numbered by the agent (agent/probes/layout.h).
 */
#ifndef VQSCOPE_RECORDS_H
#define VQSCOPE_RECORDS_H

#include <linux/types.h>

#include "buckets.h"

/* Layouts are asserted by both compilers that read this file. */
#ifdef __cplusplus
#define VQS_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), #type)
#else
#define VQS_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif

enum {
  /* One per measured layout of a disk. A hypervisor offers a few dozen virtio disks at the most; a disk whose
   * geometry grows takes a second entry. */
  VQS_MAX_DISKS = 256,
  /* How often one disk may outgrow its place while a request is in flight. */
  VQS_MAX_MOVES = 3,
  /* Hash table of the disks' names; four times as large as it can be full, so that a name is within a few probes
   * of its hash. A power of two. */
  VQS_NAME_BUCKETS = 1024,
  VQS_NAME_PROBES = 8,
  /* request_queue.id is the smallest free number in the kernel, taken by every queue, also by disks that are
   * not measured and by admin queues. */
  VQS_MAX_QUEUE_IDS = 4096,
  /* Linux interrupt numbers that can be traced: MSI vectors are numbered from the smallest free one, and a guest with
   * 4096 of them has more than disks. */
  VQS_MAX_IRQS = 4096,
  /* virtioN, and the virtqueues of one such device, that the notification probe can index. */
  VQS_MAX_VIRTIO_DEVICES = 256,
  /* Calls of notifying functions that the programs keep apart, in sets by a hash: those that have begun, of which there
   * is one for each task that is inside of one, and the last of each task that has ended. */
  VQS_NOTIFY_SETS = 256,
  VQS_NOTIFY_WAYS = 4,
  /* Nanoseconds after which a request in flight is worth a look whether it is: see vqs_control.look_at. */
  VQS_LOOK_AFTER_NS = 100000000,
  /* Pointers that lead to a lock, see struct vqs_lock_path. */
  VQS_LOCK_POINTERS = 3,
  /* Hash table of the locks' addresses. A disk has two or three a hardware queue, so four thousand are those of NVMe
   * drives with a queue for each of a thousand CPUs. A power of two. */
  VQS_LOCK_SETS = 1024,
  VQS_LOCK_WAYS = 4,
  /* Spin locks that one CPU can wait for at once: in a task, a softirq, an interrupt, an NMI. */
  VQS_NESTED_WAITS = 4,
  /* The path to a lock is followed again after so many nanoseconds, by those who wait for it on the same CPU: it takes
   * up to a microsecond. As many locks are remembered, a power of two. */
  VQS_FOLLOW_AFTER_NS = 1000000,
  VQS_FOLLOWED_LOCKS = 4,
  VQS_DISK_NAME = 32, /* DISK_NAME_LEN */
  VQS_ACTION_NAME = 32,
  VQS_ELEVATOR_NAME = 16, /* ELV_NAME_MAX */
};

enum vqs_op_kind { VQS_READ, VQS_WRITE, VQS_FLUSH, VQS_DISCARD, VQS_OTHER, VQS_OPS };

/* Locks that requests wait for. Each is exported under the name in agent/model/locks.h. */
enum vqs_lock_kind {
  VQS_QUEUE_LOCK,    /* the driver's, of the virtqueue or submission queue */
  VQS_ELEVATOR_LOCK, /* the elevator's, of the disk or (kyber) of the hardware queue */
  VQS_DISPATCH_LOCK, /* blk-mq's, of what a hardware queue could not issue yet */
  VQS_LOCKS
};

/* Why an event is missing from the numbers. Each is exported under the name in agent/model/losses.h. */
enum vqs_loss {
  VQS_LOST_IN_FLIGHT_AT_ATTACH, /* completed, but issued before the probes were attached */
  VQS_LOST_UNMATCHED,           /* completed, and no issue of it was seen */
  VQS_LOST_STALE_SLOT,          /* issued, and its completion was not seen before the tag was used again */
  VQS_LOST_NO_ROOM,             /* disk without room in the arrays, or beyond VQS_MAX_QUEUE_IDS */
  VQS_LOST_QUEUE_RANGE,         /* hardware queue beyond the layout */
  VQS_LOST_TAG_RANGE,           /* tag beyond the layout */
  VQS_LOST_NOTIFY_NESTING,      /* notification of which the kernel ran no entry or no exit program */
  VQS_LOST_INTERRUPT,           /* [agent] counted by the kernel, which did not run the programs for it */
  VQS_LOST_LOCK_WAIT,           /* wait for a lock of which the kernel ran one program only */
  VQS_LOSSES,
};

/* Histogram cells, padded to whole cache lines. Cell numbers are those of buckets.h. */
enum { VQS_CELLS = 240 };

struct vqs_control {
  __u32 generation; /* [agent] changes whenever the disk table does; never 0 once published */
  /* [agent, bpf] Slot + 1 whose request rq_issue is to look at next, whether the kernel still has it in flight; 0:
   * none. A completion that no program was run for is found so before its tag is used again. */
  __u32 look_at;
  __u32 look_end;    /* [agent] slot + 1 after the last of them */
  __u32 learn;       /* [agent] number of the round in which rq_issue is to look where the locks are; 0: it is not to */
  __u64 attached_ns; /* [agent] just before the first program was attached */
  __u64 lost[VQS_LOSSES]; /* [bpf], but where enum vqs_loss says otherwise */
  __u64 recovered;        /* [bpf] events that the first program was not run for, and another was: block.bpf.c */
  __u64 notify_since_ns;  /* [agent] when the exit of every notification was traced; all ones until then */
  __u64 spins_told;       /* [bpf] 1 when the kernel has told of a wait for any spin lock, of whomever: not all do */
};
VQS_ASSERT_SIZE(struct vqs_control, 48 + 8 * VQS_LOSSES);

/* A disk's place in the arrays. Immutable once published; a disk that outgrows its place gets a new entry that
 * names the old one, so that requests in flight are still found. */
struct vqs_disk {
  __u32 queues;     /* [agent] hardware queues; 0: known, but there was no room */
  __u32 depth;      /* [agent] slots per hardware queue */
  __u32 slot_base;  /* [agent] first slot */
  __u32 queue_base; /* [agent] first vqs_queue */
  __u32 previous;   /* [agent] entry + 1 of the layout before this one, 0: none */
  __u32 pad;
  __u64 since_ns; /* [agent] when every program saw this layout; all ones until then */
};
VQS_ASSERT_SIZE(struct vqs_disk, 32);

/* Kernel disk name -> entry. Linear probing from vqs_name_hash(), at most VQS_NAME_PROBES places. */
struct vqs_name {
  __u64 name[VQS_DISK_NAME / 8]; /* [agent] zero-padded; all zero: free */
  __u32 entry;                   /* [agent] disk entry + 1 */
  __u32 pad[7];
};
VQS_ASSERT_SIZE(struct vqs_name, 64);

/* Bucket where the search for a name begins. */
static inline __u32 vqs_name_hash(const __u64 *name)
{
  __u64 h = 0xcbf29ce484222325ULL; /* FNV-1a, a word at a time */

  h = (h ^ name[0]) * 0x100000001b3ULL;
  h = (h ^ name[1]) * 0x100000001b3ULL;
  h = (h ^ name[2]) * 0x100000001b3ULL;
  h = (h ^ name[3]) * 0x100000001b3ULL;
  return (__u32)(h ^ h >> 32) & (VQS_NAME_BUCKETS - 1);
}

/* request_queue.id -> disk entry, filled by BPF when it meets a queue for the first time in a generation. */
struct vqs_queue_ref {
  __u64 queue;    /* [bpf] struct request_queue * */
  __u64 resolved; /* [bpf] generation << 32 | disk entry + 1 (0: not a measured disk); one word, so never torn */
  /* [bpf] See identity_of(); written last. A disk that comes may get number and memory of the queue of one that went,
   * before the agent has seen either. */
  __u64 identity;
  __u64 pad;
};
VQS_ASSERT_SIZE(struct vqs_queue_ref, 32);

/* Programs that keep what they found, each for itself, and how many hardware queues each keeps for a CPU. */
enum vqs_finder {
  VQS_AT_ISSUE,
  VQS_AT_ISSUE2,
  VQS_AT_ISSUE3,
  VQS_AT_ISSUE4,
  VQS_AT_COMPLETION,
  VQS_AT_COMPLETION_AGAIN,
  VQS_AT_REQUEUE,
  VQS_AT_REQUEUE_AGAIN,
  VQS_FINDERS
};
enum { VQS_FOUND = 8 };

/* A hardware queue's place in the arrays, as a program has found it on a CPU in a generation of the disk table; at
 * (CPU * VQS_FINDERS + program) * VQS_FOUND + some bits of the hardware queue's address. */
struct vqs_found {
  __u64 context;    /* [bpf] struct blk_mq_hw_ctx * */
  __u64 identity;   /* [bpf] as in vqs_queue_ref */
  __u32 hctx;       /* [bpf] hardware queue */
  __u32 generation; /* [bpf] */
  __u32 disk;       /* [bpf] disk entry + 1, 0: not measured */
  __u32 depth;      /* [bpf] slots; 0: the hardware queue is beyond the layout */
  __u32 slot_base;  /* [bpf] first slot of the hardware queue */
  __u32 index;      /* [bpf] vqs_queue; meaningless if depth is 0 */
  __u64 submitter;  /* [bpf] struct blk_mq_ctx * of the request that was issued last */
  __u32 cpu;        /* [bpf] of it */
  __u32 pad[3];
};
VQS_ASSERT_SIZE(struct vqs_found, 64);

/*
 * The request in flight that holds a tag, at disk.slot_base + hctx * disk.depth + tag, in two halves: the CPU that
 * issues writes one, the CPU that completes the other, so that neither waits for a cache line to write to it.
 *
 * A request is in flight while the halves' numbers differ. If they differ by more than one, the completions between
 * were not seen.
 */
struct vqs_slot {
  __u64 request;  /* [bpf] struct request * that was issued last */
  __u64 issue_ns; /* [bpf] of it */
  __u32 cpu;      /* [bpf] that submitted it */
  __u32 issued;   /* [bpf] number of issues, written last; wraps around */
  __u32 op;       /* [bpf] REQ_OP_* of it */
  /* [bpf] Lower half of its start_time_ns: with `request`, what tells it from those that had the tag before and whose
   * completion, and now its issue, were not seen. */
  __u32 start;
};
VQS_ASSERT_SIZE(struct vqs_slot, 32);

/* Whoever holds the tag is the only writer, but for the agent, which ends what a quiet disk has left. The slots' share
 * of the time integral of in-flight is the sum of spent_ns, and of the time since issue_ns of those that are in flight.
 */
struct vqs_slot_end {
  __u64 spent_ns; /* [bpf] that earlier requests were in flight */
  __u32 ended;    /* [bpf] `issued` of the request that was last completed or pushed back; written before spent_ns */
  __u32 pad;
};
VQS_ASSERT_SIZE(struct vqs_slot_end, 16);

struct vqs_op {
  __u64 device_ns; /* [bpf] sum of issue -> final completion (D2C) */
  __u64 queue_ns;  /* [bpf] sum of start -> issue (Q2D) */
  __u64 bytes;     /* [bpf] completed without error */
  __u64 errors;    /* [bpf] completions with an error */
  __u64 pad[4];
  __u64 device_cells[VQS_CELLS]; /* [bpf] D2C histogram */
  __u64 queue_cells[VQS_CELLS];  /* [bpf] Q2D histogram; a request without a start time is not in it */
};
VQS_ASSERT_SIZE(struct vqs_op, 64 + 16 * VQS_CELLS);

/* Operations that have a copy of their own for the owner. */
enum { VQS_OWNED_OPS = VQS_WRITE + 1 };

/*
 * A hardware queue. Its requests can complete on any CPU, but mostly do on the one that takes the interrupt: that
 * one, the owner, counts reads and writes in records that it alone writes, without atomic updates. A counter is the
 * sum of both copies.
 */
struct vqs_queue {
  __u32 irq;        /* [agent] interrupt + 1 that completes this queue, 0: not known */
  __u32 owner;      /* [agent] CPU + 1, 0: none; between two owners there is none for longer than a program runs */
  __u64 requeues;   /* [bpf] requests pushed back */
  __s64 account_ns; /* [bpf] kernel's I/O accounting minus the sums of the ops, see complete() */
  __u64 pad[5];
  struct vqs_op ops[VQS_OPS];
  struct vqs_op own[VQS_OWNED_OPS];
};
VQS_ASSERT_SIZE(struct vqs_queue, 64 + VQS_OPS * sizeof(struct vqs_op) + VQS_OWNED_OPS * sizeof(struct vqs_op));

/* A cache line, because a completion writes to one of them only. */
struct vqs_locality {
  __u64 local;    /* [bpf] the queue's interrupt was last taken by the submitting CPU */
  __u64 cross;    /* [bpf] by another CPU */
  __u64 unknown;  /* [bpf] queue without a traced interrupt */
  __u64 local_ns; /* [bpf] of those that are `local`: sum of interrupt, or issue if that was later -> completion */
  __u64 cross_ns; /* [bpf] likewise */
  __u64 pad[3];
};

/* Completed requests by the CPU that submitted them, at queue index * possible CPUs + CPU. */
struct vqs_origin {
  struct vqs_locality any; /* completed on any CPU */
  struct vqs_locality own; /* completed on the queue's owner */
};
VQS_ASSERT_SIZE(struct vqs_origin, 128);

/* Times in the handler, below 2^16 ns each, that are gathered before they, and the next one, are put into the
 * histogram. A longer one takes those that were gathered along at once. */
enum { VQS_GATHERED = 8 };

/*
 * An interrupt number: what is written at every interrupt, in one cache line, because an interrupt finds the caches
 * cold. The kernel runs the handlers of one interrupt on one CPU at a time, so there is one writer.
 *
 * `count` is that of the CPU `counting`; those of the others are in vqs_vector_cpu. They change places when another CPU
 * takes the interrupt: `switches` is then counted first, and `counting` is 0 until it is done.
 */
struct vqs_irq {
  __u32 vector;                    /* [agent] vqs_vector index + 1, 0: no disk's */
  __u32 last_cpu;                  /* [bpf] CPU + 1 that last took it, 0: never */
  __u64 action;                    /* [bpf] struct irqaction * with the vector's name, learned at the first interrupt */
  __u64 entry_ns;                  /* [bpf] start of the handler that ran last; odd: it runs now. 0: none */
  __u64 count;                     /* [bpf] interrupts that `counting` took */
  __u32 counting;                  /* [bpf] CPU + 1 */
  __u32 switches;                  /* [bpf] */
  __u16 gathered_ns[VQS_GATHERED]; /* [bpf] times in the handler that are not in vqs_vector yet */
  __u32 gathered;                  /* [bpf] how many, written last */
  __u32 moves;                     /* [bpf] into vqs_vector, begun and ended: odd in between */
};
VQS_ASSERT_SIZE(struct vqs_irq, 64);

/* An interrupt of a disk. */
struct vqs_vector {
  char name[VQS_ACTION_NAME]; /* [agent] name of the action to follow on this line */
  __u64 handler_ns;           /* [bpf] sum of time in the handler */
  __u64 pad[3];
  __u64 handler_cells[VQS_CELLS]; /* [bpf] */
};
VQS_ASSERT_SIZE(struct vqs_vector, 64 + 8 * VQS_CELLS);

/* At vector index * possible CPUs + CPU. */
struct vqs_vector_cpu {
  __u64 count; /* [bpf] interrupts taken, unless they are in vqs_irq */
};
VQS_ASSERT_SIZE(struct vqs_vector_cpu, 8);

/* What a CPU spends on the disks' completions; only programs on that CPU write to it. */
struct vqs_cpu {
  __u64 hardirq_ns;      /* [bpf] in the handlers of the disks' interrupts */
  __u64 softirq_ns;      /* [bpf] in the BLOCK softirq, without such handlers that interrupted it */
  __u64 softirq_from_ns; /* [bpf] start of the BLOCK softirq that runs now, 0: none */
  __u64 hardirq_then_ns; /* [bpf] hardirq_ns at that moment */
  __u64 pad[4];
};
VQS_ASSERT_SIZE(struct vqs_cpu, 64);

/*
 * The path from a disk's struct request_queue, or a hardware queue's struct blk_mq_hw_ctx, to one of its locks, at disk
 * entry * VQS_LOCKS + kind. The agent finds the offsets in the kernel's type information: drivers that are modules come
 * when the programs have been loaded.
 */
struct vqs_lock_path {
  __u32 known;                      /* [agent] 0: there is no such lock, or nobody knows where */
  __u32 from_context;               /* [agent] it begins at the struct blk_mq_hw_ctx */
  __u32 of_disk;                    /* [agent] the lock is one for all hardware queues */
  __u32 pointers;                   /* [agent] how many are followed */
  __u32 offsets[VQS_LOCK_POINTERS]; /* [agent] of each pointer in what the one before leads to */
  __u32 lock;                       /* [agent] offset of the lock of hardware queue 0 in what the last leads to */
  __u32 stride;                     /* [agent] from there to that of the next */
  /* [agent] Of the pointers from the struct request_queue to the elevator's name. */
  __u32 name_offsets[VQS_LOCK_POINTERS];
  __u64 elevator[VQS_ELEVATOR_NAME / 8]; /* [agent] that has to be in force, zero-padded; all zero: any */
};
VQS_ASSERT_SIZE(struct vqs_lock_path, 64);

/* Where a lock is and how it was found, at queue index * VQS_LOCKS + kind; that of a whole disk at its first queue. */
struct vqs_lock {
  __u64 address; /* [bpf] 0: there is none */
  __u64 queue;   /* [bpf] struct request_queue * */
  __u64 context; /* [bpf] struct blk_mq_hw_ctx * */
  __u32 hctx;    /* [bpf] hardware queue */
  __u32 path;    /* [bpf] vqs_lock_path */
  __u32 round;   /* [bpf] in which that was found, see vqs_control.learn; written last */
  __u32 pad;
};
VQS_ASSERT_SIZE(struct vqs_lock, 40);

/* A set of the hash table from a lock's address to its index, at vqs_lock_hash(). */
struct vqs_lock_set {
  __u64 addresses[VQS_LOCK_WAYS]; /* [agent] 0: free */
  __u32 locks[VQS_LOCK_WAYS];     /* [agent] vqs_lock, written before the address */
  __u64 pad[2];
};
VQS_ASSERT_SIZE(struct vqs_lock_set, 64);

static inline __u32 vqs_lock_hash(__u64 address)
{
  return (__u32)(address * 0x9e3779b97f4a7c15ULL >> 32) & (VQS_LOCK_SETS - 1);
}

/* Waits of one CPU for a lock, at CPU * locks + lock; only programs on that CPU write to it. */
struct vqs_lock_waits {
  __u64 count;      /* [bpf] waits that are over */
  __u64 wait_ns;    /* [bpf] how long they took together */
  __u64 longest_ns; /* [bpf] and the longest of them */
  __u64 pad;
};
VQS_ASSERT_SIZE(struct vqs_lock_waits, 32);

/* For which locks a CPU has vqs_lock_waits that are not 0: a bit each, so many words for each CPU. [bpf] */
static inline __u32 vqs_lock_words(__u32 locks)
{
  return (locks + 63) / 64;
}

/* Locks of disks that a CPU waits for now. */
struct vqs_waiting {
  __u64 locks[VQS_NESTED_WAITS];    /* [bpf] addresses, 0: free */
  __u64 since_ns[VQS_NESTED_WAITS]; /* [bpf] */
  /* By the last bits of their index: locks whose path was followed, and when. */
  __u64 followed[VQS_FOLLOWED_LOCKS];    /* [bpf] addresses to which it led */
  __u64 followed_ns[VQS_FOLLOWED_LOCKS]; /* [bpf] */
};
VQS_ASSERT_SIZE(struct vqs_waiting, 128);

/* virtioN -> its first vqs_notify record. */
struct vqs_virtio_device {
  __u32 first; /* [agent] record of virtqueue `skip` */
  __u32 count; /* [agent] records; 0: not a disk */
  __u32 skip;  /* [agent] virtqueues before the first request queue (virtio-scsi: control and event) */
  __u32 pad;
};
VQS_ASSERT_SIZE(struct vqs_virtio_device, 16);

/* Notifications (kicks) of one virtqueue. */
struct vqs_notify {
  __u64 sum_ns; /* [bpf] */
  __u64 pad[7];
  __u64 cells[VQS_CELLS]; /* [bpf] */
};
VQS_ASSERT_SIZE(struct vqs_notify, 64 + 8 * VQS_CELLS);

/* A call of a notifying function, from its entry to its exit, and after that until another takes the place. The
 * programs that are run for a call run one after the other, and only they write to it. */
struct vqs_notify_call {
  __u64 key;       /* [bpf] the task, and where on its stack its arguments lie; 0: none yet */
  __u64 virtqueue; /* [bpf] struct virtqueue * */
  __u64 start_ns;  /* [bpf] of the entry, as the last entry program saw it */
  __u32 begun;     /* [bpf] a bit for each entry program that was run for it, 0: it has ended */
  __u32 ended;     /* [bpf] a bit for each exit program that was run for it */
};
VQS_ASSERT_SIZE(struct vqs_notify_call, 32);

struct vqs_notify_set {
  struct vqs_notify_call calls[VQS_NOTIFY_WAYS];
};
VQS_ASSERT_SIZE(struct vqs_notify_set, 32 * VQS_NOTIFY_WAYS);

#endif
