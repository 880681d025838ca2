// SPDX-License-Identifier: Apache-2.0
// The BPF programs, loaded and attached. Each probe is tried on its own: what this kernel or this process's rights
// do not allow is an error that says so, and the other probes run on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/probes/arrays.h"

struct bpf_program;

namespace vqscope {

// Attached programs; the destructor detaches and unloads them. The kernel does the same when the process is killed.
class Probe {
 public:
  virtual ~Probe() = default;
  Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // How often the kernel skipped a program because it interrupted itself on the same CPU; nullopt when the kernel does
  // not tell. Takes no rights and makes no bpf() call.
  [[nodiscard]] virtual std::optional<std::uint64_t> missed_runs() const = 0;
};

using ProbePtr = std::unique_ptr<Probe>;

// Requests: block_rq_issue, block_rq_complete, block_rq_requeue. The arrays must outlive every probe.
Result<ProbePtr> attach_block_probe(const Arrays& arrays);
// Interrupts: irq_handler_entry, irq_handler_exit.
Result<ProbePtr> attach_irq_probe(const Arrays& arrays);
// Notifications: entry and exit of the virtio transports' notify functions that this kernel has.
Result<ProbePtr> attach_notify_probe(const Arrays& arrays);
// Waits for locks: contention_begin, contention_end.
Result<ProbePtr> attach_lock_probe(const Arrays& arrays);

struct ProbeKind {
  std::string_view name;  // as in --require-probe and vqscope_probe_up{probe}
  std::string_view what;  // what is missing without it
  Result<ProbePtr> (*attach)(const Arrays&);
};

// All probes, in the order in which they are attached: interrupts first, so that the first requests already find
// who took their queue's interrupt.
const std::vector<ProbeKind>& probe_kinds();

// Sends libbpf's own messages to the debug log instead of standard error. Call once, before any probe is attached.
void route_libbpf_messages();

}  // namespace vqscope
