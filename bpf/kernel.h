/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The few kernel types and fields that the programs read, relocated by CO-RE to the running kernel's layout.
 * A name___suffix is an older or newer shape of the same kernel type: libbpf ignores the suffix.
 */
#ifndef VQSCOPE_KERNEL_H
#define VQSCOPE_KERNEL_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define KERNEL_TYPE __attribute__((preserve_access_index))

struct gendisk {
  char disk_name[32];
  __u64 diskseq; /* since 5.15 (cf179948554a) */
} KERNEL_TYPE;

struct request_queue {
  int id;
  struct gendisk *disk; /* since 5.15 (d152c682f03c) */
} KERNEL_TYPE;

struct blk_mq_ctx {
  unsigned int cpu;
} KERNEL_TYPE;

struct blk_mq_hw_ctx {
  struct request_queue *queue;
  unsigned int queue_num;
} KERNEL_TYPE;

struct request {
  struct request_queue *q;
  struct blk_mq_ctx *mq_ctx;
  struct blk_mq_hw_ctx *mq_hctx;
  unsigned int cmd_flags;
  unsigned int rq_flags;
  int tag;
  int internal_tag;
  unsigned int __data_len;
  struct {
    int count;
  } ref; /* atomic_t, in older kernels refcount_t: either is a count and nothing else */
  __u64 start_time_ns;
} KERNEL_TYPE;

/* Until 5.17 (f3fa33acca9f). */
struct request___rq_disk {
  struct gendisk *rq_disk;
} KERNEL_TYPE;

/* REQ_OP_*: only these four have kept their numbers. */
enum { REQ_OP_MASK = 0xff, REQ_OP_READ = 0, REQ_OP_WRITE = 1, REQ_OP_FLUSH = 2, REQ_OP_DISCARD = 3 };

/* REQ_OP_SCSI_IN and _OUT (until 5.14), REQ_OP_DRV_IN and _OUT: commands of programs and drivers, no block I/O. */
static __always_inline bool is_passthrough(unsigned int op)
{
  return op >= 32 && op <= 35;
}

struct irqaction {
  const char *name;
} KERNEL_TYPE;

struct virtio_device {
  int index;
} KERNEL_TYPE;

struct virtqueue {
  struct virtio_device *vdev;
  unsigned int index;
} KERNEL_TYPE;

static __always_inline struct gendisk *disk_of(struct request *rq)
{
  struct request___rq_disk *old = (void *)rq;

  if (bpf_core_field_exists(old->rq_disk))
    return old->rq_disk;
  return rq->q->disk;
}

/* Tells a disk from every other that was or will be, and changes with its medium; before 5.15 only the beginning of its
 * name. 0: a queue without a disk. */
static __always_inline __u64 identity_of(struct gendisk *gendisk)
{
  if (bpf_core_field_exists(gendisk->diskseq))
    return gendisk->diskseq;
  return *(__u64 *)gendisk->disk_name;
}

#endif
