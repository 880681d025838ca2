// SPDX-License-Identifier: Apache-2.0
// Reads the small files of one scan of sysfs and procfs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/text.h"

namespace vqscope {

// A file that is not there, or makes no sense, leaves what it would have told unknown. But what cannot be read for want
// of descriptors or memory is there, and so is what every disk has unless the disk is gone: a scan that took it for
// absent would drop disks. failure() tells.
// An object serves one thread at a time.
class TreeReader {
 public:
  // As the functions in agent/base/text.h, but always UTF-8: what is not, of a name that a person or a device gave, is
  // U+FFFD, because metrics, recordings and JSON take nothing else.
  std::optional<std::string> text(const std::filesystem::path& path);
  std::optional<std::string> trimmed(const std::filesystem::path& path);
  // As trimmed(), of a text of sysfs that may be longer than the page that sysfs gives of it: not whole is nullopt.
  std::optional<std::string> attribute(const std::filesystem::path& path);
  std::vector<std::string> names(const std::filesystem::path& directory);
  // The same of what is always there: any failure but that it is gone is a failure().
  std::vector<std::string> essential_names(const std::filesystem::path& directory);
  template <std::integral T>
  std::optional<T> essential_number(const std::filesystem::path& path) {
    const auto text = known(read_file(path), Need::kEssential);
    return text ? parse_number<T>(trim(*text)) : std::nullopt;
  }
  // Without symbolic links.
  std::optional<std::filesystem::path> essential_path(const std::filesystem::path& path);
  // The first `size` bytes of a file, or as many as there are. No byte is read twice: some are a trip to the host.
  std::optional<std::string> head(const std::filesystem::path& path, std::size_t size);
  // What the kernel has put into sysfs later has a larger one; nullopt in a tree that is not the kernel's.
  std::optional<std::uint64_t> order_of_creation(const std::filesystem::path& path);
  template <std::integral T>
  std::optional<T> number(const std::filesystem::path& path) {
    const auto text = trimmed(path);
    return text ? parse_number<T>(*text) : std::nullopt;
  }

  // What could not be read first, though it is there; nullopt: nothing.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  enum class Need { kOptional, kEssential };

  void take_note(const Error& error, Need need);
  template <typename T>
  std::optional<T> known(Result<T> result, Need need = Need::kOptional) {
    if (result) return std::move(*result);
    take_note(result.error(), need);
    return std::nullopt;
  }

  std::optional<Error> failure_;
};

}  // namespace vqscope
