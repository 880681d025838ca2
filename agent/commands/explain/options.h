// SPDX-License-Identifier: Apache-2.0
// What `vqscope explain` is asked to explain.
#pragma once

#include <string>

namespace vqscope {

struct ExplainOptions {
  std::string topic;  // id of a finding, or another section of FINDINGS.md, or a kind of lost events; empty: list them
};

}  // namespace vqscope
