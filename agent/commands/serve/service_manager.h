// SPDX-License-Identifier: Apache-2.0
// Talks to the service manager that started the daemon (sd_notify(3)).
#pragma once

#include <string>

namespace vqscope {

// Does nothing where no service manager listens (NOTIFY_SOCKET is not set). Failures are logged once, and do not keep
// the daemon from its work. Not thread-safe.
class ServiceManager {
 public:
  ServiceManager();

  // Serving, after the first reading. `status` is a line for people, as of all functions here.
  void ready(const std::string& status);
  // Sent if it differs from the last.
  void status(const std::string& status);
  // A reading was taken just now. Feeds the watchdog, if the service manager asked for one, and nothing else does:
  // while readings hang, or the lock that they share with the endpoint is held, the service manager will restart the
  // agent.
  void collected();
  void stopping();

 private:
  void send(const std::string& message);

  bool watchdog_ = false;
  bool failed_ = false;
  std::string status_;
};

}  // namespace vqscope
