// SPDX-License-Identifier: Apache-2.0
// The file of --web.config.file.
#include "exporters/http/web_config.h"
#include "tests/fuzz/fuzz.h"

using vqscope::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = vqscope::parse_web_config(vqscope::fuzz::text(data, size));
  if (!config)
    require(!config.error().message.empty());
  else if (config->tls)
    require(config->tls->certificate.given() && config->tls->key.given());
  return 0;
}
