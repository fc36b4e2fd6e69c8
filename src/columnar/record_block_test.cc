#include "columnar/record_block.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(RecordBlock, KeepsKeysValuesHeadersTimesAndOffsets) {
  RecordBlockBuilder builder({"t", Partition(1)});
  builder.Append(Offset(5), 1000, BytesView::Of("k"), BytesView::Of("v"));
  builder.Append(Offset(9), -1, {}, BytesView::Of(""));
  builder.AppendHeader("h", BytesView::Of("x"));
  builder.AppendHeader("h", {});
  builder.Append(Offset(10), 7, BytesView::Of(""), {});
  const auto block = builder.Finish();
  EXPECT_EQ(block->num_records(), 3);
  EXPECT_EQ(block->partition().ToString(), "t[1]");
  EXPECT_EQ(block->keys()[0].view(), "k");
  EXPECT_TRUE(block->keys()[1].is_null());
  EXPECT_FALSE(block->keys()[2].is_null()) << "an empty key is not a null key";
  EXPECT_FALSE(block->values()[1].is_null());
  EXPECT_TRUE(block->values()[2].is_null());
  EXPECT_EQ(block->headers(0).size(), 0U);
  ASSERT_EQ(block->headers(1).size(), 2U);
  EXPECT_EQ(block->headers(1)[0].value.view(), "x");
  EXPECT_TRUE(block->headers(1)[1].value.is_null());
  EXPECT_EQ(block->headers(2).size(), 0U);
  EXPECT_EQ(block->next_offset(), Offset(11));
  EXPECT_EQ(block->timestamps_ms()[1], -1);
}

TEST(RecordBlock, NextOffsetCoversWhatFollowedTheLastRecord) {
  RecordBlockBuilder builder({"t", Partition(0)});
  builder.Append(Offset(5), 0, {}, {});
  EXPECT_EQ(builder.Finish(Offset(8))->next_offset(), Offset(8));
  EXPECT_EQ(builder.Finish(Offset(12))->next_offset(), Offset(12)) << "an empty block";
}

TEST(RecordBlock, ViewsStayValidWhileManyChunksAreFilled) {
  RecordBlockBuilder builder({"t", Partition(0)});
  const std::string large(1'000'000, 'x');
  for (int i = 0; i < 10'000; ++i) {
    builder.Append(Offset(i), i, BytesView::Of("key-" + std::to_string(i)),
                   BytesView::Of(i % 1000 == 0 ? large : "small"));
  }
  const auto block = builder.Finish();
  for (std::size_t i = 0; i < 10'000; ++i) {
    ASSERT_EQ(block->keys()[i].view(), "key-" + std::to_string(i));
    ASSERT_EQ(block->values()[i].size, i % 1000 == 0 ? 1'000'000 : 5);
  }
  EXPECT_EQ(builder.num_records(), 0);
}

TEST(RecordBlockDeathTest, OffsetsMustAscend) {
  RecordBlockBuilder builder({"t", Partition(0)});
  builder.Append(Offset(5), 0, {}, {});
  EXPECT_DEATH(builder.Append(Offset(5), 0, {}, {}), "offset 5");
}

}  // namespace
}  // namespace millrace
