#include "ops/triggered_count_window.h"

#include <algorithm>
#include <set>

#include <arrow/api.h>

#include "base/check.h"
#include "columnar/key_encoding.h"
#include "ops/count_window.h"
#include "ops/keyed_rows.h"
#include "ops/row_errors.h"
#include "ops/triggered_update.h"
#include "ops/window_assigner.h"
#include "ops/window_parts.h"
#include "ops/window_results.h"
#include "ops/window_span.h"

namespace millrace {
namespace {

class TriggeredCountWindow final : public Operator {
 public:
  explicit TriggeredCountWindow(WindowParts parts);
  Status AddTable(StateStore& store);

  Status Process(Batch batch, Output& output) override;
  const std::shared_ptr<arrow::Schema>& output_schema() const override { return output_schema_; }

 private:
  /// Numbers the rows of each key, from `keys_`.
  Status NumberRows();
  /// Evaluates the arguments of rows [first, first + rows) and finds their windows and groups.
  Status Prepare(const Batch& batch, std::int64_t first, std::int64_t rows);
  /// Adds rows [first, first + rows) to their windows, and emits what fires and what is full.
  Status AddRows(const Batch& batch, std::int64_t first, std::int64_t rows, Output& output);
  /// Fills row_of_, windows_, last_ and window_keys_: the windows of the rows.
  void FindWindows(std::int64_t first, std::int64_t rows);
  Status FindGroups();
  Status EmitGrowing(std::int64_t first, const std::vector<RowError>& errors, Output& output);
  Status EmitFired(Output& output);

  const WindowAggregateOptions options_;
  const std::shared_ptr<arrow::Schema> output_schema_;
  const std::vector<int> key_columns_;

  GroupRows groups_;
  GroupUpdate update_;
  WindowResults results_;
  std::unique_ptr<TriggeredUpdate> triggered_;
  KeyedTable* table_ = nullptr;

  // Of the batch under way; kept for their memory.
  KeyBuffer keys_;
  std::vector<std::int64_t> numbers_;
  // Of the rows that are being added, one entry per row and window.
  std::vector<std::int32_t> row_of_;   // counted from the first of them
  std::vector<std::int64_t> windows_;  // their numbers
  std::vector<std::int32_t> last_;     // entries of rows that make their window full
  KeyBuffer window_keys_;
  std::vector<std::uint32_t> slots_;
};

TriggeredCountWindow::TriggeredCountWindow(WindowParts parts)
    : options_(std::move(parts.options)),
      output_schema_(std::move(parts.output_schema)),
      key_columns_(std::move(parts.key_columns)),
      groups_(std::move(parts.aggregators), /*hidden=*/1),
      update_(&options_.aggregates, &groups_),
      results_({.shape = {output_schema_, static_cast<int>(key_columns_.size()), options_.origin},
                .groups = &groups_,
                .aggregates = &options_.aggregates,
                .merged = false}) {
  results_.set_final(false);
}

Status TriggeredCountWindow::AddTable(StateStore& store) {
  MR_ASSIGN_OR_RETURN(triggered_, TriggeredUpdate::Make({.trigger = *options_.trigger,
                                                         .shape = results_.shape(),
                                                         .key_columns = key_columns_,
                                                         .update = &update_,
                                                         .groups = &groups_,
                                                         .rows = &groups_,
                                                         .spans = true}));
  MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, &triggered_->rows()));
  return Status::Ok();
}

Status TriggeredCountWindow::Process(Batch batch, Output& output) {
  MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
  MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
  MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, table_->most_key_bytes(), &batch, output));
  MR_RETURN_IF_ERROR(update_.TakeOutFailed(&batch, output));
  if (batch.num_rows() == 0) return Status::Ok();
  MR_RETURN_IF_ERROR(EncodeGroupKeys(key_columns_, batch, &keys_));
  MR_RETURN_IF_ERROR(NumberRows());
  constexpr std::int64_t kMostCopies = 32'768;
  constexpr std::int64_t kMostLists = 256;
  const std::int64_t windows = (options_.count - 1) / options_.count_step + 1;
  const std::int64_t most = triggered_->question().reads_lists() ? kMostLists : kMostCopies;
  const std::int64_t at_once =
      windows == 1 && most == kMostCopies ? batch.num_rows() : std::max<std::int64_t>(1, most / windows);
  for (std::int64_t first = 0; first < batch.num_rows();) {
    std::int64_t rows = std::min(at_once, batch.num_rows() - first);
    MR_RETURN_IF_ERROR(Prepare(batch, first, rows));
    const std::int64_t fitting = row_of_.empty() ? rows : triggered_->RowsAtOnce(slots_, row_of_);
    if (fitting < rows) MR_RETURN_IF_ERROR(Prepare(batch, first, rows = fitting));
    MR_RETURN_IF_ERROR(AddRows(batch, first, rows, output));
    first += rows;
  }
  return Status::Ok();
}

Status TriggeredCountWindow::NumberRows() {
  const auto rows = static_cast<std::size_t>(keys_.num_rows());
  numbers_.assign(rows, kCountersOfRows);
  slots_.resize(rows);
  MR_RETURN_IF_ERROR(table_->Lookup(numbers_, {.data = keys_.data(), .offsets = keys_.offsets()}, slots_));
  for (std::size_t row = 0; row < rows; ++row) numbers_[row] = SpanOf(groups_, slots_[row]).rows++;
  return Status::Ok();
}

void TriggeredCountWindow::FindWindows(std::int64_t first, std::int64_t rows) {
  row_of_.clear();
  windows_.clear();
  last_.clear();
  window_keys_.Clear();
  const std::int64_t step = options_.count_step;
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto row = static_cast<std::size_t>(first + i);
    const std::int64_t number = numbers_[row];
    const std::int64_t lowest = std::max<std::int64_t>(0, number - options_.count + 1);
    for (std::int64_t window = (lowest + step - 1) / step; window <= number / step; ++window) {
      if (number - window * step == options_.count - 1)
        last_.push_back(static_cast<std::int32_t>(row_of_.size()));
      row_of_.push_back(static_cast<std::int32_t>(i));
      windows_.push_back(window);
      window_keys_.Append(keys_[row]);
    }
  }
}

Status TriggeredCountWindow::FindGroups() {
  slots_.resize(row_of_.size());
  MR_RETURN_IF_ERROR(
      table_->Lookup(windows_, {.data = window_keys_.data(), .offsets = window_keys_.offsets()}, slots_));
  // One that a window without a trigger left may hold nothing.
  for (const std::uint32_t slot : slots_) triggered_->rows().set_empty(slot, SpanOf(groups_, slot).rows == 0);
  return Status::Ok();
}

Status TriggeredCountWindow::Prepare(const Batch& batch, std::int64_t first, std::int64_t rows) {
  if (rows < batch.num_rows()) {
    MR_ASSIGN_OR_RETURN(const auto none, update_.Evaluate(SliceBatch(batch, first, rows)));
    MR_CHECK(none.empty()) << "an argument that did not fail before";
  }
  FindWindows(first, rows);
  return FindGroups();
}

Status TriggeredCountWindow::AddRows(const Batch& batch, std::int64_t first, std::int64_t rows,
                                     Output& output) {
  const Batch part = SliceBatch(batch, first, rows);
  MR_ASSIGN_OR_RETURN(const TriggeredUpdate::Input input, triggered_->Copies(part, row_of_));
  MR_RETURN_IF_ERROR(triggered_->Add({.batch = input.batch,
                                      .keys = input.keys,
                                      .slots = slots_,
                                      .windows = {},
                                      .windows_before = {},
                                      .last = last_,
                                      .text = [](std::size_t) { return " in a window of rows"; }}));
  const std::vector<RowError> errors = triggered_->TakeErrors();
  std::vector<RowError> row_errors = ErrorsOfRows(errors, row_of_);
  output.CountAbsorbed(rows - static_cast<std::int64_t>(row_errors.size()));
  if (!row_errors.empty()) MR_RETURN_IF_ERROR(output.DeadLetter(part, std::move(row_errors)));
  if (options_.emit == EmitMode::kCurrent) MR_RETURN_IF_ERROR(EmitGrowing(first, errors, output));
  for (const std::uint32_t slot : triggered_->emptied()) table_->Erase(slot);
  return EmitFired(output);
}

// --- Results ---

// The windows of the last row of each key that a row of the batch was added to.
Status TriggeredCountWindow::EmitGrowing(std::int64_t first, const std::vector<RowError>& errors,
                                         Output& output) {
  std::set<std::uint32_t> seen;
  for (const std::size_t i : RowsWithoutError(static_cast<std::int64_t>(slots_.size()), errors)) {
    if (triggered_->rows().empty(slots_[i]) || !seen.insert(slots_[i]).second) continue;
    const WindowSpan& span = SpanOf(groups_, slots_[i]);
    const std::string_view key = keys_[static_cast<std::size_t>(first + row_of_[i])];
    MR_RETURN_IF_ERROR(results_.Add({span.first_ms, AddTime(span.last_ms, 1)}, key, slots_[i], output));
  }
  return results_.Flush(output);
}

Status TriggeredCountWindow::EmitFired(Output& output) {
  if (triggered_->fired().empty()) return Status::Ok();
  KeyBuffer keys;
  for (const std::int32_t copy : triggered_->fired())
    keys.Append(window_keys_[static_cast<std::size_t>(copy)]);
  MR_ASSIGN_OR_RETURN(TriggeredUpdate::Fired fired,
                      triggered_->TakeFired(triggered_->FiredSpans(), std::move(keys), output));
  return output.Emit(std::move(fired.batch));
}

}  // namespace

Result<std::unique_ptr<Operator>> MakeTriggeredCountWindow(WindowAggregateOptions options,
                                                           const std::shared_ptr<arrow::Schema>& input,
                                                           StateStore& store) {
  MR_ASSIGN_OR_RETURN(WindowParts parts, MakeWindowParts(std::move(options), *input));
  auto window = std::make_unique<TriggeredCountWindow>(std::move(parts));
  MR_RETURN_IF_ERROR(window->AddTable(store));
  return std::unique_ptr<Operator>(std::move(window));
}

}  // namespace millrace
