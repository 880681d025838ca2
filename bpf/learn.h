/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where the locks of a disk are, found when a request passes by. Only rq_issue does this, and only while the agent asks
 * for it (vqs_control.learn); lock.bpf.c counts who waits for them.
 */
#ifndef VQSCOPE_LEARN_H
#define VQSCOPE_LEARN_H

#include "lock_path.h"

/* Of one kind; `disk` and `index`: where disk and hardware queue are in the arrays. */
static __noinline void learn_lock(__u64 queue, __u64 context, const struct vqs_found *found, __u32 kind, __u32 round)
{
  struct vqs_lock_path *path;
  struct vqs_lock *lock;
  __u32 index, place;

  if (!found)
    return;
  index = (found->disk - 1) * VQS_LOCKS + kind;
  path = bpf_map_lookup_elem(&lock_paths, &index);
  if (!path)
    return;
  place = (path->of_disk ? found->index - found->hctx : found->index) * VQS_LOCKS + kind;
  lock = bpf_map_lookup_elem(&locks, &place);
  if (!lock)
    return;
  lock->address = lock_at(path, queue, context, found->hctx);
  lock->queue = queue;
  lock->context = context;
  lock->hctx = found->hctx;
  lock->path = index;
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
  if (bpf_core_read(&queue, sizeof(queue), &rq->q) || bpf_core_read(&context, sizeof(context), &rq->mq_hctx))
    return;
  for (kind = 0; kind < VQS_LOCKS; kind++) learn_lock(queue, context, found, kind, round);
}

#endif
