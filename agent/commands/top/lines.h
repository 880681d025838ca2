// SPDX-License-Identifier: Apache-2.0
// Lines of styled text, of which a picture is made. Pure and thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/diagnosis/finding.h"
#include "agent/view/latency.h"

namespace vqscope {

enum class Style { kPlain, kBold, kDim, kGood, kWarning, kCritical, kSelected };

struct Span {
  std::string text;  // of characters that are a column wide each
  Style style = Style::kPlain;
};

struct TextLine {
  std::vector<Span> spans;
  std::string disk = {};  // that a click on it means; empty: none
};

// What is drawn on.
struct Canvas {
  std::size_t width = 80;
  std::optional<std::size_t> height = {};  // lines; absent: as many as there are
  bool utf8 = false;                       // else ASCII only
};

// A line in one style.
TextLine line(std::string text, Style style = Style::kPlain);

// Without the words and cells that would take more than `width` columns; " ..." in their place, as far as there is
// room.
TextLine clipped(TextLine line, std::size_t width);

// The line's text.
std::string text_of(const TextLine& line);

// With '?' for all that is not printable ASCII, for text that came from elsewhere.
std::string plain_text(std::string_view text);

// A line for each of the words' lines. A word that is longer than a line has one of its own.
void add_wrapped(std::vector<TextLine>& lines, std::string_view text, std::size_t width, std::string_view first,
                 std::string_view indent, Style style = Style::kPlain);

// Five steps from nothing to all; a share that is not 0 is never drawn as nothing.
std::string_view shade(double share, bool utf8);

// Numbers in a column, in six places below a million; "-" when they are absent.
std::string number_cell(std::optional<double> number);
std::string mebibytes_cell(std::optional<double> bytes_rate);
std::string seconds_cell(std::optional<double> seconds);
std::string quantile_cell(const std::optional<QuantileValue>& quantile);  // "~1.2 ms": of too few requests
std::string share_cell(std::optional<double> share);                      // "98%"

Style style_of(Severity severity);

}  // namespace vqscope
