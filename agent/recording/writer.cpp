// SPDX-License-Identifier: Apache-2.0
#include "agent/recording/writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/recording/reader.h"

namespace vqscope {

Result<RecordingWriter> RecordingWriter::create(const std::filesystem::path& path, bool append) {
  if (path == kStandardStream) {
    if (append) return fail("standard output is not appended to: give --append a file");
    return to_standard_output();
  }
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
  const std::string name = path.string();
  Fd fd(::open(path.c_str(), append ? kFlags : kFlags | O_EXCL, 0644));
  if (!fd && errno == EEXIST)
    return fail(name + " exists: give another name, or --append to add to that recording", EEXIST);
  if (!fd) return fail_errno("cannot create " + name);
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("cannot look at " + name);
  if (!S_ISREG(status.st_mode)) return fail(name + " is not a regular file");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return fail_errno(errno == EWOULDBLOCK ? "another vqscope records to " + name : "cannot lock " + name);
  RecordingWriter writer(std::move(fd), name, !append);
  if (status.st_size > 0)
    if (auto begun = writer.begin_at_end(path); !begun) return tl::unexpected(begun.error());
  return writer;
}

Result<RecordingWriter> RecordingWriter::to_standard_output() {
  struct stat status = {};
  // Of a closed one, the number may belong to something else by now that is neither of these.
  if (::fstat(STDOUT_FILENO, &status) != 0 || (status.st_mode & S_IFMT) == 0)
    return fail("standard output is closed", EBADF);
  if (::isatty(STDOUT_FILENO) == 1)
    return fail("standard output is a terminal: a recording is not for reading; give a file, or a pipe");
  Fd fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!fd) return fail_errno("cannot write to standard output");
  RecordingWriter writer(std::move(fd), "standard output", false);
  writer.stream_ = true;
  return writer;
}

RecordingWriter::~RecordingWriter() {
  if (fd_ && created_ && size_ == 0) ::unlink(name_.c_str());
}

Result<void> RecordingWriter::begin_at_end(const std::filesystem::path& path) {
  auto reader = RecordingReader::open(path);
  if (!reader) return fail("nothing is appended: " + reader.error().message);
  for (;;) {
    const auto reading = reader->next();
    if (!reading) return fail("nothing is appended: " + reading.error().message);
    if (!*reading) break;
  }
  struct stat status = {};
  if (::fstat(fd_.get(), &status) != 0) return fail_errno("cannot look at " + name_);
  size_ = static_cast<std::uint64_t>(status.st_size);
  if (const auto& damage = reader->damage()) {
    if (!damage->torn)
      return fail(
          fmt::format("nothing is appended: {} is damaged after {} bytes ({})", name_, damage->offset, damage->what));
    if (::ftruncate(fd_.get(), static_cast<off_t>(damage->offset)) != 0)
      return fail_errno("cannot remove the torn end of " + name_);
    cut_off_ = size_ - damage->offset;
    size_ = damage->offset;
  }
  begin_ = size_;
  return {};
}

Result<void> RecordingWriter::write_stream(std::string_view records) {
  while (!records.empty()) {
    const ssize_t written = ::write(fd_.get(), records.data(), records.size());
    if (written < 0 && errno == EAGAIN) {  // a pipe that another has made non-blocking
      pollfd writable = {fd_.get(), POLLOUT, 0};
      if (::poll(&writable, 1, -1) < 0 && errno != EINTR) return fail_errno("cannot wait for " + name_);
      continue;
    }
    if (written < 0 && errno != EINTR) return fail_errno("cannot write to " + name_);
    if (written < 0) continue;
    records.remove_prefix(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<void> RecordingWriter::write(std::string_view records) {
  if (stream_) return write_stream(records);
  ssize_t written = 0;
  do {
    written = ::write(fd_.get(), records.data(), records.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(records.size())) {
    size_ += records.size();
    return {};
  }
  // A full disk takes a part; asking for the rest tells why.
  int code = errno;
  if (written >= 0) {
    code = ::write(fd_.get(), records.data() + written, records.size() - static_cast<std::size_t>(written)) < 0 ? errno
                                                                                                                : EIO;
    if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) code = errno;
  }
  return fail_errno(fmt::format("cannot write to {}, which stays readable with {} bytes", name_, size_), code);
}

Result<void> RecordingWriter::finish() {
  if (!stream_ && ::fdatasync(fd_.get()) != 0) return fail_errno("cannot flush " + name_);
  return {};
}

}  // namespace vqscope
