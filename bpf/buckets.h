/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Latency -> histogram cell, compiled for BPF and natively (tests/unit/buckets_test.cpp).
 *
 * Cells are the buckets of a Prometheus native histogram of schema 3 over seconds: bucket i holds the values v
 * with 2^((i-1)/8) < v <= 2^(i/8) (https://prometheus.io/docs/specs/native_histograms/). A nanosecond count v
 * is in bucket i or below exactly when v <= floor(10^9 * 2^(i/8)), so integers decide, with no rounding.
 *
 *   cell 0                      v <= 2^-21 s (476 ns): underflow, the native histogram's zero bucket
 *   cell 1 .. VQS_LAST_CELL - 1 bucket index VQS_FIRST_INDEX + cell - 1
 *   cell VQS_LAST_CELL          v > 2^8 s (256 s): overflow
 *
 * A sixteenth of an octave is narrower than a bucket, so it holds one boundary at the most: the table gives,
 * for each sixteenth, that boundary and the cell below it, in one word.
 */
#ifndef VQSCOPE_BUCKETS_H
#define VQSCOPE_BUCKETS_H

#include <linux/types.h>

enum {
  VQS_SCHEMA = 3,
  VQS_PER_OCTAVE = 8,
  VQS_FIRST_INDEX = -21 * 8 + 1, /* upper bound 2^(-167/8) s */
  VQS_LAST_INDEX = 8 * 8,        /* upper bound 256 s */
  VQS_LAST_CELL = VQS_LAST_INDEX - VQS_FIRST_INDEX + 2,
  /* 2^8 ns < 476 ns, and 256 s < 2^38 ns: octaves outside have no boundary. */
  VQS_LOW_OCTAVE = 8,
  VQS_HIGH_OCTAVE = 37,
  VQS_SIXTEENTHS = (VQS_HIGH_OCTAVE - VQS_LOW_OCTAVE + 1) * 16,
};

struct vqs_bucket_table {
  __u64 sixteenth[VQS_SIXTEENTHS]; /* boundary << 8 | cell at or below it; all ones << 8: no boundary */
  __u8 log2[256];                  /* position of the highest set bit; of 0: 0 */
};

/* Cell of a duration in nanoseconds: 0 .. VQS_LAST_CELL. */
static inline __u64 vqs_cell(const volatile struct vqs_bucket_table *table, __u64 ns)
{
  __u32 shift, octave, i;
  __u64 sixteenth;

  if (ns < (1ULL << VQS_LOW_OCTAVE))
    return 0;
  if (ns >> (VQS_HIGH_OCTAVE + 1))
    return VQS_LAST_CELL;
  /* Branches, because most requests of a disk take the same one: BPF has no instruction to find the highest bit. */
  if (ns >> 24)
    shift = ns >> 32 ? 32 : 24;
  else
    shift = ns >> 16 ? 16 : 8;
  octave = shift + table->log2[(ns >> shift) & 255];
  i = (octave - VQS_LOW_OCTAVE) * 16 + ((ns >> (octave - 4)) & 15);
  if (i >= VQS_SIXTEENTHS)
    return VQS_LAST_CELL;
  sixteenth = table->sixteenth[i];
  return (sixteenth & 255) + (ns > sixteenth >> 8);
}

#endif
