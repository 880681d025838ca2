// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/tree_reader.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <system_error>

#include "agent/base/fd.h"
#include "agent/base/utf8.h"
#include "agent/topology/parse.h"

namespace vqscope {

namespace {

Result<std::string> read_head(const std::filesystem::path& path, std::size_t size) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno("cannot open " + path.string());
  std::string bytes(size, '\0');
  const ssize_t n = ::pread(fd.get(), bytes.data(), bytes.size(), 0);
  if (n < 0) return fail_errno("cannot read " + path.string());
  bytes.resize(static_cast<std::size_t>(n));
  return bytes;
}

// A device that goes while its file is open gives ENODEV.
bool is_gone(int code) { return code == ENOENT || code == ENOTDIR || code == ENODEV || code == ENXIO; }

}  // namespace

std::optional<std::string> TreeReader::text(const std::filesystem::path& path) {
  auto content = known(read_file(path));
  if (!content) return std::nullopt;
  return with_valid_utf8(*std::move(content));
}

std::optional<std::string> TreeReader::trimmed(const std::filesystem::path& path) {
  const auto content = text(path);
  if (!content) return std::nullopt;
  return std::string(trim(*content));
}

std::optional<std::string> TreeReader::attribute(const std::filesystem::path& path) {
  const auto content = text(path);
  if (!content || is_cut(*content)) return std::nullopt;
  return std::string(trim(*content));
}

std::vector<std::string> TreeReader::names(const std::filesystem::path& directory) {
  return known(read_directory(directory)).value_or(std::vector<std::string>{});
}

std::vector<std::string> TreeReader::essential_names(const std::filesystem::path& directory) {
  return known(read_directory(directory), Need::kEssential).value_or(std::vector<std::string>{});
}

std::optional<std::filesystem::path> TreeReader::essential_path(const std::filesystem::path& path) {
  std::error_code error;
  auto real = std::filesystem::canonical(path, error);
  if (!error) return real;
  take_note({"cannot follow " + path.string() + ": " + error.message(), error.value()}, Need::kEssential);
  return std::nullopt;
}

std::optional<std::string> TreeReader::head(const std::filesystem::path& path, std::size_t size) {
  return known(read_head(path, size));
}

// kernfs numbers its nodes one after the other, with 64 bits where an inode number has as many (since Linux 5.5).
std::optional<std::uint64_t> TreeReader::order_of_creation(const std::filesystem::path& path) {
  struct statfs system = {};
  struct stat node = {};
  if (::statfs(path.c_str(), &system) != 0 || system.f_type != SYSFS_MAGIC || ::stat(path.c_str(), &node) != 0)
    return std::nullopt;
  return node.st_ino;
}

void TreeReader::take_note(const Error& error, Need need) {
  const bool short_of = error.code == EMFILE || error.code == ENFILE || error.code == ENOMEM;
  if ((short_of || (need == Need::kEssential && !is_gone(error.code))) && !failure_) failure_ = error;
}

}  // namespace vqscope
