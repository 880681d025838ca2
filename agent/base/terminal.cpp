// SPDX-License-Identifier: Apache-2.0
#include "agent/base/terminal.h"

#include <unistd.h>

#include <cstdlib>

namespace vqscope {

namespace {

// ECMA-48, 8.3.117: select graphic rendition.
std::string_view code_of(Paint paint) {
  switch (paint) {
    case Paint::kBold: return "\x1b[1m";
    case Paint::kDim: return "\x1b[2m";
    case Paint::kGreen: return "\x1b[1;32m";
    case Paint::kYellow: return "\x1b[1;33m";
    case Paint::kRed: return "\x1b[1;31m";
  }
  return "";
}

}  // namespace

bool wants_colour(int fd) {
  const char* const no_colour = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  return ::isatty(fd) == 1 && (no_colour == nullptr || *no_colour == '\0') && terminal != nullptr &&
         *terminal != '\0' && std::string_view(terminal) != "dumb";
}

std::string paint(std::string_view text, Paint paint, bool colour) {
  if (!colour) return std::string(text);
  std::string painted(code_of(paint));
  painted += text;
  return painted += "\x1b[0m";
}

}  // namespace vqscope
