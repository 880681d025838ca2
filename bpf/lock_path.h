/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The path from a request's queues to the locks of its disk, which the agent has found in the kernel's type
 * information.
 */
#ifndef VQSCOPE_LOCK_PATH_H
#define VQSCOPE_LOCK_PATH_H

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

/* Address of the lock at the end of a path, 0: there is none, or the hardware queue is no longer the request queue's.
 * As numbers: the verifier lets nothing be computed with the pointers themselves. */
static __always_inline __u64 lock_at(const struct vqs_lock_path *path, __u64 queue, __u64 context, __u32 hctx)
{
  __u64 address, owner;

  if (!path->known || !is_in_force(path, queue))
    return 0;
  if (bpf_core_read(&owner, sizeof(owner), &((struct blk_mq_hw_ctx *)context)->queue) || owner != queue)
    return 0;
  address = follow(path->from_context ? context : queue, path->offsets, path->pointers);
  return address ? address + path->lock + (__u64)path->stride * hctx : 0;
}

#endif
