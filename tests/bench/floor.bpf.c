// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What the measurement itself costs: programs that do nothing; programs that read the clock once, which is the least
 * that anything with two timestamps does; and one histogram of one disk with one hardware queue, in which nothing is
 * looked up, which is the least that a latency histogram of ours does.
 */
#include "bpf/common.h"

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

/* Nothing else is on these: not every kernel has them. */
SEC("tp_btf/contention_begin")
int bare_begin(__u64 *ctx) {
  (void)ctx;
  return 0;
}

SEC("tp_btf/contention_end")
int bare_end(__u64 *ctx) {
  (void)ctx;
  return 0;
}

enum { LEAST_SLOTS = 1024, LEAST_REQUEST = 0, LEAST_ISSUE_NS, LEAST_FIELDS };

__u64 least_sum;
__u64 least_cells[VQS_CELLS];
__u64 least_slots[LEAST_SLOTS][LEAST_FIELDS];

SEC("tp_btf/block_rq_issue")
int least_issue(__u64 *ctx) {
  struct request *rq = (struct request *)ctx[0];
  __u64 *slot = least_slots[rq->tag & (LEAST_SLOTS - 1)];

  slot[LEAST_REQUEST] = (__u64)rq;
  slot[LEAST_ISSUE_NS] = bpf_ktime_get_ns();
  return 0;
}

SEC("tp_btf/block_rq_complete")
int least_complete(__u64 *ctx) {
  struct request *rq = (struct request *)ctx[0];
  __u64 *slot = least_slots[rq->tag & (LEAST_SLOTS - 1)];
  __u64 now = bpf_ktime_get_ns();

  if (slot[LEAST_REQUEST] == (__u64)rq) {
    slot[LEAST_REQUEST] = 0;
    observe(true, least_cells, &least_sum, NSEC_SINCE(now, slot[LEAST_ISSUE_NS]));
  }
  return 0;
}

enum { LEAST_LINES = 256, LEAST_ENTRY_NS = 0, LEAST_COUNT, LEAST_LINE_FIELDS = 8 };

__u64 least_lines[LEAST_LINES][LEAST_LINE_FIELDS];
__u64 least_handler_sum;
__u64 least_handler_cells[VQS_CELLS];

SEC("tp_btf/irq_handler_entry")
int least_entry(__u64 *ctx) {
  __u64 *line = least_lines[ctx[0] & (LEAST_LINES - 1)];

  line[LEAST_ENTRY_NS] = bpf_ktime_get_ns();
  line[LEAST_COUNT]++;
  return 0;
}

SEC("tp_btf/irq_handler_exit")
int least_exit(__u64 *ctx) {
  __u64 *line = least_lines[ctx[0] & (LEAST_LINES - 1)];
  __u64 now = bpf_ktime_get_ns();

  observe(true, least_handler_cells, &least_handler_sum, NSEC_SINCE(now, line[LEAST_ENTRY_NS]));
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
