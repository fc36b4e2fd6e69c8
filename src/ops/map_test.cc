// What a user's function may do with rows and with what it keeps per key.

#include "ops/map.h"

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expr/expr.h"
#include "ops/ops_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Map, WhatAFunctionMustNotDoStopsTheStepWithAMessage) {
  const std::pair<MapFunction, const char*> cases[] = {
      {[](const auto&, KeyedState&) { return nullptr; }, "returned nothing for 2 rows"},
      {[](const auto& rows, KeyedState&) { return rows->Slice(1); }, "returned 1 row for 2 rows"},
      {[](const auto& rows, KeyedState&) { return *rows->RemoveColumn(1); }, "returned columns {k: int64}"},
      {[](const auto& rows, KeyedState&) {
         return *rows->SetColumn(0, rows->schema()->field(0), rows->column(1));
       },
       "changed key column 'k'"},
      {[](const auto&, KeyedState&) -> std::shared_ptr<arrow::RecordBatch> {
         throw std::runtime_error("of the user");
       },
       "threw: of the user"},
      {[](const auto&, KeyedState&) -> std::shared_ptr<arrow::RecordBatch> { throw 42; },
       "threw: something that is no std::exception"},
      {[](const auto&, KeyedState&) -> std::shared_ptr<arrow::RecordBatch> { throw std::bad_alloc(); },
       "threw: std::bad_alloc, an allocation that was refused; ask for less"},
  };
  for (const auto& [function, message] : cases) {
    RowFeed feed("k: int64; t: int64");
    ScratchStore store;
    const auto step = *MakeMap({.name = "m", .by = {"k"}, .function = function}, feed.schema(), &*store);
    CollectedOutput output;
    const Status status = step->Process(feed.Make({"k=1 t=3", "k=2 t=4"}), output);
    EXPECT_THAT(status.message(), HasSubstr(message));
  }
}

TEST(Map, AValueThatIsTooLongForTheChangelogFailsItsRow) {
  RowFeed feed("k: int64; t: int64");
  ScratchStore store;
  const MapFunction keep = [](const auto& rows, KeyedState& state) {
    const auto& sizes = static_cast<const arrow::Int64Array&>(*rows->column(1));
    for (std::int64_t row = 0; row < rows->num_rows(); ++row) {
      state.Put(row, std::string(static_cast<std::size_t>(sizes.Value(row)), 'x'));
      EXPECT_LE(state.Get(row)->size(), static_cast<std::size_t>(kMostRowBytes));
    }
    return rows;
  };
  const auto step = *MakeMap({.name = "m", .by = {"k"}, .function = keep}, feed.schema(), &*store);
  CollectedOutput output;
  ASSERT_TRUE(step->Process(feed.Make({"k=1 t=7", "k=1 t=1000001", "k=1 t=1000000"}), output).ok());
  EXPECT_THAT(output.emitted, ElementsAre("k=1 t=7", "k=1 t=1000000"));
  ASSERT_EQ(output.dead_letters.size(), 1U);
  EXPECT_THAT(output.dead_letters[0],
              HasSubstr("k=1 t=1000001 class=function: the value to keep has 1000001 bytes"));
}

TEST(Map, ScalarsOfAnyTypeAreKept) {
  const auto list = arrow::list(arrow::int64());
  const auto pair = arrow::struct_({arrow::field("s", arrow::utf8()), arrow::field("v", list)});
  const std::vector<std::shared_ptr<arrow::Scalar>> values{
      arrow::MakeScalar(std::int64_t{-5}),
      arrow::MakeScalar("text"),
      arrow::MakeNullScalar(arrow::float64()),
      *arrow::Scalar::Parse(arrow::timestamp(arrow::TimeUnit::MILLI), "2026-01-01 00:00:00.001"),
      *arrow::json::ArrayFromJSONString(list, "[[1, null]]").ValueOrDie()->GetScalar(0),
      *arrow::json::ArrayFromJSONString(pair, R"([{"s": "x", "v": [2]}])").ValueOrDie()->GetScalar(0)};
  for (const auto& value : values) {
    SCOPED_TRACE(value->type->ToString() + " " + value->ToString());
    std::shared_ptr<arrow::Scalar> before, after;
    const auto function = [&](const std::shared_ptr<arrow::RecordBatch>& rows, KeyedState& state) {
      before = state.GetScalar(0, value->type);
      state.PutScalar(0, *value);
      after = state.GetScalar(1, value->type);  // the same key
      return rows;
    };
    RowFeed feed("k: int64; t: int64");
    ScratchStore store;
    const auto step = *MakeMap({.name = "m", .by = {"k"}, .function = function}, feed.schema(), &*store);
    CollectedOutput output;
    ASSERT_TRUE(step->Process(feed.Make({"k=1 t=1", "k=1 t=2"}), output).ok());
    EXPECT_EQ(before, nullptr);
    ASSERT_NE(after, nullptr);
    EXPECT_TRUE(after->Equals(*value)) << after->ToString();
    ASSERT_TRUE(step->Process(feed.Make({"k=1 t=3", "k=1 t=4"}), output).ok());
    ASSERT_NE(before, nullptr);
    EXPECT_TRUE(before->Equals(*value)) << before->ToString();
  }
}

TEST(Map, AScalarOfAnotherTypeStopsWithAMessage) {
  const auto function = [](const std::shared_ptr<arrow::RecordBatch>& rows, KeyedState& state) {
    state.PutScalar(0, *arrow::MakeScalar("text"));
    state.GetScalar(0, arrow::int64());
    return rows;
  };
  RowFeed feed("k: int64; t: int64");
  ScratchStore store;
  const auto step = *MakeMap({.name = "m", .by = {"k"}, .function = function}, feed.schema(), &*store);
  CollectedOutput output;
  EXPECT_FALSE(step->Process(feed.Make({"k=1 t=1"}), output).ok());
}

TEST(Map, AFailedRowIsADeadLetterAndTheOthersPass) {
  RowFeed feed("k: int64; t: int64");
  ScratchStore store;
  const MapFunction function = [](const auto& rows, KeyedState& state) {
    state.Fail(1, "is odd");
    return rows;
  };
  const auto step = *MakeMap({.name = "m", .by = {"k"}, .function = function}, feed.schema(), &*store);
  CollectedOutput output;
  const Status status = step->Process(feed.Make({"k=1 t=1", "k=2 t=2", "tombstone", "k=3 t=3"}), output);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_THAT(output.emitted, ElementsAre("k=1 t=1", "k=3 t=3"));
  EXPECT_THAT(output.dead_letters, ElementsAre("k=2 t=2 class=function: is odd"));
  EXPECT_EQ(output.absorbed, 1);
}

TEST(Map, OnlyWhatWasPutIsWrittenAtACheckpoint) {
  RowFeed feed("k: int64; t: int64; v: int64");
  ScratchStore store;
  const MapFunction function = [](const auto& rows, KeyedState& state) {
    EXPECT_EQ(state.Get(0), std::nullopt);
    state.Put(0, "x");
    EXPECT_EQ(state.Get(2), "x") << "a row of the same key sees it";
    state.Put(1, "y");
    state.Delete(1);
    EXPECT_EQ(state.Get(3), std::nullopt);
    return rows;
  };
  const auto step = *MakeMap({.name = "m", .by = {"k"}, .function = function}, feed.schema(), &*store);
  CollectedOutput output;
  ASSERT_TRUE(step->Process(feed.Make({"k=1 t=1", "k=2 t=2", "k=1 t=3", "k=4 t=4"}), output).ok());
  EXPECT_EQ(store->num_rows(), 1);
  EXPECT_EQ(store->dirty_rows(), 1);
}

}  // namespace
}  // namespace millrace
