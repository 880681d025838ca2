// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "agent/base/clock.h"
#include "agent/collector/collector.h"
#include "agent/collector/uevents.h"
#include "agent/source/source.h"

namespace vqscope {

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// A reading that is due each second comes a little early now and then.
constexpr std::uint64_t kEarlyNs = 50'000'000;

class ThisMachine : public Source {
 public:
  ThisMachine(std::unique_ptr<Collector> collector, std::optional<UeventMonitor> uevents, SystemPaths paths,
              std::uint64_t refresh_ns)
      : collector_(std::move(collector)),
        uevents_(std::move(uevents)),
        paths_(std::move(paths)),
        refresh_ns_(uevents_ ? refresh_ns : std::min(refresh_ns, kSecondNs)) {}

  Result<std::optional<DecodedSnapshot>> read() override {
    const std::uint64_t now = monotonic_ns() + kEarlyNs;
    const bool moved = uevents_ && uevents_->drain();
    if (moved || now >= refreshed_ns_ + refresh_ns_ || collector_->outdated()) {
      collector_->refresh();
      refreshed_ns_ = now - kEarlyNs;
    }
    if (now >= sampled_ns_ + kSecondNs) {
      collector_->sample();
      sampled_ns_ = now - kEarlyNs;
    }
    return DecodedSnapshot{make_recording_header(paths_.procfs, collector_->counting_since_ns()),
                           collector_->reading()};
  }

  [[nodiscard]] std::string place() const override {
    char name[HOST_NAME_MAX + 1] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
  }

 private:
  std::unique_ptr<Collector> collector_;
  std::optional<UeventMonitor> uevents_;
  SystemPaths paths_;
  std::uint64_t refresh_ns_;
  std::uint64_t refreshed_ns_ = monotonic_ns(), sampled_ns_ = refreshed_ns_;  // when the collector was made
};

}  // namespace

Result<std::unique_ptr<Source>> open_this_machine(const MeasureOptions& options, DeviceFilter filter,
                                                  std::uint64_t refresh_ns) {
  auto monitor = UeventMonitor::create();
  if (!monitor) spdlog::warn("disks are looked for every second only: {}", monitor.error().message);
  auto collector = Collector::create({options.paths, std::move(filter), options.required_probes});
  if (!collector) return tl::unexpected(collector.error());
  std::optional<UeventMonitor> uevents;
  if (monitor) uevents.emplace(std::move(*monitor));
  return std::make_unique<ThisMachine>(std::move(*collector), std::move(uevents), options.paths, refresh_ns);
}

}  // namespace vqscope
