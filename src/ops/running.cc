#include "ops/running.h"

#include <algorithm>

#include <arrow/api.h>

#include "base/check.h"
#include "columnar/key_encoding.h"
#include "ops/aggregate_specs.h"
#include "ops/group_rows.h"
#include "ops/key_lives.h"
#include "ops/key_slots.h"
#include "ops/keyed_rows.h"
#include "ops/row_errors.h"
#include "ops/watermark_before.h"

namespace millrace {
namespace {

class Running final : public Operator {
 public:
  Running(RunningOptions options, std::shared_ptr<arrow::Schema> output_schema, std::vector<int> key_columns,
          std::vector<std::unique_ptr<Aggregator>> aggregators)
      : options_(std::move(options)),
        output_schema_(std::move(output_schema)),
        key_columns_(std::move(key_columns)),
        groups_(std::move(aggregators)),
        update_(&options_.aggregates, &groups_),
        all_(groups_.size(), true),
        lives_(options_.ttl, &groups_) {}

  Status AddTable(StateStore& store) {
    MR_ASSIGN_OR_RETURN(table_, lives_.AddTable(options_.name, store));
    return Status::Ok();
  }

  Status Process(Batch batch, Output& output) override {
    MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
    MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
    MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, table_->most_key_bytes(), &batch, output));
    MR_RETURN_IF_ERROR(lives_.RemoveLate(&batch, output));
    MR_RETURN_IF_ERROR(update_.TakeOutFailed(&batch, output));
    if (batch.num_rows() == 0) return Status::Ok();
    MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(key_columns_, *batch.data), &keys_));
    MR_RETURN_IF_ERROR(slots_.Lookup(*table_, lives_.slice(), keys_));
    const std::vector<std::int64_t> argument_bytes = update_.ArgumentBytes();
    for (std::size_t first = 0; first < slots_.size();) {
      const auto bytes = std::span(argument_bytes).subspan(std::min(first, argument_bytes.size()));
      std::size_t rows =
          update_.RowsAtOnce(slots_.slots().subspan(first), bytes, GroupUpdate::ResultsOf::kEachRow);
      if (lives_.limited()) rows = RowsOfOneLife(batch, first, rows);
      MR_RETURN_IF_ERROR(AddRows(batch, first, rows, output));
      first += rows;
    }
    return lives_.limited() ? lives_.Flush() : Status::Ok();
  }

  Status AdvanceTime(Watermark watermark, Output& /*output*/) override {
    return lives_.AdvanceTime(watermark);
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return output_schema_; }

 private:
  /// Of the rows [first, first + rows), how many can be added at once: up to one before which its key has
  /// ended that has rows among them. Clears the groups of keys that have ended before their first.
  std::size_t RowsOfOneLife(const Batch& batch, std::size_t first, std::size_t rows) {
    ExpiringRows& ends = lives_.rows();
    ++part_;
    for (std::size_t i = first; i < first + rows; ++i) {
      const auto row = static_cast<std::int64_t>(i);
      if (lives_.Ended(slots_[i], WatermarkBefore(batch, row))) {
        if (ends.mark(slots_[i]) == part_) return i - first;
        ends.ClearRow(slots_[i]);
      }
      ends.set_mark(slots_[i], part_);
      lives_.See(slots_[i], batch.event_time->Value(row), keys_[i]);
    }
    return rows;
  }

  /// Adds rows [first, first + rows) of a batch whose groups are in slots_, and emits their results.
  Status AddRows(const Batch& whole, std::size_t first, std::size_t rows, Output& output) {
    const Batch batch = SliceBatch(whole, static_cast<std::int64_t>(first), static_cast<std::int64_t>(rows));
    if (batch.num_rows() < whole.num_rows()) {
      MR_ASSIGN_OR_RETURN(const std::vector<RowError> none, update_.Evaluate(batch));
      MR_CHECK(none.empty()) << "an argument that did not fail before";
    }
    const auto nowhere = [](std::size_t) { return std::string(); };
    MR_ASSIGN_OR_RETURN(AddEachErrors failed,
                        update_.AddEach(batch, slots_.slots().subspan(first, rows), nowhere, all_));
    std::vector<RowError> errors =
        MergeRowErrors({std::move(failed.refused), std::move(failed.without_result)});
    MR_ASSIGN_OR_RETURN(Batch results, Results(batch, first));
    if (!errors.empty()) {
      MR_ASSIGN_OR_RETURN(results, WithoutRows(results, errors));
      MR_RETURN_IF_ERROR(output.DeadLetter(batch, std::move(errors)));
    }
    return results.num_rows() == 0 ? Status::Ok() : output.Emit(std::move(results));
  }

  /// The rows with their results in place of their columns. `first`: where the keys of the rows begin.
  Result<Batch> Results(const Batch& batch, std::size_t first) {
    arrow::ArrayVector columns = KeyArrays(key_columns_, *batch.data);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> column, groups_.aggregator(i).Finish());
      columns.push_back(std::move(column));
    }
    Batch results =
        batch.WithData(arrow::RecordBatch::Make(output_schema_, batch.num_rows(), std::move(columns)));
    if (batch.num_rows() == keys_.num_rows()) {
      results.key = std::move(keys_).ToBinaryArray();
      return results;
    }
    KeyBuffer keys;
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch.num_rows()); ++i)
      keys.Append(keys_[first + i]);
    results.key = std::move(keys).ToBinaryArray();
    return results;
  }

  const RunningOptions options_;
  const std::shared_ptr<arrow::Schema> output_schema_;
  const std::vector<int> key_columns_;

  GroupRows groups_;
  GroupUpdate update_;
  const std::vector<bool> all_;  // aggregates
  KeyLives lives_;               // over groups_
  KeyedTable* table_ = nullptr;
  std::uint32_t part_ = 0;  // of a batch: rows added at once

  // Of the batch under way; kept for their memory.
  KeyBuffer keys_;
  KeySlots slots_;
};

}  // namespace

Result<RunningDescription> DescribeRunning(const RunningOptions& options, const arrow::Schema& input) {
  MR_RETURN_IF_ERROR(KeyLives::Check(options.ttl));
  if (options.by.empty()) return Status::InvalidArgument("'by' is empty; name the key columns");
  MR_ASSIGN_OR_RETURN(const std::vector<int> key_columns, KeyColumnIndices(options.by, input));
  MR_ASSIGN_OR_RETURN(const auto aggregators, MakeAggregators(options.aggregates));
  arrow::FieldVector fields;
  for (const int column : key_columns) fields.push_back(input.field(column));
  for (std::size_t i = 0; i < aggregators.size(); ++i) {
    fields.push_back(arrow::field(options.aggregates[i].name, aggregators[i]->type()));
  }
  return RunningDescription{.output_schema = arrow::schema(std::move(fields)),
                            .state_layout = options.name + "=running" + KeyLives::Layout(options.ttl) +
                                            " by " + ColumnsLayout(key_columns, input) + " aggregate " +
                                            AggregatesLayout(options.aggregates)};
}

Result<std::unique_ptr<Operator>> MakeRunning(RunningOptions options,
                                              const std::shared_ptr<arrow::Schema>& input,
                                              StateStore* store) {
  MR_ASSIGN_OR_RETURN(RunningDescription description, DescribeRunning(options, *input));
  MR_ASSIGN_OR_RETURN(std::vector<int> key_columns, KeyColumnIndices(options.by, *input));
  MR_ASSIGN_OR_RETURN(auto aggregators, MakeAggregators(options.aggregates));
  auto made = std::make_unique<Running>(std::move(options), std::move(description.output_schema),
                                        std::move(key_columns), std::move(aggregators));
  if (store != nullptr) MR_RETURN_IF_ERROR(made->AddTable(*store));
  return std::unique_ptr<Operator>(std::move(made));
}

}  // namespace millrace
