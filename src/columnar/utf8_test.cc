#include "columnar/utf8.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(Utf8, TheFirstByteThatIsNotUtf8IsFound) {
  const struct {
    std::string_view text;
    std::optional<std::size_t> at;
  } cases[] = {
      {"", std::nullopt},
      {"price", std::nullopt},
      {"Ä€😀", std::nullopt},
      {"\xff", 0},
      {"ab\xff", 2},
      {"Ä\xfe", 2},
      {"a\x80", 0},              // a continuation belongs to the byte before it
      {"Ä\xe2\x82", 2},          // cut off
      {"a\xed\xa0\x80", 1},      // a surrogate
      {"a\xc0\xaf", 1},          // longer than needed
      {"a\xf4\x90\x80\x80", 1},  // above U+10FFFF
  };
  for (const auto& c : cases) EXPECT_EQ(FirstInvalidUtf8(c.text), c.at) << c.text;
}

}  // namespace
}  // namespace millrace
