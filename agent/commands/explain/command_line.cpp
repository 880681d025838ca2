// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/explain/command_line.h"

#include <memory>

namespace vqscope {

Subcommand<ExplainOptions> add_explain(CLI::App& app) {
  const auto options = std::make_shared<ExplainOptions>();
  CLI::App& explain =
      *app.add_subcommand("explain", "Explain a finding: what it means, how it is decided, how to mend it");
  explain
      .add_option("finding", options->topic,
                  "Such as single_queue, or a kind of lost events, such as stale_slot; without it, all are listed")
      ->type_name("FINDING");
  return {&explain, [options]() -> Result<ExplainOptions> { return std::move(*options); }};
}

}  // namespace vqscope
