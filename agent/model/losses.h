// SPDX-License-Identifier: Apache-2.0
// Names of the reasons in bpf/records.h's enum vqs_loss, as vqscope_probe_lost_events_total{reason} exports them.
#pragma once

#include <array>
#include <string_view>

#include "bpf/records.h"

namespace vqscope {

inline constexpr std::array<std::string_view, VQS_LOSSES> kLossNames = {
    "in_flight_at_attach", "unmatched_completion", "stale_slot",       "no_room",   "queue_out_of_range",
    "tag_out_of_range",    "notify_nesting",       "missed_interrupt", "lock_wait",
};

}  // namespace vqscope
