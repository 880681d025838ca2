// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/service_manager.h"

#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <cstdint>
#include <cstring>

namespace vqscope {

namespace {

// Readings are taken once a second.
constexpr std::uint64_t kShortestWatchdogUs = 3'000'000;

}  // namespace

ServiceManager::ServiceManager() {
  std::uint64_t microseconds = 0;
  const int enabled = ::sd_watchdog_enabled(0, &microseconds);
  if (enabled < 0) spdlog::warn("the watchdog stays off, WATCHDOG_USEC is not valid: {}", std::strerror(-enabled));
  watchdog_ = enabled > 0;
  if (watchdog_ && microseconds < kShortestWatchdogUs)
    spdlog::warn("the service manager's watchdog of {} us is too short for one reading a second; give it some seconds",
                 microseconds);
}

void ServiceManager::send(const std::string& message) {
  const int sent = ::sd_notify(0, message.c_str());
  if (sent >= 0 || failed_) return;
  failed_ = true;
  spdlog::warn("cannot tell the service manager (NOTIFY_SOCKET): {}", std::strerror(-sent));
}

void ServiceManager::ready(const std::string& status) {
  status_ = status;
  send("READY=1\nSTATUS=" + status);
}

void ServiceManager::status(const std::string& status) {
  if (status == status_) return;
  status_ = status;
  send("STATUS=" + status);
}

void ServiceManager::collected() {
  if (watchdog_) send("WATCHDOG=1");
}

void ServiceManager::stopping() { send("STOPPING=1\nSTATUS=Stopping"); }

}  // namespace vqscope
