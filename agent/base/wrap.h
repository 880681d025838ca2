// SPDX-License-Identifier: Apache-2.0
// Text in lines of a given width. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace vqscope {

// The words of `text` in lines of at most `width` characters, the first after `first` and the others after `indent`;
// each ends with a newline. A word that is longer than a line has one of its own.
std::string wrap(std::string_view text, std::size_t width, std::string_view first, std::string_view indent);

// Each line of `text` after `indent`, and a newline at the end.
std::string indent_lines(std::string_view text, std::string_view indent);

}  // namespace vqscope
