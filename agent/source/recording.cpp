// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "agent/source/source.h"

namespace vqscope {

namespace {

class Recording : public Source {
 public:
  Recording(RecordingReader reader, std::string name, DiskSelection disks)
      : reader_(std::move(reader)), name_(std::move(name)), disks_(std::move(disks)) {}

  Result<std::optional<DecodedSnapshot>> read() override {
    auto next = reader_.next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) return std::nullopt;
    DecodedSnapshot snapshot{(*next)->header, (*next)->reading, (*next)->segment};
    if (std::exchange(first_, false))
      if (auto found = find_named(disks_, snapshot.reading.topology); !found) return tl::unexpected(found.error());
    keep_selected(disks_, snapshot.reading);
    return snapshot;
  }

  [[nodiscard]] std::optional<RecordingDamage> damage() const override { return reader_.damage(); }
  [[nodiscard]] std::string place() const override { return name_; }

 private:
  RecordingReader reader_;
  std::string name_;
  DiskSelection disks_;
  bool first_ = true;
};

}  // namespace

Result<std::unique_ptr<Source>> open_recording(const std::filesystem::path& path, DiskSelection disks) {
  auto reader = RecordingReader::open(path);
  if (!reader) return tl::unexpected(reader.error());
  return std::make_unique<Recording>(std::move(*reader), path == kStandardStream ? "standard input" : path.string(),
                                     std::move(disks));
}

}  // namespace vqscope
