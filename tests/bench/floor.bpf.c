// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What the measurement itself costs: programs that do nothing, and programs that read the clock once, which is the
 * least that anything with two timestamps does.
 */
#include "bpf/kernel.h"

#define REFERENCE(event, tracepoint)     \
  SEC("tp_btf/" tracepoint)              \
  int empty_##event(__u64 *ctx) {        \
    (void)ctx;                           \
    return 0;                            \
  }                                      \
  SEC("tp_btf/" tracepoint)              \
  int clock_##event(__u64 *ctx) {        \
    (void)ctx;                           \
    return (int)bpf_ktime_get_ns() == 0; \
  }

REFERENCE(issue, "block_rq_issue")
REFERENCE(complete, "block_rq_complete")
REFERENCE(entry, "irq_handler_entry")
REFERENCE(exit, "irq_handler_exit")

char LICENSE[] SEC("license") = "Dual BSD/GPL";
