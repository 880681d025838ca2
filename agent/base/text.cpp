// SPDX-License-Identifier: Apache-2.0
#include "agent/base/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "agent/base/fd.h"

namespace vqscope {

namespace {
constexpr std::size_t kMaxFileSize = 16 << 20;

Result<std::string> read_to_end(const Fd& fd, const std::filesystem::path& path) {
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

Result<Fd> open_regular_file(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return fail_errno("cannot open " + path.string());
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("cannot look at " + path.string());
  if (!S_ISREG(status.st_mode)) return fail(path.string() + " is not a regular file", EINVAL);
  return fd;
}

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
  return read_to_end(fd, path);
}

Result<std::string> read_regular_file(const std::filesystem::path& path) {
  const auto fd = open_regular_file(path);
  if (!fd) return tl::unexpected(fd.error());
  return read_to_end(*fd, path);
}

Result<void> check_regular_file(const std::filesystem::path& path) {
  if (const auto fd = open_regular_file(path); !fd) return tl::unexpected(fd.error());
  return {};
}

std::string printable(std::string_view text) {
  // U+0080 to U+009F control terminals, too; the others turn the direction of what follows.
  constexpr std::string_view kTurns[] = {"\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d",
                                         "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u061c"};
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const auto* const turn = std::find_if(std::begin(kTurns), std::end(kTurns),
                                          [&](std::string_view t) { return text.substr(i).starts_with(t); });
    if (turn != std::end(kTurns)) {
      out += '?';
      i += turn->size() - 1;
    } else if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {
      out += '?';
      ++i;
    } else {
      out += c < ' ' || c == 0x7f ? '?' : text[i];
    }
  }
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
