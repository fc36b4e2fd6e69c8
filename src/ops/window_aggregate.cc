#include "ops/window_aggregate.h"

#include <xxhash.h>

#include <algorithm>

#include <arrow/api.h>

#include "base/suggest.h"
#include "columnar/arrow_status.h"
#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"
#include "columnar/tombstone_column.h"
#include "ops/group_rows.h"
#include "ops/keyed_rows.h"
#include "ops/row_errors.h"
#include "ops/window_assigner.h"
#include "ops/window_results.h"

namespace millrace {
namespace {

using Aggregate = WindowAggregateOptions::Aggregate;

Result<std::vector<std::unique_ptr<Aggregator>>> MakeAggregators(const WindowAggregateOptions& options) {
  std::vector<std::unique_ptr<Aggregator>> aggregators;
  for (const Aggregate& aggregate : options.aggregates) {
    auto made = MakeAggregator(aggregate.function, aggregate.argument ? aggregate.argument->type() : nullptr);
    if (!made.ok()) return made.status().WithContext("aggregate '" + aggregate.name + "'");
    aggregators.push_back(*std::move(made));
  }
  return aggregators;
}

// Topic and partition of a batch as a number that orders origins the same way everywhere.
std::uint64_t OriginRank(const TopicPartition& partition) {
  const std::uint64_t topic = XXH3_64bits(partition.topic.data(), partition.topic.size());
  return (topic & ~0xffffffffULL) | static_cast<std::uint32_t>(partition.partition.value());
}

class WindowAggregate final : public Operator {
 public:
  WindowAggregate(WindowAggregateOptions options, std::shared_ptr<arrow::Schema> output_schema,
                  std::vector<int> key_columns, std::vector<std::unique_ptr<Aggregator>> aggregators);
  Status AddTable(StateStore& store);

  Status Process(Batch batch, Output& output) override;
  Status AdvanceTime(Watermark watermark, Output& output) override;
  Watermark OutputWatermark(Watermark input) const override;
  const std::shared_ptr<arrow::Schema>& output_schema() const override { return output_schema_; }

 private:
  /// Fills starts_ms_; rows that are late or have no window leave the batch.
  Status AssignWindows(Batch* batch, Output& output);
  Status RemoveExceptions(const WindowAssigner::Exceptions& exceptions, Batch* batch, Output& output);
  /// Fills arguments_; rows on which an argument fails leave the batch.
  Status EvaluateArguments(Batch* batch, Output& output);
  Result<std::vector<RowError>> TryArguments(const Batch& batch);
  /// Fills slots_ with the group of each row.
  Status FindGroups(const Batch& batch);
  Status UpdateAggregates(const Batch& batch, Output& output);
  AggregateInput InputOf(std::size_t aggregate, const Batch& batch) const;
  /// Adds row by row to the checked aggregates, after they could not take the batch as a whole (W8).
  std::vector<RowError> UpdateCheckedByRow(const Batch& batch);
  Status UpdateUnchecked(const Batch& batch, const std::vector<RowError>& without);
  Status EmitChanged(const Batch& batch, Output& output);

  const WindowAggregateOptions options_;
  const std::shared_ptr<arrow::Schema> output_schema_;
  const std::vector<int> key_columns_;
  const WindowAssigner assigner_;
  const bool orders_rows_;  // some aggregate is first or last

  GroupRows groups_;
  WindowResults results_;
  KeyedTable* table_ = nullptr;

  // Of the batch under way; kept for their memory.
  std::vector<std::int64_t> starts_ms_;
  std::vector<std::shared_ptr<arrow::Array>> arguments_;
  KeyBuffer keys_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::byte*> rows_;
  std::vector<std::int64_t> offsets_;
};

bool OrdersRows(const WindowAggregateOptions& options) {
  return std::any_of(options.aggregates.begin(), options.aggregates.end(), [](const Aggregate& aggregate) {
    return aggregate.function == "first" || aggregate.function == "last";
  });
}

WindowAggregate::WindowAggregate(WindowAggregateOptions options, std::shared_ptr<arrow::Schema> output_schema,
                                 std::vector<int> key_columns,
                                 std::vector<std::unique_ptr<Aggregator>> aggregators)
    : options_(std::move(options)),
      output_schema_(std::move(output_schema)),
      key_columns_(std::move(key_columns)),
      assigner_(options_.size, options_.grace, options_.offset),
      orders_rows_(OrdersRows(options_)),
      groups_(std::move(aggregators)),
      results_(output_schema_, static_cast<int>(key_columns_.size()), &groups_, &assigner_),
      arguments_(options_.aggregates.size()) {}

Status WindowAggregate::AddTable(StateStore& store) {
  MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, &groups_));
  return Status::Ok();
}

Status WindowAggregate::Process(Batch batch, Output& output) {
  MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
  MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
  MR_RETURN_IF_ERROR(AssignWindows(&batch, output));
  MR_RETURN_IF_ERROR(EvaluateArguments(&batch, output));
  results_.set_origin({.partition = batch.origin.partition});
  if (batch.num_rows() == 0) return Status::Ok();
  MR_RETURN_IF_ERROR(FindGroups(batch));
  MR_RETURN_IF_ERROR(UpdateAggregates(batch, output));
  if (options_.emit == EmitMode::kCurrent) return EmitChanged(batch, output);
  return Status::Ok();
}

// --- Which rows count ---

Status WindowAggregate::AssignWindows(Batch* batch, Output& output) {
  const auto rows = static_cast<std::size_t>(batch->num_rows());
  starts_ms_.resize(rows);
  if (rows == 0) return Status::Ok();
  const std::int64_t watermark = batch->watermark.value();
  const std::span<const std::int64_t> watermarks =
      batch->watermark_before == nullptr ? std::span(&watermark, 1)
                                         : std::span(batch->watermark_before->raw_values(), rows);
  WindowAssigner::Exceptions exceptions;
  assigner_.Assign({batch->event_time->raw_values(), rows}, watermarks, starts_ms_, &exceptions);
  if (exceptions.empty()) return Status::Ok();
  MR_RETURN_IF_ERROR(RemoveExceptions(exceptions, batch, output));
  return AssignWindows(batch, output);
}

Status WindowAggregate::RemoveExceptions(const WindowAssigner::Exceptions& exceptions, Batch* batch,
                                         Output& output) {
  std::vector<RowError> errors;
  for (const std::int32_t row : exceptions.no_window) {
    errors.push_back({row, "overflow",
                      "no window of " + FormatDuration(options_.size) + " holds the event time " +
                          std::to_string(batch->event_time->Value(row)) + " ms"});
  }
  std::vector<std::int64_t> late_by_ms;
  std::vector<bool> kept(static_cast<std::size_t>(batch->num_rows()), true);
  for (const std::int32_t row : exceptions.no_window) kept[static_cast<std::size_t>(row)] = false;
  for (const std::int32_t row : exceptions.late) {
    const std::int64_t before =
        batch->watermark_before == nullptr ? batch->watermark.value() : batch->watermark_before->Value(row);
    late_by_ms.push_back(SubtractTime(before, assigner_.ClosesAt(starts_ms_[static_cast<std::size_t>(row)])));
    kept[static_cast<std::size_t>(row)] = false;
  }
  if (!errors.empty()) MR_RETURN_IF_ERROR(output.DeadLetter(*batch, std::move(errors)));
  if (!late_by_ms.empty()) {
    arrow::Int32Builder indices;
    MR_RETURN_IF_ARROW_ERROR(indices.AppendValues(exceptions.late));
    std::shared_ptr<arrow::Int32Array> rows;
    MR_RETURN_IF_ARROW_ERROR(indices.Finish(&rows));
    MR_ASSIGN_OR_RETURN(Batch late, TakeRows(*batch, rows));
    MR_RETURN_IF_ERROR(output.Late(std::move(late), std::move(late_by_ms)));
  }
  arrow::BooleanBuilder mask;
  MR_RETURN_IF_ARROW_ERROR(mask.AppendValues(kept));
  std::shared_ptr<arrow::BooleanArray> keep;
  MR_RETURN_IF_ARROW_ERROR(mask.Finish(&keep));
  MR_ASSIGN_OR_RETURN(*batch, FilterBatch(*batch, *keep));
  return Status::Ok();
}

Status WindowAggregate::EvaluateArguments(Batch* batch, Output& output) {
  if (batch->num_rows() == 0) return Status::Ok();
  MR_ASSIGN_OR_RETURN(std::vector<RowError> errors, TryArguments(*batch));
  if (errors.empty()) return Status::Ok();
  MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(*batch, errors));
  MR_RETURN_IF_ERROR(output.DeadLetter(*batch, std::move(errors)));
  *batch = std::move(kept);
  MR_RETURN_IF_ERROR(AssignWindows(batch, output));
  return EvaluateArguments(batch, output);
}

Result<std::vector<RowError>> WindowAggregate::TryArguments(const Batch& batch) {
  std::vector<std::vector<RowError>> errors;
  MR_ASSIGN_OR_RETURN(const auto rows, WithTombstoneColumn(batch));
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Aggregate& aggregate = options_.aggregates[i];
    if (!aggregate.argument) continue;
    MR_ASSIGN_OR_RETURN(ExprValues evaluated, aggregate.argument->Evaluate(*rows));
    arguments_[i] = std::move(evaluated.values);
    if (!evaluated.errors.empty()) errors.push_back(ToRowErrors(std::move(evaluated.errors), nullptr));
    std::vector<RowError> unfit;
    for (const std::int64_t row : groups_.aggregator(i).Unfit(*arguments_[i])) {
      unfit.push_back({row, "overflow", "a value of " + aggregate.text + " does not fit into int64"});
    }
    if (!unfit.empty()) errors.push_back(std::move(unfit));
  }
  if (errors.empty()) return std::vector<RowError>();
  return MergeRowErrors(std::move(errors));
}

// --- Groups and aggregates ---

Status WindowAggregate::FindGroups(const Batch& batch) {
  const auto rows = static_cast<std::size_t>(batch.num_rows());
  if (key_columns_.empty()) {
    keys_.Clear();
    for (std::size_t i = 0; i < rows; ++i) keys_.Append("");
  } else {
    MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(key_columns_, *batch.data), &keys_));
  }
  slots_.resize(rows);
  MR_RETURN_IF_ERROR(table_->Lookup(starts_ms_, {.data = keys_.data(), .offsets = keys_.offsets()}, slots_));
  groups_.Groups(slots_, &rows_);
  if (orders_rows_ && batch.block != nullptr) {
    offsets_.resize(rows);
    for (std::size_t i = 0; i < rows; ++i) offsets_[i] = batch.OffsetOf(static_cast<std::int64_t>(i)).value();
  }
  return Status::Ok();
}

AggregateInput WindowAggregate::InputOf(std::size_t aggregate, const Batch& batch) const {
  return {.groups = rows_,
          .state_at = groups_.state_at(aggregate),
          .values = arguments_[aggregate].get(),
          .event_times_ms = batch.event_time->raw_values(),
          .offsets = orders_rows_ && batch.block != nullptr ? offsets_.data() : nullptr,
          // Of rows that moved, where they came from: it must not matter which partition was faster (T5).
          .origin = !orders_rows_            ? 0
                    : batch.block == nullptr ? OriginRank(batch.origin.partition)
                                             : OriginRank(batch.block->partition())};
}

Status WindowAggregate::UpdateAggregates(const Batch& batch, Output& output) {
  bool overflow = false;
  std::size_t tried = 0;
  for (; tried < groups_.size() && !overflow; ++tried) {
    Aggregator& aggregator = groups_.aggregator(tried);
    if (aggregator.checked()) overflow = !aggregator.Update(InputOf(tried, batch));
  }
  std::vector<RowError> errors;
  if (overflow) {
    for (std::size_t i = 0; i < tried; ++i) {
      if (groups_.aggregator(i).checked()) groups_.aggregator(i).Undo(InputOf(i, batch));
    }
    errors = UpdateCheckedByRow(batch);
  }
  MR_RETURN_IF_ERROR(UpdateUnchecked(batch, errors));
  output.CountAbsorbed(batch.num_rows() - static_cast<std::int64_t>(errors.size()));
  if (errors.empty()) return Status::Ok();
  return output.DeadLetter(batch, std::move(errors));
}

std::vector<RowError> WindowAggregate::UpdateCheckedByRow(const Batch& batch) {
  std::vector<RowError> errors;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    std::size_t unfit = 0;
    for (; unfit < groups_.size(); ++unfit) {
      const Aggregator& aggregator = groups_.aggregator(unfit);
      if (aggregator.checked() && !aggregator.Fits(InputOf(unfit, batch), row)) break;
    }
    if (unfit < groups_.size()) {
      const std::int64_t start = starts_ms_[row];
      errors.push_back({static_cast<std::int64_t>(row), "overflow",
                        options_.aggregates[unfit].text + " overflows int64 in window [" +
                            std::to_string(start) + ", " + std::to_string(assigner_.EndOf(start)) +
                            "); cast the argument to double"});
      continue;
    }
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (!groups_.aggregator(i).checked()) continue;
      const std::shared_ptr<arrow::Array> value = arguments_[i]->Slice(static_cast<std::int64_t>(row), 1);
      const bool fits = groups_.aggregator(i).Update({.groups = std::span(rows_).subspan(row, 1),
                                                      .state_at = groups_.state_at(i),
                                                      .values = value.get()});
      MR_CHECK(fits);
    }
  }
  return errors;
}

Status WindowAggregate::UpdateUnchecked(const Batch& batch, const std::vector<RowError>& without) {
  if (without.empty()) {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (!groups_.aggregator(i).checked())
        static_cast<void>(groups_.aggregator(i).Update(InputOf(i, batch)));
    }
    return Status::Ok();
  }
  std::size_t next_error = 0;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (next_error < without.size() && without[next_error].row == static_cast<std::int64_t>(row)) {
      ++next_error;
      continue;
    }
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (groups_.aggregator(i).checked()) continue;
      AggregateInput input = InputOf(i, batch);
      const auto value =
          input.values == nullptr ? nullptr : arguments_[i]->Slice(static_cast<std::int64_t>(row), 1);
      input.groups = input.groups.subspan(row, 1);
      input.values = value.get();
      input.event_times_ms += row;
      if (input.offsets != nullptr) input.offsets += row;
      static_cast<void>(groups_.aggregator(i).Update(input));
    }
  }
  return Status::Ok();
}

// --- Results ---

Status WindowAggregate::EmitChanged(const Batch& batch, Output& output) {
  // One row of the batch for each group, in (window, key) order.
  std::vector<std::size_t> rows(slots_.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  std::sort(rows.begin(), rows.end(), [this](std::size_t a, std::size_t b) { return slots_[a] < slots_[b]; });
  rows.erase(std::unique(rows.begin(), rows.end(),
                         [this](std::size_t a, std::size_t b) { return slots_[a] == slots_[b]; }),
             rows.end());
  std::sort(rows.begin(), rows.end(), [this](std::size_t a, std::size_t b) {
    return starts_ms_[a] != starts_ms_[b] ? starts_ms_[a] < starts_ms_[b] : keys_[a] < keys_[b];
  });
  results_.set_origin(batch.origin);
  results_.set_final(false);
  for (const std::size_t row : rows) {
    MR_RETURN_IF_ERROR(results_.Add(starts_ms_[row], keys_[row], slots_[row], output));
  }
  MR_RETURN_IF_ERROR(results_.Flush(output));
  results_.set_origin({.partition = batch.origin.partition});
  results_.set_final(true);
  return Status::Ok();
}

Status WindowAggregate::AdvanceTime(Watermark watermark, Output& output) {
  for (std::optional<std::int64_t> start = table_->FirstSlice(); start; start = table_->FirstSlice()) {
    if (assigner_.ClosesAt(*start) > watermark.value()) break;
    MR_RETURN_IF_ERROR(table_->CloseSlice(*start, [&](std::string_view key, std::uint32_t slot) {
      return results_.Add(*start, key, slot, output);
    }));
  }
  return results_.Flush(output);
}

Watermark WindowAggregate::OutputWatermark(Watermark input) const {
  if (input == kNoWatermark || input == kEndOfTime) return input;
  return Watermark(SubtractTime(input.value(), assigner_.grace_ms()));
}

Result<std::vector<int>> CheckOptions(const WindowAggregateOptions& options, const arrow::Schema& input) {
  if (options.size.count() <= 0) {
    return Status::InvalidArgument("a window must be longer than " + FormatDuration(options.size));
  }
  if (options.grace.count() < 0) {
    return Status::InvalidArgument("grace must not be negative, it is " + FormatDuration(options.grace));
  }
  return KeyColumnIndices(options.by, input);
}

std::string LayoutOf(const WindowAggregateOptions& options, const arrow::FieldVector& keys,
                     const std::vector<std::unique_ptr<Aggregator>>& aggregators) {
  std::string layout =
      "tumbling " + FormatDuration(options.size) + " offset " + FormatDuration(options.offset) + " by ";
  for (const auto& key : keys) layout += key->name() + ":" + TypeText(*key->type()) + " ";
  layout += "aggregate ";
  for (std::size_t i = 0; i < aggregators.size(); ++i) {
    const Aggregate& aggregate = options.aggregates[i];
    layout += (i == 0 ? "" : ", ") + aggregate.name + " = " + aggregate.text;
    if (aggregate.argument) layout += " of " + TypeText(*aggregate.argument->type());
  }
  std::replace(layout.begin(), layout.end(), '\n', ' ');
  return options.name + "=" + layout;
}

}  // namespace

Result<WindowDescription> DescribeWindow(const WindowAggregateOptions& options, const arrow::Schema& input) {
  MR_ASSIGN_OR_RETURN(const std::vector<int> key_columns, CheckOptions(options, input));
  MR_ASSIGN_OR_RETURN(const auto aggregators, MakeAggregators(options));
  arrow::FieldVector keys;
  for (const int column : key_columns) keys.push_back(input.field(column));
  arrow::FieldVector fields = keys;
  fields.push_back(arrow::field("window_start", arrow::timestamp(arrow::TimeUnit::MILLI)));
  fields.push_back(arrow::field("window_end", arrow::timestamp(arrow::TimeUnit::MILLI)));
  for (std::size_t i = 0; i < aggregators.size(); ++i) {
    fields.push_back(arrow::field(options.aggregates[i].name, aggregators[i]->type()));
  }
  if (options.emit == EmitMode::kCurrent) fields.push_back(arrow::field("final", arrow::boolean()));
  return WindowDescription{.output_schema = arrow::schema(std::move(fields)),
                           .state_layout = LayoutOf(options, keys, aggregators)};
}

Result<std::unique_ptr<Operator>> MakeWindowAggregate(WindowAggregateOptions options,
                                                      const std::shared_ptr<arrow::Schema>& input,
                                                      StateStore& store) {
  MR_ASSIGN_OR_RETURN(WindowDescription description, DescribeWindow(options, *input));
  MR_ASSIGN_OR_RETURN(std::vector<int> key_columns, KeyColumnIndices(options.by, *input));
  MR_ASSIGN_OR_RETURN(auto aggregators, MakeAggregators(options));
  auto window = std::make_unique<WindowAggregate>(std::move(options), std::move(description.output_schema),
                                                  std::move(key_columns), std::move(aggregators));
  MR_RETURN_IF_ERROR(window->AddTable(store));
  return std::unique_ptr<Operator>(std::move(window));
}

}  // namespace millrace
