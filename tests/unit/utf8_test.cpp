// SPDX-License-Identifier: Apache-2.0
#include "agent/base/utf8.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace vqscope {
namespace {

// The witness: nlohmann's serializer throws at what is not UTF-8.
bool is_taken_by_json(const std::string& text) {
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

TEST(Utf8, IsWhatJsonTakes) {
  std::mt19937 random(1);
  // Bytes at which rules begin and end.
  constexpr unsigned char kEdges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                                      0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
  for (int i = 0; i < 200'000; ++i) {
    std::string text(1 + random() % 6, '\0');
    for (char& c : text) c = static_cast<char>(kEdges[random() % std::size(kEdges)]);
    ASSERT_EQ(is_valid_utf8(text), is_taken_by_json(text)) << testing::PrintToString(text);
    ASSERT_TRUE(is_taken_by_json(with_valid_utf8(text)));
  }
}

TEST(Utf8, WhatIsNoneIsReplacedAndTheRestStays) {
  EXPECT_EQ(with_valid_utf8("gr\xc3\xb6\xc3\x9f er \xf0\x9f\x92\xbe"), "gr\xc3\xb6\xc3\x9f er \xf0\x9f\x92\xbe");
  EXPECT_EQ(with_valid_utf8("a\xff"
                            "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(with_valid_utf8("\xc3"), "\xef\xbf\xbd");
  EXPECT_EQ(with_valid_utf8(""), "");
}

}  // namespace
}  // namespace vqscope
