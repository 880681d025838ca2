// SPDX-License-Identifier: Apache-2.0
// Reading and taking apart the text of procfs and sysfs, which is untrusted input.
#pragma once

#include <charconv>
#include <concepts>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace vqscope {

// Without blanks, tabs and newlines at both ends.
std::string_view trim(std::string_view text);

// The non-empty pieces between runs of any of the separators.
std::vector<std::string_view> split(std::string_view text, std::string_view separators = " \t\n");

// With '?' in place of control characters, for text of others that is shown on a terminal.
std::string printable(std::string_view text);

// With '_' in place of all that a name of a disk, a driver or a bus does not have, and cut after 64 characters: of a
// recording or an agent, so that a command that is made of it says nothing else to a shell.
std::string plain_name(std::string_view text);

// A whole decimal number with nothing around it; nullopt for anything else, overflow included.
template <std::integral T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// The file's content. procfs and sysfs files report no size, so it is read to its end, up to 16 MiB.
Result<std::string> read_file(const std::filesystem::path& path);

// The same of a file that others may put something else in place of: what is not a regular file is an error, and
// neither opening nor reading it ever waits, as that of a pipe would.
Result<std::string> read_regular_file(const std::filesystem::path& path);

// Whether read_regular_file() could read it now.
Result<void> check_regular_file(const std::filesystem::path& path);

// The file's content without surrounding blanks; nullopt when it cannot be read.
std::optional<std::string> read_trimmed(const std::filesystem::path& path);

// The whole decimal number in a file; nullopt when it cannot be read or is something else.
template <std::integral T>
std::optional<T> read_number(const std::filesystem::path& path) {
  const auto text = read_trimmed(path);
  return text ? parse_number<T>(*text) : std::nullopt;
}

// Names in a directory, sorted.
Result<std::vector<std::string>> read_directory(const std::filesystem::path& path);

// The same; empty when it cannot be read.
std::vector<std::string> list_directory(const std::filesystem::path& path);

}  // namespace vqscope
