#include "ops/ops_harness.h"

#include <unistd.h>

#include <algorithm>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "columnar/row_text.h"
#include "columnar/schema_text.h"
#include "env/file.h"
#include "expr/expr.h"
#include "ops/window_assigner.h"

namespace millrace {
namespace {

template <typename Builder>
auto Finished(Builder& builder) {
  auto array = builder.Finish();
  MR_CHECK(array.ok()) << array.status().ToString();
  return *array;
}

}  // namespace

Status CollectedOutput::Emit(Batch batch) {
  CheckBatch(batch);
  for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
    const bool tombstone = batch.tombstone != nullptr && batch.tombstone->Value(i);
    emitted.push_back((tombstone ? "tombstone " : "") + RowText(*batch.data, i));
  }
  batches.push_back(std::move(batch));
  return Status::Ok();
}

Status CollectedOutput::Late(Batch batch, std::vector<std::int64_t> late_by_ms) {
  CheckBatch(batch);
  EXPECT_EQ(batch.num_rows(), static_cast<std::int64_t>(late_by_ms.size()));
  for (std::size_t i = 0; i < late_by_ms.size(); ++i) {
    late.push_back(RowText(*batch.data, static_cast<std::int64_t>(i)) +
                   " late_by=" + std::to_string(late_by_ms[i]));
  }
  return Status::Ok();
}

Status CollectedOutput::DeadLetter(const Batch& batch, std::vector<RowError> errors) {
  std::int64_t last = -1;
  for (const RowError& error : errors) {
    EXPECT_GT(error.row, last) << "not ascending";
    last = error.row;
    dead_letters.push_back(RowText(*batch.data, error.row) + " class=" + error.error_class + ": " +
                           error.message);
  }
  return Status::Ok();
}

std::vector<std::string> CollectedOutput::Take() { return std::exchange(emitted, {}); }

RowFeed::RowFeed(const std::string& schema_text, std::string topic)
    : partition_{.topic = std::move(topic), .partition = Partition(0)} {
  MR_CHECK(InitializeExpressions().ok());
  arrow::FieldVector fields;
  for (std::size_t at = 0; at < schema_text.size();) {
    std::size_t end = schema_text.find("; ", at);
    if (end == std::string::npos) end = schema_text.size();
    const std::string column = schema_text.substr(at, end - at);
    const std::size_t colon = column.find(": ");
    fields.push_back(*ParseField(column.substr(0, colon), column.substr(colon + 2)));
    at = end + 2;
  }
  schema_ = arrow::schema(std::move(fields));
}

Batch RowFeed::Make(const std::vector<std::string>& rows) {
  std::vector<TextRow> cells;
  arrow::Int64Builder times, watermarks;
  arrow::BooleanBuilder tombstones;
  RecordBlockBuilder block(partition_);
  bool any_tombstone = false;
  for (const std::string& row : rows) {
    const bool tombstone = row == "tombstone";
    any_tombstone |= tombstone;
    cells.push_back(tombstone ? TextRow() : *ParseTextRow(row));
    std::int64_t time = tombstone ? std::max<std::int64_t>(watermark_.value(), 0) : 0;
    for (const TextCell& cell : cells.back()) {
      if (cell.name == "t") time = std::stoll(cell.text);
    }
    EXPECT_TRUE(times.Append(time).ok() && watermarks.Append(watermark_.value()).ok() &&
                tombstones.Append(tombstone).ok());
    watermark_ = std::max(watermark_, Watermark(SubtractTime(time, out_of_orderness_ms_)));
    block.Append(next_offset_, time, BytesView(), BytesView::Of(row));
    next_offset_ = Next(next_offset_);
  }
  auto data = RowsFromText(cells, schema_);
  MR_CHECK(data.ok()) << data.status().ToString();
  Batch batch;
  batch.data = *data;
  batch.event_time = std::static_pointer_cast<arrow::Int64Array>(Finished(times));
  batch.watermark_before = std::static_pointer_cast<arrow::Int64Array>(Finished(watermarks));
  batch.watermark = watermark_;
  if (any_tombstone) batch.tombstone = std::static_pointer_cast<arrow::BooleanArray>(Finished(tombstones));
  if (!rows.empty()) batch.block = block.Finish();
  batch.origin = {.partition = partition_,
                  .first = Offset(next_offset_.value() - static_cast<std::int64_t>(rows.size())),
                  .last = Offset(next_offset_.value() - 1)};
  CheckBatch(batch);
  return batch;
}

ScratchStore::ScratchStore() : runtime_(*StateRuntime::Make(ByteCount(16 << 20))) {
  static int made = 0;
  directory_ = testing::TempDir() + "millrace-ops-" + std::to_string(getpid()) + "-" + std::to_string(++made);
  EXPECT_TRUE(RemoveAll(directory_).ok());
  Reopen();
}

ScratchStore::~ScratchStore() {
  store_.reset();
  EXPECT_TRUE(RemoveAll(directory_).ok());
}

StateStore& ScratchStore::Reopen() {
  store_.reset();
  StateStoreOptions options;
  options.directory = directory_;
  options.max_rows_in_memory = max_rows_in_memory;
  options.max_bytes_in_memory = max_bytes_in_memory;
  auto store = StateStore::Open(options, *runtime_);
  MR_CHECK(store.ok()) << store.status().ToString();
  store_ = *std::move(store);
  return *store_;
}

std::vector<WindowAggregateSpec> BindAggregates(
    const std::vector<std::pair<std::string, std::string>>& written,
    const std::shared_ptr<arrow::Schema>& schema) {
  std::vector<WindowAggregateSpec> aggregates;
  for (const auto& [name, text] : written) {
    const AggregateCall call = *ParseAggregateCall(text);
    WindowAggregateSpec aggregate{.name = name, .function = call.function, .text = text};
    if (const Expr argument = call.Filtered(); !argument.empty()) {
      aggregate.argument = *BoundExpr::Bind(argument, schema);
    }
    aggregates.push_back(std::move(aggregate));
  }
  return aggregates;
}

namespace {

void Expect(const Status& status) { MR_CHECK(status.ok()) << status.ToString(); }

}  // namespace

WindowRun::WindowRun(WindowAggregateOptions shape,
                     const std::vector<std::pair<std::string, std::string>>& aggregates,
                     const std::string& schema_text)
    : feed(schema_text), options(std::move(shape)) {
  options.name = "w";
  options.by = {"k"};
  options.aggregates = BindAggregates(aggregates, feed.schema());
  store.max_rows_in_memory = 20;
  store.Reopen();
  Make();
}

void WindowRun::Make() {
  auto made = MakeWindowAggregate(options, feed.schema(), *store);
  Expect(made.status());
  window = *std::move(made);
}

void WindowRun::Run(const std::vector<std::string>& rows) {
  const Batch batch = feed.Make(rows);
  Process(batch, feed.watermark(), output);
}

void WindowRun::Process(const Batch& batch, Watermark watermark, CollectedOutput& to) {
  Expect(window->Process(batch, to));
  if (watermark > time_) Expect(window->AdvanceTime(watermark, to));
  time_ = std::max(time_, watermark);
}

void WindowRun::Commit() {
  Expect(store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }));
  Expect(store->CommitDirty({{"w", Offset(++commits_)}}));
  committed_ = time_;
}

void WindowRun::Rollback(bool anew) {
  Expect(store->Rollback());
  if (anew) {
    window.reset();
    store.Reopen();
    Make();
  }
  window->RestoreTime(committed_);
  time_ = committed_;
}

}  // namespace millrace
