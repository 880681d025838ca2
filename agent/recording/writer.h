// SPDX-License-Identifier: Apache-2.0
// Writes a recording to its file. An object serves one thread at a time.
//
// Each write() adds whole records, so that only a crash of the guest can leave half of one. Nothing is flushed to the
// disk before finish(): a flush every second would disturb the very disk that is measured. A crash of vqscope loses
// nothing that was written; a crash of the guest, what its kernel has not written back yet (by default 30 s).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace vqscope {

class RecordingWriter {
 public:
  // Creates the file. One that exists is an error, unless `append` is set and it is a recording; then a torn last
  // record is cut off (see cut_off()), and any other damage is an error. Another writer of the file is an error too.
  // "-" is standard output, unless that is a terminal.
  static Result<RecordingWriter> create(const std::filesystem::path& path, bool append);

  // Removes the file if it is ours and nothing was ever written to it.
  ~RecordingWriter();
  RecordingWriter(RecordingWriter&&) noexcept = default;
  RecordingWriter& operator=(RecordingWriter&&) = delete;

  // Appends whole records; or none of them, and then the error says what is in the file. A stream may have got a part.
  Result<void> write(std::string_view records);

  // Waits until everything is on the disk.
  Result<void> finish();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint64_t written() const { return size_ - begin_; }  // bytes, since create()
  // Bytes of a record that was not whole, and was removed from the end of the file by create().
  [[nodiscard]] std::uint64_t cut_off() const { return cut_off_; }

 private:
  RecordingWriter(Fd fd, std::string name, bool created)
      : fd_(std::move(fd)), name_(std::move(name)), created_(created) {}

  static Result<RecordingWriter> to_standard_output();
  Result<void> begin_at_end(const std::filesystem::path& path);
  Result<void> write_stream(std::string_view records);

  Fd fd_;
  std::string name_;
  bool created_;                                      // by us: it did not exist
  bool stream_ = false;                               // standard output, of which nothing can be taken back
  std::uint64_t begin_ = 0, size_ = 0, cut_off_ = 0;  // bytes
};

}  // namespace vqscope
