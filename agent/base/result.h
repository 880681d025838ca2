// SPDX-License-Identifier: Apache-2.0
// Recoverable failures as values: a function that can fail returns Result<T>.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace vqscope {

// A sentence for the person who reads it: the operation, the object, the cause and, where there is one, the remedy.
struct Error {
  std::string message;
  int code = 0;  // errno of the failed call; 0 if there was none
};

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  using tl::expected<T, Error>::expected;
};

inline tl::unexpected<Error> fail(std::string message, int code = 0) {
  return tl::unexpected<Error>(Error{std::move(message), code});
}

// "cannot open /x: No such file or directory", from errno as the failed call left it.
inline tl::unexpected<Error> fail_errno(std::string_view what, int code = errno) {
  return fail(std::string(what) + ": " + std::strerror(code), code);
}

}  // namespace vqscope
