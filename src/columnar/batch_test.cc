#include "columnar/batch.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

template <typename Array, typename Builder, typename Value>
std::shared_ptr<Array> ArrayOf(const std::vector<Value>& values) {
  Builder builder;
  for (const auto& value : values) {
    if (!builder.Append(value).ok()) std::abort();
  }
  std::shared_ptr<Array> array;
  if (!builder.Finish(&array).ok()) std::abort();
  return array;
}

std::shared_ptr<arrow::Int64Array> Ints(const std::vector<std::int64_t>& values) {
  return ArrayOf<arrow::Int64Array, arrow::Int64Builder>(values);
}

/// Four records at offsets 10, 12, 13, 20 with value column v = 0, 1, 2, 3.
Batch FourRows() {
  RecordBlockBuilder block({"bids", Partition(3)});
  for (const std::int64_t offset : {10, 12, 13, 20}) block.Append(Offset(offset), 0, {}, BytesView::Of("{}"));
  Batch batch;
  batch.data =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("v", arrow::int64())}), 4, {Ints({0, 1, 2, 3})});
  batch.event_time = Ints({100, 101, 102, 103});
  batch.watermark_before = Ints({90, 100, 101, 102});
  batch.watermark = Watermark(103);
  batch.key = ArrayOf<arrow::BinaryArray, arrow::BinaryBuilder>(std::vector<std::string>{"a", "b", "c", "d"});
  batch.tombstone =
      ArrayOf<arrow::BooleanArray, arrow::BooleanBuilder>(std::vector<bool>{false, true, false, false});
  batch.block = block.Finish();
  batch.origin = {{"bids", Partition(3)}, Offset(10), Offset(25)};
  return batch;
}

std::vector<std::int64_t> Values(const Batch& batch) {
  const auto& column = static_cast<const arrow::Int64Array&>(*batch.data->column(0));
  return {column.raw_values(), column.raw_values() + column.length()};
}

std::vector<std::int64_t> Offsets(const Batch& batch) {
  std::vector<std::int64_t> offsets;
  for (std::int64_t i = 0; i < batch.num_rows(); ++i) offsets.push_back(batch.OffsetOf(i).value());
  return offsets;
}

TEST(Batch, FilterKeepsSideColumnsAndRecordsInStep) {
  const auto keep =
      ArrayOf<arrow::BooleanArray, arrow::BooleanBuilder>(std::vector<bool>{false, true, false, true});
  const Batch kept = *FilterBatch(FourRows(), *keep);
  CheckBatch(kept);
  EXPECT_EQ(Values(kept), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(Offsets(kept), (std::vector<std::int64_t>{12, 20}));
  EXPECT_EQ(kept.event_time->Value(1), 103);
  EXPECT_EQ(kept.watermark_before->Value(1), 102);
  EXPECT_EQ(kept.key->GetView(0), "b");
  EXPECT_TRUE(kept.tombstone->Value(0));
  EXPECT_EQ(kept.watermark, Watermark(103));
  EXPECT_EQ(kept.origin.last, Offset(25));
}

TEST(Batch, FilterDropsNullDecisions) {
  arrow::BooleanBuilder builder;
  ASSERT_TRUE(builder.AppendNull().ok() && builder.AppendValues(std::vector<bool>{true, false}).ok() &&
              builder.AppendNull().ok());
  std::shared_ptr<arrow::BooleanArray> keep;
  ASSERT_TRUE(builder.Finish(&keep).ok());
  EXPECT_EQ(Values(*FilterBatch(FourRows(), *keep)), (std::vector<std::int64_t>{1}));
}

TEST(Batch, FilterOfAllAndOfNothingCopiesNothing) {
  const Batch batch = FourRows();
  const auto all = ArrayOf<arrow::BooleanArray, arrow::BooleanBuilder>(std::vector<bool>(4, true));
  const auto none = ArrayOf<arrow::BooleanArray, arrow::BooleanBuilder>(std::vector<bool>(4, false));
  EXPECT_EQ(FilterBatch(batch, *all)->data, batch.data);
  EXPECT_EQ(FilterBatch(batch, *none)->num_rows(), 0);
}

TEST(Batch, TakeRepeatsAndReorders) {
  const Batch taken =
      *TakeRows(FourRows(), ArrayOf<arrow::Int32Array, arrow::Int32Builder>(std::vector<int>{3, 0, 0}));
  CheckBatch(taken);
  EXPECT_EQ(Values(taken), (std::vector<std::int64_t>{3, 0, 0}));
  EXPECT_EQ(Offsets(taken), (std::vector<std::int64_t>{20, 10, 10}));
}

TEST(Batch, SlicesNarrowOriginAndWatermarkAndTogetherCoverTheBatch) {
  const Batch batch = FourRows();
  const Batch head = SliceBatch(batch, 0, 2);
  const Batch tail = SliceBatch(batch, 2, 2);
  CheckBatch(head);
  CheckBatch(tail);
  EXPECT_EQ(Offsets(head), (std::vector<std::int64_t>{10, 12}));
  EXPECT_EQ(Offsets(tail), (std::vector<std::int64_t>{13, 20}));
  EXPECT_EQ(head.origin.first, Offset(10));
  EXPECT_EQ(head.origin.last, Offset(12));
  EXPECT_EQ(tail.origin.first, Offset(13));
  EXPECT_EQ(tail.origin.last, Offset(25)) << "records dropped at the end still belong to the last slice";
  EXPECT_EQ(head.watermark, Watermark(101));
  EXPECT_EQ(tail.watermark, Watermark(103));
}

TEST(Batch, SliceOfASliceStillNamesItsRecords) {
  EXPECT_EQ(Offsets(SliceBatch(SliceBatch(FourRows(), 1, 3), 1, 2)), (std::vector<std::int64_t>{13, 20}));
}

TEST(Batch, WithoutRowsLeavesOutTheFailedOnes) {
  const RowError errors[] = {{.row = 0, .error_class = "cast", .message = ""},
                             {.row = 2, .error_class = "cast", .message = ""}};
  const Batch left = *WithoutRows(FourRows(), errors);
  EXPECT_EQ(Values(left), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(Offsets(left), (std::vector<std::int64_t>{12, 20}));
  EXPECT_EQ(WithoutRows(FourRows(), {})->num_rows(), 4);
}

TEST(Batch, WorksWithoutAnySideColumn) {
  Batch batch;
  batch.data = FourRows().data;
  batch.event_time = FourRows().event_time;
  const auto keep =
      ArrayOf<arrow::BooleanArray, arrow::BooleanBuilder>(std::vector<bool>{false, true, false, true});
  const Batch kept = *FilterBatch(batch, *keep);
  CheckBatch(kept);
  EXPECT_EQ(kept.record, nullptr);
  EXPECT_EQ(kept.OffsetOf(0), kNoOffset);
}

TEST(BatchDeathTest, CheckBatchRefusesSideColumnsOfAnotherLength) {
  Batch batch = FourRows();
  batch.event_time = Ints({1});
  EXPECT_DEATH(CheckBatch(batch), "event_time has 1 entries for 4 rows");
}

TEST(ArrowStatus, KeepsTheMessageAndTranslatesTheClass) {
  EXPECT_EQ(FromArrow(arrow::Status::Invalid("bad")).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(FromArrow(arrow::Status::Invalid("bad")).message(), "bad");
  EXPECT_EQ(FromArrow(arrow::Status::OutOfMemory("x")).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(FromArrow(arrow::Status::UnknownError("x")).error_class(), ErrorClass::kBug);
  EXPECT_TRUE(FromArrow(arrow::Status::OK()).ok());
}

TEST(Batch, RowsMayStandForSeveral) {
  Batch batch = FourRows();
  EXPECT_EQ(batch.rows_behind(), 4);
  batch.stands_for = Ints({1, 20, 300, 4000});
  CheckBatch(batch);
  EXPECT_EQ(batch.rows_behind(), 4321);
  EXPECT_EQ(SliceBatch(batch, 1, 2).rows_behind(), 320);
  const auto keep =
      ArrayOf<arrow::BooleanArray, arrow::BooleanBuilder>(std::vector<bool>{false, true, false, true});
  EXPECT_EQ(FilterBatch(batch, *keep)->rows_behind(), 4020);
  EXPECT_EQ(
      TakeRows(batch, ArrayOf<arrow::Int32Array, arrow::Int32Builder>(std::vector<int>{2, 0}))->rows_behind(),
      301);
}

}  // namespace
}  // namespace millrace
