// SPDX-License-Identifier: Apache-2.0
// The bytes of an answer, shared by all who are given them. Immutable; copies refer to the same bytes. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace vqscope {

class Body {
 public:
  Body() : Body(std::string()) {}
  Body(std::string bytes) : bytes_(std::make_shared<const std::string>(std::move(bytes))) {}
  Body(const char* text) : Body(std::string(text)) {}

  [[nodiscard]] const std::string& bytes() const { return *bytes_; }

 private:
  std::shared_ptr<const std::string> bytes_;
};

}  // namespace vqscope
