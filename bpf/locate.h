/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From a request to its hardware queue's place in the arrays. The disk's name leads there, once for each request_queue
 * in a generation of the agent's table; where that led is kept for each CPU.
 */
#ifndef VQSCOPE_LOCATE_H
#define VQSCOPE_LOCATE_H

#include "common.h"

/* The kernel does not run a program inside of itself on one CPU (6.2, 05b24ff9b2cf), so what one CPU alone writes in
 * one program has one writer. */
const volatile __u8 never_nested = 0;

ARRAY_OF(struct vqs_control) control SEC(".maps");
ARRAY_OF(struct vqs_name) names SEC(".maps");
ARRAY_OF(struct vqs_disk) disks SEC(".maps");
ARRAY_OF(struct vqs_queue_ref) queue_refs SEC(".maps");
ARRAY_OF(struct vqs_found) found_queues SEC(".maps");

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
  ref->identity = identity_of(gendisk);
  return resolved;
}

/* Fills `found` for the hardware queue of a request; false if the disk is not measured or has no place. */
static __noinline bool find_queue(struct request *rq, struct vqs_found *found, __u32 generation)
{
  struct request_queue *q = rq->q;
  __u32 id = q->id, hctx = rq->mq_hctx->queue_num, entry;
  struct vqs_queue_ref *ref;
  struct vqs_disk *disk;
  __u64 resolved;
  bool known;

  if (!found)
    return false;
  found->context = (__u64)rq->mq_hctx;
  found->identity = identity_of(disk_of(rq));
  found->hctx = hctx;
  found->generation = generation;
  found->submitter = 0;
  found->cpu = 0;
  found->disk = 0;
  found->depth = 0;
  found->slot_base = 0;
  found->index = 0;
  ref = bpf_map_lookup_elem(&queue_refs, &id);
  if (!ref) { /* not known whether it is measured: every issue is lost */
    found->disk = VQS_MAX_DISKS + 1;
    return true;
  }
  /* Before what was written before it, see struct vqs_queue_ref. */
  known = *(volatile __u64 *)&ref->identity == found->identity && *(volatile __u64 *)&ref->queue == (__u64)q;
  resolved = *(volatile __u64 *)&ref->resolved;
  if (!known || resolved >> 32 != generation)
    resolved = resolve(ref, rq, generation);
  entry = (__u32)resolved - 1;
  disk = bpf_map_lookup_elem(&disks, &entry);
  if (!disk)
    return false;
  found->disk = entry + 1;
  if (hctx >= disk->queues)
    return true;
  found->depth = disk->depth;
  found->slot_base = disk->slot_base + hctx * disk->depth;
  found->index = disk->queue_base + hctx;
  return true;
}

/* Where this program keeps, for this CPU, what it finds about this hardware queue; NULL never. */
static __always_inline struct vqs_found *found_by(enum vqs_finder finder, const struct request *rq)
{
  __u32 bits, index;

  /* A copy: the verifier lets nothing be computed with the pointer itself. */
  asm("%0 = %1" : "=&w"(bits) : "w"((__u32)(__u64)rq->mq_hctx));
  index = (bpf_get_smp_processor_id() * VQS_FINDERS + finder) * VQS_FOUND + (bits >> 10 ^ bits >> 13) % VQS_FOUND;
  return bpf_map_lookup_elem(&found_queues, &index);
}

/* Where the hardware queue of a request is in the arrays; NULL if the disk is not measured or has no place. `own` is
 * used where a program may nest: what it found before could be half written then. */
static __always_inline struct vqs_found *locate(struct request *rq, const struct vqs_control *ctl,
                                                enum vqs_finder finder, struct vqs_found *own)
{
  __u32 generation = *(volatile __u32 *)&ctl->generation;
  struct vqs_found *found;

  if (!never_nested)
    return find_queue(rq, own, generation) ? own : NULL;
  found = found_by(finder, rq);
  if (!found)
    return NULL;
  if (found->context != (__u64)rq->mq_hctx || found->generation != generation ||
      found->hctx != rq->mq_hctx->queue_num || found->identity != identity_of(disk_of(rq)))
    find_queue(rq, found, generation);
  return found->disk ? found : NULL;
}

/* What locate() found last for the hardware queue's address; NULL if there is nothing. The address may belong to
 * another disk or have another number by now, so it has to be shown that the request was issued there. */
static __always_inline const struct vqs_found *recall(struct request *rq, const struct vqs_control *ctl,
                                                      enum vqs_finder finder)
{
  const struct vqs_found *found = found_by(finder, rq);

  if (!found || found->context != (__u64)rq->mq_hctx || found->generation != *(volatile __u32 *)&ctl->generation)
    return NULL;
  return found->disk ? found : NULL;
}

#endif
