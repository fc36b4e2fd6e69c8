#include "connectors/snapchat/written_rows.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(WrittenRows, OnlyWhatIsNewOrAnotherIsToBeWritten) {
  WrittenRows rows(2);
  const FeedRecord first{"a", "1", EventTime(1)};
  EXPECT_TRUE(rows.IsAnother(first));
  EXPECT_TRUE(rows.IsAnother(first)) << "it is not written yet";
  rows.Note(first);
  EXPECT_FALSE(rows.IsAnother(first));
  EXPECT_FALSE(rows.IsAnother({"a", "1", EventTime(2)})) << "the time is no part of it";
  EXPECT_TRUE(rows.IsAnother({"a", "2", EventTime(1)}));
  EXPECT_TRUE(rows.IsAnother({"b", "1", EventTime(1)}));
  rows.Forget();
  EXPECT_TRUE(rows.IsAnother(first));
}

TEST(WrittenRows, NoMoreThanSoManyAreRemembered) {
  WrittenRows rows(2);
  for (const char* key : {"a", "b"}) rows.Note({key, "1", EventTime(1)});
  rows.Note({"b", "2", EventTime(1)});
  EXPECT_EQ(rows.size(), 2U) << "another row of a key takes no place";
  rows.Note({"c", "1", EventTime(1)});
  EXPECT_EQ(rows.size(), 1U);
  EXPECT_TRUE(rows.IsAnother({"a", "1", EventTime(1)}));
  EXPECT_FALSE(rows.IsAnother({"c", "1", EventTime(1)}));
}

}  // namespace
}  // namespace millrace
