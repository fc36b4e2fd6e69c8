#include "ops/triggered_window.h"

#include <algorithm>
#include <limits>

#include <arrow/api.h>

#include "base/check.h"
#include "columnar/key_encoding.h"
#include "ops/clocked_rows.h"
#include "ops/group_rows.h"
#include "ops/key_clocks.h"
#include "ops/keyed_rows.h"
#include "ops/row_errors.h"
#include "ops/row_panes.h"
#include "ops/rows_to_erase.h"
#include "ops/triggered_update.h"
#include "ops/watermark_before.h"
#include "ops/window_assigner.h"
#include "ops/window_parts.h"
#include "ops/window_results.h"

namespace millrace {
namespace {

class TriggeredWindow final : public Operator {
 public:
  explicit TriggeredWindow(WindowParts parts);
  Status AddTable(StateStore& store);

  Status Process(Batch batch, Output& output) override;
  Status AdvanceTime(Watermark watermark, Output& output) override;
  void RestoreTime(Watermark watermark) override;
  Watermark OutputWatermark(Watermark input) const override;
  const std::shared_ptr<arrow::Schema>& output_schema() const override { return output_schema_; }

 private:
  using Closing = KeyClocks::Closing;

  bool by_key() const { return options_.closing == ClosingMode::kKey; }

  // Which rows count. These fill panes_, and keys_ at last; rows leave the batch.
  Status ChooseRows(Batch* batch, Output& output);
  Status ChooseRowsByKey(Batch* batch, Output& output);
  /// Windows that end by then are closed for a row.
  std::int64_t ClosedFor(const Batch& batch, std::size_t row) const;

  /// Evaluates the arguments of rows [first, first + rows) and finds their windows and groups.
  Status Prepare(const Batch& batch, std::int64_t first, std::int64_t rows);
  /// Adds these rows to their windows, and emits what fires.
  Status AddRows(const Batch& batch, std::int64_t first, std::int64_t rows, Output& output);
  /// Fills row_of_, starts_ms_ and ends_ms_: the open windows of the rows.
  void FindWindows(const Batch& batch, std::int64_t first, std::int64_t rows);
  Status FindGroups(std::int64_t first);
  /// `first`: of the rows that were added.
  Status EmitFired(const Batch& batch, std::int64_t first, Output& output);
  Status EmitChanged(const std::vector<RowError>& errors, Output& output);
  Status AddResult(std::int64_t start, std::string_view key, std::uint32_t slot, Output& output);

  /// What came due before a row of the batch, in order.
  bool IsDueBefore(std::size_t row, std::int64_t watermark) const;
  Status CloseBefore(std::size_t row, std::int64_t watermark, Output& output);
  /// Emits what the rows before `until_row` close of their keys.
  Status RunClosings(std::int64_t until_row, Output& output);
  Status CloseKey(const Closing& closing, Output& output);
  /// Emits what is closed for all keys.
  Status ClosePartition(std::int64_t watermark, Output& output);
  std::optional<std::int64_t> FirstStart() const;
  std::int64_t WindowClosesAt(std::int64_t start) const {
    return AddTime(assigner_.EndOf(start), assigner_.grace_ms());
  }

  const WindowAggregateOptions options_;
  const std::shared_ptr<arrow::Schema> output_schema_;
  const std::vector<int> key_columns_;
  const WindowAssigner assigner_;
  const std::int64_t rows_at_once_;  // so that the rows of all windows stay within kMostCopies

  GroupRows groups_;
  ClockedRows clocked_;  // closing by key
  KeyClocks clocks_;     // closing by key
  GroupUpdate update_;
  WindowResults results_;
  std::unique_ptr<TriggeredUpdate> triggered_;
  KeyedTable* table_ = nullptr;

  // Of the batch under way; kept for their memory.
  RowPanes panes_;
  KeyBuffer keys_;
  std::size_t next_closing_ = 0;  // those before it were emitted
  RowsToErase emitted_;           // by CloseKey
  KeyBuffer closed_keys_;

  // Of the rows that are being added, one entry per row and window.
  std::vector<std::int32_t> row_of_;  // counted from the first of them
  std::vector<std::int64_t> starts_ms_;
  std::vector<std::int64_t> ends_ms_;
  KeyBuffer window_keys_;
  std::vector<std::uint32_t> slots_;
};

std::int64_t RowsAtOnce(const WindowAssigner& assigner) {
  constexpr std::int64_t kMostCopies = 32'768;
  if (!assigner.overlapping()) return std::numeric_limits<std::int64_t>::max();
  const std::int64_t windows = (assigner.size_ms() + assigner.step_ms() - 1) / assigner.step_ms();
  return std::max<std::int64_t>(1, kMostCopies / windows);
}

TriggeredWindow::TriggeredWindow(WindowParts parts)
    : options_(std::move(parts.options)),
      output_schema_(std::move(parts.output_schema)),
      key_columns_(std::move(parts.key_columns)),
      assigner_(AssignerShape(options_)),
      rows_at_once_(RowsAtOnce(assigner_)),
      groups_(std::move(parts.aggregators)),
      clocked_(&groups_),
      clocks_(&assigner_, &clocked_),
      update_(&options_.aggregates, &groups_),
      results_({.shape = {output_schema_, static_cast<int>(key_columns_.size()), options_.origin},
                .groups = &groups_,
                .aggregates = &options_.aggregates,
                .merged = false}),
      panes_(assigner_, by_key() ? RowPanes::Late::kNotJudged : RowPanes::Late::kByWatermark) {}

Status TriggeredWindow::AddTable(StateStore& store) {
  using Empty = TriggeredRows::Empty;
  MR_ASSIGN_OR_RETURN(
      triggered_,
      TriggeredUpdate::Make({.trigger = *options_.trigger,
                             .shape = results_.shape(),
                             .key_columns = key_columns_,
                             .update = &update_,
                             .groups = &groups_,
                             .rows = by_key() ? static_cast<SlotRows*>(&clocked_) : &groups_,
                             // A clock goes when the window closes that it lies in, which must be there then.
                             .empty = by_key() ? Empty::kStored : Empty::kErased}));
  MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, &triggered_->rows()));
  clocks_.set_table(table_);
  return Status::Ok();
}

void TriggeredWindow::RestoreTime(Watermark /*watermark*/) {
  clocks_.judgement().closings.clear();
  next_closing_ = 0;
  emitted_.Clear();
}

Watermark TriggeredWindow::OutputWatermark(Watermark input) const {
  return HeldBack(input, assigner_.grace_ms());
}

Status TriggeredWindow::Process(Batch batch, Output& output) {
  MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
  MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
  MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, table_->most_key_bytes(), &batch, output));
  MR_RETURN_IF_ERROR(by_key() ? ChooseRowsByKey(&batch, output) : ChooseRows(&batch, output));
  if (batch.num_rows() == 0) return Status::Ok();
  // A list for each row takes memory.
  constexpr std::int64_t kMostLists = 256;
  const bool lists = triggered_->question().reads_lists();
  const std::int64_t at_once = lists ? std::min(kMostLists, rows_at_once_) : rows_at_once_;
  for (std::int64_t first = 0; first < batch.num_rows();) {
    std::int64_t rows = std::min(at_once, batch.num_rows() - first);
    MR_RETURN_IF_ERROR(Prepare(batch, first, rows));
    const std::int64_t fitting = row_of_.empty() ? rows : triggered_->RowsAtOnce(slots_, row_of_);
    if (fitting < rows) MR_RETURN_IF_ERROR(Prepare(batch, first, rows = fitting));
    MR_RETURN_IF_ERROR(AddRows(batch, first, rows, output));
    first += rows;
  }
  if (!by_key()) return Status::Ok();
  MR_RETURN_IF_ERROR(RunClosings(batch.num_rows(), output));
  MR_RETURN_IF_ERROR(emitted_.EraseFrom(*table_));
  clocks_.judgement().closings.clear();
  return results_.Flush(output);
}

// --- Which rows count ---

Status TriggeredWindow::ChooseRows(Batch* batch, Output& output) {
  MR_RETURN_IF_ERROR(panes_.Assign(batch, output));
  const std::int64_t rows = batch->num_rows();
  MR_RETURN_IF_ERROR(update_.TakeOutFailed(batch, output));
  if (batch->num_rows() == 0) return Status::Ok();
  if (batch->num_rows() < rows) MR_RETURN_IF_ERROR(panes_.Assign(batch, output));
  return EncodeGroupKeys(key_columns_, *batch, &keys_);
}

Status TriggeredWindow::ChooseRowsByKey(Batch* batch, Output& output) {
  MR_RETURN_IF_ERROR(ChooseRows(batch, output));
  if (batch->num_rows() == 0) return Status::Ok();
  MR_RETURN_IF_ERROR(clocks_.Judge(*batch, keys_, panes_.ms(), /*closed_until_ms=*/std::nullopt));
  next_closing_ = 0;
  KeyClocks::Judgement& judgement = clocks_.judgement();
  if (judgement.late.empty()) return Status::Ok();
  MR_RETURN_IF_ERROR(TakeOutLate(judgement.late, std::move(judgement.late_by_ms), batch, output));
  MR_ASSIGN_OR_RETURN(const std::vector<RowError> none, update_.Evaluate(*batch));
  MR_CHECK(none.empty()) << "an argument that did not fail before";
  MR_RETURN_IF_ERROR(EncodeGroupKeys(key_columns_, *batch, &keys_));
  return panes_.Assign(batch, output);
}

std::int64_t TriggeredWindow::ClosedFor(const Batch& batch, std::size_t row) const {
  if (by_key()) return clocks_.judgement().closed_until_ms[row];
  return SubtractTime(WatermarkBefore(batch, static_cast<std::int64_t>(row)), assigner_.grace_ms());
}

// --- Windows and groups ---

void TriggeredWindow::FindWindows(const Batch& batch, std::int64_t first, std::int64_t rows) {
  row_of_.clear();
  starts_ms_.clear();
  ends_ms_.clear();
  // Neighbours are mostly in the same windows.
  std::int64_t pane = 0, closed = 0, first_end = 0, last_end = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto row = static_cast<std::size_t>(first + i);
    const std::int64_t row_closed = assigner_.overlapping() ? ClosedFor(batch, row) : 0;
    if (i == 0 || panes_[row] != pane || row_closed != closed) {
      pane = panes_[row];
      closed = row_closed;
      last_end = assigner_.LastEndOf(pane);
      first_end = last_end;
      if (assigner_.overlapping())
        first_end = std::max(assigner_.FirstEndOf(pane), assigner_.NextEndAfter(closed));
    }
    for (std::int64_t end = first_end; end <= last_end; end += assigner_.step_ms()) {
      row_of_.push_back(static_cast<std::int32_t>(i));
      starts_ms_.push_back(end - assigner_.size_ms());
      ends_ms_.push_back(end);
    }
  }
}

Status TriggeredWindow::FindGroups(std::int64_t first) {
  window_keys_.Clear();
  for (const std::int32_t row : row_of_)
    window_keys_.Append(keys_[static_cast<std::size_t>(first) + static_cast<std::size_t>(row)]);
  slots_.resize(row_of_.size());
  return table_->Lookup(starts_ms_, {.data = window_keys_.data(), .offsets = window_keys_.offsets()}, slots_);
}

Status TriggeredWindow::Prepare(const Batch& batch, std::int64_t first, std::int64_t rows) {
  if (rows < batch.num_rows()) {
    MR_ASSIGN_OR_RETURN(const auto none, update_.Evaluate(SliceBatch(batch, first, rows)));
    MR_CHECK(none.empty()) << "an argument that did not fail before";
  }
  FindWindows(batch, first, rows);
  return FindGroups(first);
}

Status TriggeredWindow::AddRows(const Batch& batch, std::int64_t first, std::int64_t rows, Output& output) {
  const Batch part = SliceBatch(batch, first, rows);
  MR_ASSIGN_OR_RETURN(const TriggeredUpdate::Input input, triggered_->Copies(part, row_of_));
  const auto text = [this](std::size_t i) {
    return " in window [" + std::to_string(starts_ms_[i]) + ", " + std::to_string(ends_ms_[i]) + ")";
  };
  MR_RETURN_IF_ERROR(triggered_->Add({.batch = input.batch,
                                      .keys = input.keys,
                                      .slots = slots_,
                                      .windows = {starts_ms_, ends_ms_},
                                      .windows_before = {},
                                      .last = {},
                                      .text = text}));
  if (!by_key()) {
    for (const std::uint32_t slot : triggered_->emptied()) table_->Erase(slot);
  }
  const std::vector<RowError> errors = triggered_->TakeErrors();
  std::vector<RowError> row_errors = ErrorsOfRows(errors, row_of_);
  output.CountAbsorbed(rows - static_cast<std::int64_t>(row_errors.size()));
  if (!row_errors.empty()) MR_RETURN_IF_ERROR(output.DeadLetter(part, std::move(row_errors)));
  MR_RETURN_IF_ERROR(EmitFired(batch, first, output));
  return options_.emit == EmitMode::kCurrent ? EmitChanged(errors, output) : Status::Ok();
}

// --- Results ---

Status TriggeredWindow::EmitFired(const Batch& batch, std::int64_t first, Output& output) {
  if (triggered_->fired().empty()) return Status::Ok();
  std::vector<WindowResults::Window> windows;
  KeyBuffer keys;
  for (const std::int32_t copy : triggered_->fired()) {
    const auto i = static_cast<std::size_t>(copy);
    windows.push_back({starts_ms_[i], ends_ms_[i]});
    keys.Append(window_keys_[i]);
  }
  MR_ASSIGN_OR_RETURN(const TriggeredUpdate::Fired fired,
                      triggered_->TakeFired(std::move(windows), std::move(keys), output));
  if (options_.emit == EmitMode::kCurrent) return output.Emit(fired.batch);
  const auto row_of = [&](std::int32_t copy) {
    return static_cast<std::size_t>(first + row_of_[static_cast<std::size_t>(copy)]);
  };
  return fired.EmitTo(
      output,
      [&](std::int32_t copy) { return IsDueBefore(row_of(copy), WatermarkBefore(batch, row_of(copy))); },
      [&](std::int32_t copy) {
        return CloseBefore(row_of(copy), WatermarkBefore(batch, row_of(copy)), output);
      });
}

Status TriggeredWindow::EmitChanged(const std::vector<RowError>& errors, Output& output) {
  std::vector<std::size_t> changed =
      RowsWithoutError(static_cast<std::int64_t>(slots_.size()), errors);  // of rows and windows
  std::erase_if(changed, [this](std::size_t i) { return triggered_->rows().empty(slots_[i]); });
  std::sort(changed.begin(), changed.end(),
            [this](std::size_t a, std::size_t b) { return slots_[a] < slots_[b]; });
  changed.erase(std::unique(changed.begin(), changed.end(),
                            [this](std::size_t a, std::size_t b) { return slots_[a] == slots_[b]; }),
                changed.end());
  std::sort(changed.begin(), changed.end(), [this](std::size_t a, std::size_t b) {
    return starts_ms_[a] != starts_ms_[b] ? starts_ms_[a] < starts_ms_[b] : window_keys_[a] < window_keys_[b];
  });
  MR_RETURN_IF_ERROR(results_.Flush(output));
  results_.set_final(false);
  for (const std::size_t i : changed)
    MR_RETURN_IF_ERROR(results_.Add({starts_ms_[i], ends_ms_[i]}, window_keys_[i], slots_[i], output));
  MR_RETURN_IF_ERROR(results_.Flush(output));
  results_.set_final(true);
  return Status::Ok();
}

Status TriggeredWindow::AddResult(std::int64_t start, std::string_view key, std::uint32_t slot,
                                  Output& output) {
  if (triggered_->rows().empty(slot)) return Status::Ok();
  return results_.Add({start, assigner_.EndOf(start)}, key, slot, output);
}

// --- Closing ---

bool TriggeredWindow::IsDueBefore(std::size_t row, std::int64_t watermark) const {
  if (by_key()) {
    const std::vector<Closing>& closings = clocks_.judgement().closings;
    if (next_closing_ < closings.size() && closings[next_closing_].row < static_cast<std::int64_t>(row))
      return true;
  }
  const std::optional<std::int64_t> start = FirstStart();
  return start && WindowClosesAt(*start) <= watermark;
}

Status TriggeredWindow::CloseBefore(std::size_t row, std::int64_t watermark, Output& output) {
  if (by_key()) MR_RETURN_IF_ERROR(RunClosings(static_cast<std::int64_t>(row), output));
  MR_RETURN_IF_ERROR(ClosePartition(watermark, output));
  return results_.Flush(output);
}

Status TriggeredWindow::RunClosings(std::int64_t until_row, Output& output) {
  const std::vector<Closing>& closings = clocks_.judgement().closings;
  for (; next_closing_ < closings.size() && closings[next_closing_].row < until_row; ++next_closing_) {
    MR_RETURN_IF_ERROR(ClosePartition(closings[next_closing_].watermark_ms, output));
    MR_RETURN_IF_ERROR(CloseKey(closings[next_closing_], output));
  }
  return Status::Ok();
}

Status TriggeredWindow::CloseKey(const Closing& closing, Output& output) {
  // No row of the key was later than its clock, and what is closed by that was emitted.
  const std::int64_t emitted = SubtractTime(closing.from_ms, assigner_.size_ms() + assigner_.grace_ms());
  const std::string_view key = keys_[static_cast<std::size_t>(closing.row)];
  for (auto start = table_->NextSlice(AddTime(emitted, 1)); start && *start <= closing.from_ms;
       start = table_->NextSlice(*start + 1)) {
    if (WindowClosesAt(*start) > closing.until_ms) break;
    MR_RETURN_IF_ERROR(table_->Peek(*start, key, [&](std::string_view name, std::uint32_t slot) {
      emitted_.Add(*start, name);
      return AddResult(*start, name, slot, output);
    }));
  }
  return Status::Ok();
}

Status TriggeredWindow::AdvanceTime(Watermark watermark, Output& output) {
  MR_RETURN_IF_ERROR(ClosePartition(watermark.value(), output));
  return results_.Flush(output);
}

std::optional<std::int64_t> TriggeredWindow::FirstStart() const {
  const std::optional<std::int64_t> first = table_->FirstSlice();
  return first == ClockedRows::kClocks ? std::nullopt : first;
}

Status TriggeredWindow::ClosePartition(std::int64_t watermark, Output& output) {
  for (std::optional<std::int64_t> start = FirstStart(); start; start = FirstStart()) {
    if (WindowClosesAt(*start) > watermark) break;
    MR_RETURN_IF_ERROR(emitted_.EraseFrom(*table_));
    closed_keys_.Clear();
    MR_RETURN_IF_ERROR(table_->CloseSlice(*start, [&](std::string_view key, std::uint32_t slot) {
      if (by_key()) closed_keys_.Append(key);
      return AddResult(*start, key, slot, output);
    }));
    // No later window holds these times.
    if (by_key()) MR_RETURN_IF_ERROR(clocks_.Drop(closed_keys_, AddTime(*start, assigner_.step_ms())));
  }
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<Operator>> MakeTriggeredWindow(WindowAggregateOptions options,
                                                      const std::shared_ptr<arrow::Schema>& input,
                                                      StateStore& store) {
  MR_ASSIGN_OR_RETURN(WindowParts parts, MakeWindowParts(std::move(options), *input));
  auto window = std::make_unique<TriggeredWindow>(std::move(parts));
  MR_RETURN_IF_ERROR(window->AddTable(store));
  return std::unique_ptr<Operator>(std::move(window));
}

}  // namespace millrace
