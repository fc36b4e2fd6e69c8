#include "ops/count_window.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <arrow/api.h>

#include "columnar/key_encoding.h"
#include "ops/keyed_rows.h"
#include "ops/row_errors.h"
#include "ops/rows_to_erase.h"
#include "ops/triggered_count_window.h"
#include "ops/window_assigner.h"
#include "ops/window_parts.h"
#include "ops/window_results.h"
#include "ops/window_span.h"

namespace millrace {
namespace {

class CountWindow final : public Operator {
 public:
  CountWindow(WindowParts parts, std::vector<std::unique_ptr<Aggregator>> merge_aggregators);
  Status AddTable(StateStore& store);

  Status Process(Batch batch, Output& output) override;
  const std::shared_ptr<arrow::Schema>& output_schema() const override { return output_schema_; }

 private:
  /// A window that a row of the batch made full, or under kCurrent one that it changed.
  struct Window {
    std::size_t row;
    std::int64_t first;  // number of its first row
    std::int64_t rows;   // that it has so far
  };

  /// Numbers the rows of each key: fills panes_, full_ and, under kCurrent, open_.
  Status NumberRows(const Batch& batch);
  Status AddRows(const Batch& batch, Output& output);
  /// Takes the windows of keys that lost every row of the batch out of open_.
  void KeepChanged(std::int64_t rows, const std::vector<RowError>& errors);
  Status EmitWindows(const std::vector<Window>& windows, bool is_final, Output& output);
  /// Merges the panes of a window into merged_ slot 0; false when it has no row.
  Status MergePanes(const Window& window, bool* any);
  Status DropPanes();

  const WindowAggregateOptions options_;
  const std::shared_ptr<arrow::Schema> output_schema_;
  const std::vector<int> key_columns_;
  const std::int64_t pane_rows_;

  GroupRows groups_;
  GroupRows merged_;
  GroupUpdate update_;
  WindowResults results_;
  KeyedTable* table_ = nullptr;

  // Of the batch under way; kept for their memory.
  KeyBuffer keys_;
  std::vector<std::int64_t> slices_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::int64_t> panes_;
  std::vector<Window> full_;
  std::vector<Window> open_;
  RowsToErase passed_;
};

CountWindow::CountWindow(WindowParts parts, std::vector<std::unique_ptr<Aggregator>> merge_aggregators)
    : options_(std::move(parts.options)),
      output_schema_(std::move(parts.output_schema)),
      key_columns_(std::move(parts.key_columns)),
      pane_rows_(std::gcd(options_.count, options_.count_step)),
      groups_(std::move(parts.aggregators), /*hidden=*/1),
      merged_(std::move(merge_aggregators), /*hidden=*/1),
      update_(&options_.aggregates, &groups_),
      results_({.shape = {output_schema_, static_cast<int>(key_columns_.size()), options_.origin},
                .groups = &merged_,
                .aggregates = &options_.aggregates,
                .merged = true}) {
  merged_.Resize(1);
}

Status CountWindow::AddTable(StateStore& store) {
  MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, &groups_));
  return Status::Ok();
}

Status CountWindow::Process(Batch batch, Output& output) {
  MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
  MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
  MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, table_->most_key_bytes(), &batch, output));
  MR_RETURN_IF_ERROR(update_.TakeOutFailed(&batch, output));
  if (batch.num_rows() == 0) return Status::Ok();
  MR_RETURN_IF_ERROR(EncodeGroupKeys(key_columns_, batch, &keys_));
  MR_RETURN_IF_ERROR(NumberRows(batch));
  MR_RETURN_IF_ERROR(AddRows(batch, output));
  if (options_.emit == EmitMode::kCurrent) MR_RETURN_IF_ERROR(EmitWindows(open_, false, output));
  MR_RETURN_IF_ERROR(EmitWindows(full_, true, output));
  return DropPanes();
}

Status CountWindow::NumberRows(const Batch& batch) {
  const auto rows = static_cast<std::size_t>(batch.num_rows());
  slices_.assign(rows, kCountersOfRows);
  slots_.resize(rows);
  MR_RETURN_IF_ERROR(table_->Lookup(slices_, {.data = keys_.data(), .offsets = keys_.offsets()}, slots_));
  panes_.resize(rows);
  full_.clear();
  open_.clear();
  for (std::size_t row = 0; row < rows; ++row) {
    const std::int64_t number = SpanOf(groups_, slots_[row]).rows++;
    panes_[row] = number / pane_rows_;
    const std::int64_t first = number + 1 - options_.count;
    if (first >= 0 && first % options_.count_step == 0) full_.push_back({row, first, options_.count});
  }
  if (options_.emit != EmitMode::kCurrent) return Status::Ok();
  std::set<std::uint32_t> seen;
  for (std::size_t row = 0; row < rows; ++row) {
    if (!seen.insert(slots_[row]).second) continue;
    const std::int64_t number = SpanOf(groups_, slots_[row]).rows;  // of the next row
    const std::int64_t lowest = std::max<std::int64_t>(0, number - options_.count + 1);
    for (std::int64_t first = (lowest + options_.count_step - 1) / options_.count_step * options_.count_step;
         first < number; first += options_.count_step) {
      open_.push_back({row, first, number - first});
    }
  }
  return Status::Ok();
}

Status CountWindow::AddRows(const Batch& batch, Output& output) {
  MR_RETURN_IF_ERROR(table_->Lookup(panes_, {.data = keys_.data(), .offsets = keys_.offsets()}, slots_));
  MR_ASSIGN_OR_RETURN(std::vector<RowError> errors,
                      update_.Add(batch, slots_, [](std::size_t) { return " in a window of rows"; }));
  for (const RowError& error : errors) {
    SpanOf(groups_, slots_[static_cast<std::size_t>(error.row)]).Cover(batch.event_time->Value(error.row));
  }
  output.CountAbsorbed(batch.num_rows() - static_cast<std::int64_t>(errors.size()));
  KeepChanged(batch.num_rows(), errors);
  return errors.empty() ? Status::Ok() : output.DeadLetter(batch, std::move(errors));
}

void CountWindow::KeepChanged(std::int64_t rows, const std::vector<RowError>& errors) {
  if (open_.empty() || errors.empty()) return;
  std::set<std::string_view> changed;
  for (const std::size_t row : RowsWithoutError(rows, errors)) changed.insert(keys_[row]);
  std::erase_if(open_, [&](const Window& window) { return !changed.contains(keys_[window.row]); });
}

Status CountWindow::MergePanes(const Window& window, bool* any) {
  merged_.Clear(0);
  *any = false;
  const std::string_view key = keys_[window.row];
  const std::int64_t last = (window.first + window.rows - 1) / pane_rows_;
  for (std::int64_t pane = window.first / pane_rows_; pane <= last; ++pane) {
    MR_RETURN_IF_ERROR(table_->Peek(pane, key, [&](std::string_view, std::uint32_t slot) {
      merged_.Merge(0, groups_, slot);
      *any = true;
      return Status::Ok();
    }));
  }
  return Status::Ok();
}

Status CountWindow::EmitWindows(const std::vector<Window>& windows, bool is_final, Output& output) {
  results_.set_final(is_final);
  for (const Window& window : windows) {
    bool any = false;
    MR_RETURN_IF_ERROR(MergePanes(window, &any));
    if (!any) continue;
    const WindowSpan& span = SpanOf(merged_, 0);
    MR_RETURN_IF_ERROR(results_.Add({span.first_ms, AddTime(span.last_ms, 1)}, keys_[window.row], 0, output));
  }
  return results_.Flush(output);
}

// The panes that no window after the full ones needs.
Status CountWindow::DropPanes() {
  passed_.Clear();
  for (const Window& window : full_) {
    const std::int64_t last = (window.first + options_.count_step) / pane_rows_;
    for (std::int64_t pane = window.first / pane_rows_; pane < last; ++pane)
      passed_.Add(pane, keys_[window.row]);
  }
  return passed_.EraseFrom(*table_);
}

}  // namespace

Result<std::unique_ptr<Operator>> MakeCountWindow(WindowAggregateOptions options,
                                                  const std::shared_ptr<arrow::Schema>& input,
                                                  StateStore& store) {
  if (options.trigger) return MakeTriggeredCountWindow(std::move(options), input, store);
  MR_ASSIGN_OR_RETURN(WindowParts parts, MakeWindowParts(std::move(options), *input));
  MR_ASSIGN_OR_RETURN(auto merge_aggregators, MakeWindowAggregators(parts.options));
  auto window = std::make_unique<CountWindow>(std::move(parts), std::move(merge_aggregators));
  MR_RETURN_IF_ERROR(window->AddTable(store));
  return std::unique_ptr<Operator>(std::move(window));
}

}  // namespace millrace
