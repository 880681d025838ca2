// SPDX-License-Identifier: Apache-2.0
// Whether a disk is at its end while requests wait, and how that shows: the judgement behind storage_limit, which other
// findings defer to. Pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/diagnosis/finding.h"

namespace vqscope {

struct Limit {
  // The rate stayed while in-flight, or the size of the requests, did not. Otherwise it is only that many are in flight
  // and that nearly all of them wait equally long.
  bool seen = false;
  // The rate is as steady as a limit that somebody has set makes it.
  bool looks_set = false;
  // The queues share it: what one brought less, others brought more (Measured::moved_queue).
  bool shared = false;
  // Why what completed may have waited for vCPUs; empty: they had time.
  std::string doubt;
};

// Whether this guest itself is what requests wait for from issue on: by what its layout was measured to cost, a vCPU
// that completions have used up, or the greater part of that time. Then neither the device nor a limit is to blame.
bool is_held_up_here(const Measured& measured);

std::optional<Limit> find_limit(const DiskEvidence& evidence);

// about_no_spare_time() of what was measured.
std::string about_vcpus_time(const DiskEvidence& evidence);

// Whether there is one that was seen, while vCPUs had time.
bool sees_limit(const DiskEvidence& evidence);

// Whether the one thread that serves a queue at the host may be what the disk waits for, by a sign that was seen.
bool may_be_queues_thread(const DiskEvidence& evidence);

// Whether what was seen speaks against that thread: a limit that looks set or is shared by the queues, or a disk that
// no hypervisor's thread serves.
bool is_queues_thread_ruled_out(const DiskEvidence& evidence);

// Whether nearly all of these took about as long as half of them did, but for one or two in ten.
bool are_about_as_slow(const Histogram& latency);

// "the one thread of the host that serves the queue", which is known of some hypervisors only.
std::string_view who_serves(const DiskEvidence& evidence);

// The id of the finding that says what nearly all of the requests' time is for, so that a layout of queues is not
// blamed for it; empty when there is none.
std::string_view told_by_another(const DiskEvidence& evidence);

}  // namespace vqscope
