/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where the locks of a disk are, found on the way of a request that passes by. Only rq_issue does this, and only while
 * the agent asks for it (vqs_control.learn); lock.bpf.c counts who waits for them.
 */
#ifndef VQSCOPE_LEARN_H
#define VQSCOPE_LEARN_H

#include "common.h"

ARRAY_OF(struct vqs_lock_path) lock_paths SEC(".maps");
ARRAY_OF(struct vqs_lock) locks SEC(".maps");

/* Where the pointers lead, 0: nowhere. */
static __always_inline __u64 follow(__u64 at, const __u32 *offsets, __u32 pointers)
{
  __u32 i;

  for (i = 0; i < VQS_LOCK_POINTERS && i < pointers; i++) {
    if (bpf_probe_read_kernel(&at, sizeof(at), (const void *)(at + offsets[i])))
      return 0;
    if (!at)
      return 0;
  }
  return at;
}

/* Whether the elevator in force is that of which the path is; what the agent knows may be old. */
static __always_inline bool is_in_force(const struct vqs_lock_path *path, __u64 queue)
{
  __u64 name[VQS_ELEVATOR_NAME / 8] = {}, at;

  if (!path->elevator[0])
    return true;
  at = follow(queue, path->name_offsets, VQS_LOCK_POINTERS);
  return at && bpf_probe_read_kernel_str(name, sizeof(name), (const void *)at) > 0 && name[0] == path->elevator[0] &&
         name[1] == path->elevator[1];
}

/* Of one kind; `disk` and `index`: where disk and hardware queue are in the arrays. */
static __noinline void learn_lock(__u64 queue, __u64 context, const struct vqs_found *found, __u32 kind, __u32 round)
{
  struct vqs_lock_path *path;
  struct vqs_lock *lock;
  __u64 address = 0;
  __u32 index;

  if (!found)
    return;
  index = (found->disk - 1) * VQS_LOCKS + kind;
  path = bpf_map_lookup_elem(&lock_paths, &index);
  if (!path)
    return;
  index = (path->of_disk ? found->index - found->hctx : found->index) * VQS_LOCKS + kind;
  lock = bpf_map_lookup_elem(&locks, &index);
  if (!lock)
    return;
  if (path->known && is_in_force(path, queue)) {
    address = follow(path->from_context ? context : queue, path->offsets, path->pointers);
    if (address)
      address += path->lock + (__u64)path->stride * found->hctx;
  }
  lock->address = address;
  publish(&lock->round, round);
}

/* Looks once in each round where the locks of the request's hardware queue are. */
static __noinline void learn_locks(struct request *rq, const struct vqs_found *found, __u32 round)
{
  const struct vqs_lock *lock;
  __u64 queue, context;
  __u32 index, kind;

  if (!found || !found->depth)
    return;
  index = found->index * VQS_LOCKS + VQS_DISPATCH_LOCK;
  lock = bpf_map_lookup_elem(&locks, &index);
  if (!lock || lock->round == round)
    return;
  /* As numbers: the verifier lets nothing be computed with the pointers themselves. */
  if (bpf_core_read(&queue, sizeof(queue), &rq->q) || bpf_core_read(&context, sizeof(context), &rq->mq_hctx))
    return;
  for (kind = 0; kind < VQS_LOCKS; kind++) learn_lock(queue, context, found, kind, round);
}

#endif
