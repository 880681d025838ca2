// SPDX-License-Identifier: Apache-2.0
#include "agent/base/terminal_width.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "agent/base/text.h"

namespace vqscope {

std::size_t terminal_width(int fd, std::size_t otherwise) {
  winsize size = {};
  if (::isatty(fd) == 1 && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  return columns == nullptr ? otherwise : parse_number<std::size_t>(columns).value_or(otherwise);
}

}  // namespace vqscope
