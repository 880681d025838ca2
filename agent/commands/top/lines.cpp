// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agent/base/text.h"
#include "agent/base/wrap.h"
#include "agent/diagnosis/phrases.h"

namespace vqscope {

namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// The bytes of the first `characters`.
std::size_t bytes_of(std::string_view text, std::size_t characters) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (begins_character(text[i]) && characters-- == 0) return i;
  return text.size();
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

}  // namespace

TextLine line(std::string text, Style style) { return {{{std::move(text), style}}}; }

TextLine clipped(TextLine line, std::size_t width) {
  constexpr std::string_view kCut = " ...";
  const std::string text = text_of(line);
  if (columns_of(text) <= width) return line;
  // What begins before it and has no blank, as a row of shades, is cut where there is no more room.
  std::size_t room = width, end = std::string::npos;
  if (width > kCut.size()) end = text.find_last_of(' ', bytes_of(text, width - kCut.size()));
  if (end != std::string::npos) end = text.find_last_not_of(' ', end);
  const bool words = end != std::string::npos && text[end] != ' ';
  if (words) room = columns_of(std::string_view(text).substr(0, end + 1));
  for (Span& span : line.spans) {
    span.text.resize(bytes_of(span.text, room));
    room -= columns_of(span.text);
  }
  if (words) line.spans.push_back({std::string(kCut), Style::kDim});
  return line;
}

std::string text_of(const TextLine& line) {
  std::string text;
  for (const Span& span : line.spans) text += span.text;
  return text;
}

std::string plain_text(std::string_view text) {
  std::string plain(text);
  for (char& c : plain)
    if (c < ' ' || c > '~') c = '?';
  return plain;
}

void add_wrapped(std::vector<TextLine>& lines, std::string_view text, std::size_t width, std::string_view first,
                 std::string_view indent, Style style) {
  const std::string wrapped = wrap(text, width, first, indent);
  for (const std::string_view row : split(wrapped, "\n")) lines.push_back(line(plain_text(row), style));
}

std::string_view shade(double share, bool utf8) {
  constexpr std::array<std::string_view, 5> kBlocks = {" ", "\u2591", "\u2592", "\u2593", "\u2588"},
                                            kLetters = {" ", ".", "+", "*", "#"};
  const auto step = share <= 0 ? 0 : std::clamp<std::size_t>(1 + static_cast<std::size_t>(share * 4), 1, 4);
  return (utf8 ? kBlocks : kLetters)[step];
}

std::string number_cell(std::optional<double> number) {
  if (!number) return "-";
  if (*number == std::floor(*number)) return grouped(*number);
  if (*number < 0.005) return "<.01";
  return *number >= 99.95 ? grouped(*number) : fmt::format("{:.{}f}", *number, *number >= 9.995 ? 1 : 2);
}

std::string mebibytes_cell(std::optional<double> bytes_rate) {
  constexpr double kMiB = 1 << 20;
  return number_cell(bytes_rate ? std::optional(*bytes_rate / kMiB) : std::nullopt);
}

std::string seconds_cell(std::optional<double> seconds) { return seconds ? duration(*seconds) : "-"; }

std::string quantile_cell(const std::optional<QuantileValue>& quantile) {
  if (!quantile) return "-";
  return (quantile->supported ? "" : "~") + duration(quantile->seconds);
}

std::string share_cell(std::optional<double> share) {
  if (!share) return "-";
  std::string text = percent(*share);
  std::erase(text, ' ');
  return text;
}

Style style_of(Severity severity) {
  switch (severity) {
    case Severity::kCritical: return Style::kCritical;
    case Severity::kWarning: return Style::kWarning;
    case Severity::kInfo: break;
  }
  return Style::kPlain;
}

}  // namespace vqscope
