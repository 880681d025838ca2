// SPDX-License-Identifier: Apache-2.0
// Where pages are served, and with what rights: what serve does whatever its pages are of.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/base/result.h"
#include "agent/commands/serve/options.h"
#include "agent/commands/serve/rights.h"
#include "exporters/http/connections.h"
#include "exporters/http/listener.h"
#include "exporters/http/server.h"
#include "exporters/http/web_config_file.h"

namespace vqscope {

// Not thread-safe.
class Endpoint {
 public:
  // Finds the account, reads the configuration file and listens: what is found here is what holds.
  static Result<Endpoint> open(const ServeOptions& options);

  // From here on what was opened is all that there is: nothing after the start needs a right, a file outside procfs,
  // sysfs and the configuration, or a system call that serving does not make. Before any other thread is started.
  Result<void> give_up(const ServeOptions& options) const;

  // Serves, and logs where. The server refers to this object and to `connections`. To be called once, after give_up().
  Result<std::unique_ptr<HttpServer>> start(const ServeOptions& options, Connections& connections, HttpHandler handler);

  // SIGHUP is how exporters are told to read their configuration again.
  void reload();

 private:
  Endpoint() = default;

  std::optional<Account> account_;
  std::unique_ptr<WebConfigFile> rules_;  // null without --web.config.file
  std::vector<Listener> listeners_;
};

}  // namespace vqscope
