// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "agent/source/source.h"

namespace vqscope {

namespace {

class Recording : public Source {
 public:
  Recording(RecordingReader reader, std::string name) : reader_(std::move(reader)), name_(std::move(name)) {}

  Result<std::optional<DecodedSnapshot>> read() override {
    auto next = reader_.next();
    if (!next) return tl::unexpected(next.error());
    if (!*next && reader_.damage())
      return fail(fmt::format("{} is sound up to byte {} only ({}); what comes after is left out", name_,
                              reader_.damage()->offset, reader_.damage()->what));
    if (!*next) return std::nullopt;
    return DecodedSnapshot{(*next)->header, (*next)->reading};
  }

  [[nodiscard]] std::string place() const override { return name_; }

 private:
  RecordingReader reader_;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_recording(const std::filesystem::path& path) {
  auto reader = RecordingReader::open(path);
  if (!reader) return tl::unexpected(reader.error());
  return std::make_unique<Recording>(std::move(*reader), path.string());
}

}  // namespace vqscope
