// SPDX-License-Identifier: Apache-2.0
// What the probes did not see of a window, in people's words, and how much of the whole it is. Pure and thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/losses.h"
#include "agent/model/snapshot.h"

namespace vqscope {

struct LossKind {
  std::string_view what;     // "request", of which a plural can be made
  std::string_view details;  // "whose completion was not seen"
  std::string_view why;      // sentences: how it comes, and what it does to the numbers
};

// By enum vqs_loss; kLossNames has the names.
extern const std::array<LossKind, VQS_LOSSES> kLossKinds;

struct Loss {
  std::size_t kind = 0;              // enum vqs_loss
  std::uint64_t events = 0;          // not 0
  std::optional<std::uint64_t> all;  // that there were, with those; absent: these events are not of one thing each

  [[nodiscard]] std::optional<double> share() const;
};

// Between two readings; nullopt without BPF, empty when nothing was lost.
std::optional<std::vector<Loss>> losses_between(const Snapshot& earlier, const Snapshot& later);

// "Not counted: 44 of 231,044 requests (0.02 %), whose completion was not seen [stale_slot]"
std::string tell(const Loss& loss);

}  // namespace vqscope
