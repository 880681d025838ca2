/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the three BPF objects share: map declarations, atomic counters, histogram updates. */
#ifndef VQSCOPE_COMMON_H
#define VQSCOPE_COMMON_H

#include "kernel.h"
#include "records.h"

/* The agent creates and maps every array (agent/probes/arrays.h) and hands it to the objects that use it, so the
 * sizes here are placeholders. */
#define ARRAY_OF(record)               \
  struct {                             \
    __uint(type, BPF_MAP_TYPE_ARRAY);  \
    __uint(map_flags, BPF_F_MMAPABLE); \
    __uint(max_entries, 1);            \
    __type(key, __u32);                \
    __type(value, record);             \
  }

#define NSEC_SINCE(now, then) ((now) > (then) ? (now) - (then) : 0)

/* Set between open and load. */
const volatile struct vqs_bucket_table bucket_table = {};
const volatile __u32 possible_cpus = 1;

static __always_inline void add(__u64 *counter, __u64 amount)
{
  __sync_fetch_and_add(counter, amount);
}

/* Adds to a counter that, if `alone`, has no other writer: an atomic update costs some twenty times as much. */
static __always_inline void count(bool alone, __u64 *counter, __u64 amount)
{
  if (alone)
    *counter += amount;
  else
    add(counter, amount);
}

/* Sets a word that has one writer. Who sees it sees what was written before it, and nothing that is written after it is
 * seen before it. */
static __always_inline void publish(__u32 *word, __u32 value)
{
#ifdef __TARGET_ARCH_x86
  asm volatile("" ::: "memory"); /* stores are seen in their order */
  *(volatile __u32 *)word = value;
  asm volatile("" ::: "memory");
#else
  __u32 before = __sync_lock_test_and_set(word, value);

  asm volatile("" ::"r"(before) : "memory");
#endif
}

/* Keeps the compiler from proving away, or moving, a bound that the verifier has to see. */
#define OPAQUE(x) asm volatile("" : "+r"(x))

/* Adds a duration to a histogram. */
static __always_inline void observe(bool alone, __u64 *cells, __u64 *sum, __u64 ns)
{
  __u64 cell = vqs_cell(&bucket_table, ns);

  OPAQUE(cell);
  if (cell >= VQS_CELLS)
    return;
  count(alone, &cells[cell], 1);
  count(alone, sum, ns);
}

#endif
