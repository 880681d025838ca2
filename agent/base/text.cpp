// SPDX-License-Identifier: Apache-2.0
#include "agent/base/text.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "agent/base/fd.h"

namespace vqscope {

namespace {
constexpr std::size_t kMaxFileSize = 16 << 20;
}  // namespace

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n\r";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> pieces;
  for (std::size_t begin = text.find_first_not_of(separators); begin != std::string_view::npos;) {
    const std::size_t end = text.find_first_of(separators, begin);
    pieces.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(separators, end);
  }
  return pieces;
}

Result<std::string> read_file(const std::filesystem::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno("cannot open " + path.string());
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("cannot read " + path.string());
    if (n == 0) return content;
    content.append(buffer, static_cast<std::size_t>(n));
    if (content.size() > kMaxFileSize) return fail(path.string() + " is larger than 16 MiB", EFBIG);
  }
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  return out;
}

std::string plain_name(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  constexpr std::string_view kOthers = "._:!/+-";
  std::string out(text.substr(0, kLongest));
  for (char& c : out) {
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_word && kOthers.find(c) == std::string_view::npos) c = '_';
  }
  return out;
}

std::optional<std::string> read_trimmed(const std::filesystem::path& path) {
  const auto content = read_file(path);
  if (!content) return std::nullopt;
  return std::string(trim(*content));
}

Result<std::vector<std::string>> read_directory(const std::filesystem::path& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  if (error) return fail("cannot list " + path.string() + ": " + error.message(), error.value());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> list_directory(const std::filesystem::path& path) {
  return read_directory(path).value_or(std::vector<std::string>{});
}

}  // namespace vqscope
