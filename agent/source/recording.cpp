// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <utility>

#include "agent/source/source.h"

namespace vqscope {

namespace {

constexpr TimeSpan kAlways = {0, std::numeric_limits<std::uint64_t>::max()};

class Recording : public Source {
 public:
  Recording(RecordingReader reader, std::string name, DiskSelection disks, TimeSpan wanted)
      : reader_(std::move(reader)), name_(std::move(name)), disks_(std::move(disks)), wanted_(wanted) {}

  Result<std::optional<DecodedSnapshot>> read() override {
    for (;;) {
      auto next = reader_.next();
      if (!next) return tl::unexpected(next.error());
      if (!*next) return std::nullopt;
      const std::uint64_t at = realtime_of((*next)->header, (*next)->reading.snapshot.time_ns);
      if (at < wanted_.begin_ns || at > wanted_.end_ns) {
        skipped_ = (*next)->segment;
        passed_ = passed_ || at > wanted_.end_ns;
        continue;
      }
      DecodedSnapshot snapshot{(*next)->header, (*next)->reading, (*next)->segment};
      start_with(snapshot);
      if (std::exchange(first_, false))
        if (auto found = find_named(disks_, snapshot.reading.topology); !found) return tl::unexpected(found.error());
      keep_selected(disks_, snapshot.reading);
      return snapshot;
    }
  }

  [[nodiscard]] std::optional<RecordingDamage> damage() const override {
    return passed_ ? std::nullopt : reader_.damage();
  }
  [[nodiscard]] std::string place() const override { return name_; }

 private:
  // A segment of which the beginning is left out starts with its first reading that is not.
  void start_with(DecodedSnapshot& snapshot) {
    if (skipped_ != snapshot.segment) return;
    if (started_ != snapshot.segment) {
      started_ = snapshot.segment;
      start_ = starting_at(snapshot);
    }
    snapshot.header = start_;
  }

  RecordingReader reader_;
  std::string name_;
  DiskSelection disks_;
  TimeSpan wanted_;
  bool first_ = true;
  bool passed_ = false;                           // what comes is after what is wanted
  std::optional<std::size_t> skipped_, started_;  // segments: the last with a reading that was left out, and of start_
  RecordingHeader start_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_recording(const std::filesystem::path& path, DiskSelection disks) {
  auto reader = RecordingReader::open(path);
  if (!reader) return tl::unexpected(reader.error());
  return recording_between(std::move(*reader), path == kStandardStream ? "standard input" : path.string(),
                           std::move(disks), kAlways);
}

std::unique_ptr<Source> recording_between(RecordingReader reader, std::string name, DiskSelection disks,
                                          TimeSpan wanted) {
  return std::make_unique<Recording>(std::move(reader), std::move(name), std::move(disks), wanted);
}

}  // namespace vqscope
