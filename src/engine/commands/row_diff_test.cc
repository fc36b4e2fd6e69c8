#include "engine/commands/row_diff.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

using Rows = std::vector<std::string>;

std::string Diff(const Rows& expected, const Rows& got, std::string_view indent = "", bool colour = false) {
  const auto to_rows = [](const Rows& texts) {
    std::vector<DiffRow> rows;
    for (const std::string& text : texts) rows.push_back({text, text});
    return rows;
  };
  return DiffOfRows(to_rows(expected), to_rows(got), indent, colour);
}

TEST(RowDiff, ShowsWhatIsMissingAndWhatIsTooMuchInItsPlace) {
  struct Case {
    Rows expected;
    Rows got;
    const char* diff;
  };
  const Case cases[] = {
      {{}, {}, ""},
      {{"a", "b"}, {"a", "b"}, ""},
      {{"a", "b", "c"}, {"a", "c"}, ">  a\n>- b\n>  c\n"},
      {{"a"}, {"a", "a"}, ">  a\n>+ a\n"},
      {{"a", "b"}, {"a", "x"}, ">  a\n>- b\n>+ x\n"},
      {{"a"}, {}, ">- a\n"},
      {{"a", "b"}, {"b", "a"}, ">- a\n>  b\n>+ a\n"},
      {{"1", "2", "3", "4", "5"}, {"1", "2", "3", "4", "6"}, ">  ...\n>  3\n>  4\n>- 5\n>+ 6\n"},
  };
  for (const Case& tested : cases) {
    EXPECT_EQ(Diff(tested.expected, tested.got, ">"), tested.diff);
  }
}

TEST(RowDiff, RowsAreShownAsWrittenAndComparedAsWhatTheyMean) {
  EXPECT_EQ(DiffOfRows({{"1", "1.0"}}, {{"1", "1"}}, "", false), "");
  EXPECT_EQ(DiffOfRows({{"1", "1.0"}}, {{"2", "2.0"}}, "", false), "- 1.0\n+ 2.0\n");
}

TEST(RowDiff, ColoursOnlyDifferences) {
  EXPECT_EQ(Diff({"a", "b"}, {"a", "c"}, "", true), "  a\n\x1b[31m- b\x1b[0m\n\x1b[32m+ c\x1b[0m\n");
}

TEST(RowDiff, ManyRowsNeedNoTableOfTheirProduct) {
  const Rows many(10'000, "row");
  const std::string diff = Diff(many, {"other"});
  EXPECT_EQ(diff.substr(0, 6), "- row\n");
  EXPECT_EQ(diff.substr(diff.size() - 8), "+ other\n");
}

}  // namespace
}  // namespace millrace
