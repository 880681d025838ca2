// SPDX-License-Identifier: Apache-2.0
#include "agent/base/wrap.h"

#include "agent/base/text.h"

namespace vqscope {

std::string wrap(std::string_view text, std::size_t width, std::string_view first, std::string_view indent) {
  std::string lines, line(first);
  bool empty = true;
  for (const std::string_view word : split(text)) {
    if (!empty && line.size() + 1 + word.size() > width) {
      lines += line + "\n";
      line = indent;
      empty = true;
    }
    if (!empty) line += ' ';
    line += word;
    empty = false;
  }
  return lines + line + "\n";
}

std::string indent_lines(std::string_view text, std::string_view indent) {
  std::string lines;
  for (const std::string_view line : split(text, "\n")) {
    lines += indent;
    lines += line;
    lines += '\n';
  }
  return lines;
}

}  // namespace vqscope
