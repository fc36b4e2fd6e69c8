#include "ops/key_closing_window.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include <arrow/api.h>

#include "base/check.h"
#include "columnar/key_encoding.h"
#include "ops/clocked_rows.h"
#include "ops/group_rows.h"
#include "ops/key_clocks.h"
#include "ops/keyed_rows.h"
#include "ops/pane_merge.h"
#include "ops/row_errors.h"
#include "ops/row_panes.h"
#include "ops/rows_to_erase.h"
#include "ops/window_assigner.h"
#include "ops/window_parts.h"
#include "ops/window_results.h"

namespace millrace {
namespace {

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();

class KeyClosingWindow final : public Operator {
 public:
  KeyClosingWindow(WindowParts parts, std::vector<std::unique_ptr<Aggregator>> merge_aggregators);
  Status AddTable(StateStore& store);

  Status Process(Batch batch, Output& output) override;
  Status AdvanceTime(Watermark watermark, Output& output) override;
  void RestoreTime(Watermark watermark) override;
  Watermark OutputWatermark(Watermark input) const override;
  const std::shared_ptr<arrow::Schema>& output_schema() const override { return output_schema_; }

 private:
  using Closing = KeyClocks::Closing;

  // Which rows count. panes_ fits the batch again after each.
  /// Rows on which an argument fails leave the batch.
  Status EvaluateArguments(Batch* batch, Output& output);
  /// Judges the rows; late ones leave the batch.
  Status RemoveLateRows(Batch* batch, Output& output);

  Status AddRows(const Batch& batch, std::int64_t first, std::int64_t until, Output& output);
  Status EmitChanged(std::int64_t first, const std::vector<std::size_t>& rows, Output& output);

  /// Emits what the rows before `until_row` close.
  Status RunClosings(std::int64_t until_row, Output& output);
  Status CloseKey(const Closing& closing, Output& output);
  Status CloseKeyTumbling(const Closing& closing, Output& output);
  Status CloseKeyOverlapping(const Closing& closing, Output& output);
  /// Emits what is closed for all keys.
  Status ClosePartition(std::int64_t watermark, Output& output);
  Status ClosePartitionTumbling(std::int64_t watermark, Output& output);
  Status ClosePartitionOverlapping(std::int64_t watermark, Output& output);
  Status DropPanes();
  /// Up to which end the windows of a key were emitted. `pending`: by key, the clock before its next closing.
  Result<std::int64_t> EmittedUntil(std::string_view key,
                                    const std::map<std::string_view, std::int64_t>& pending);

  std::optional<std::int64_t> FirstPane() const {
    const std::optional<std::int64_t> first = table_->FirstSlice();
    return first == ClockedRows::kClocks ? std::nullopt : first;
  }
  std::optional<std::int64_t> NextEnd() const;
  std::string_view KeyOf(const Closing& closing) const {
    return keys_[static_cast<std::size_t>(closing.row)];
  }
  WindowResults::Window WindowEndingAt(std::int64_t end_ms) const {
    return {.start_ms = end_ms - assigner_.size_ms(), .end_ms = end_ms};
  }

  const WindowAggregateOptions options_;
  const std::shared_ptr<arrow::Schema> output_schema_;
  const std::vector<int> key_columns_;
  const WindowAssigner assigner_;

  GroupRows groups_;
  ClockedRows rows_;
  KeyClocks clocks_;
  GroupUpdate update_;
  PaneMerge merge_;  // used when windows overlap
  WindowResults results_;
  KeyedTable* table_ = nullptr;
  std::int64_t closed_until_ = kLowest;  // windows ending by then are closed for all keys

  // Of the batch under way; kept for their memory.
  KeyBuffer keys_;
  std::int64_t evaluated_rows_ = 0;  // when no row has left since: arguments are there
  RowPanes panes_;
  std::size_t next_closing_ = 0;  // those before it were emitted
  RowsToErase emitted_;           // panes, by CloseKey
  KeyBuffer closed_keys_;
  std::vector<std::uint32_t> slots_;
};

KeyClosingWindow::KeyClosingWindow(WindowParts parts,
                                   std::vector<std::unique_ptr<Aggregator>> merge_aggregators)
    : options_(std::move(parts.options)),
      output_schema_(std::move(parts.output_schema)),
      key_columns_(std::move(parts.key_columns)),
      assigner_(AssignerShape(options_)),
      groups_(std::move(parts.aggregators)),
      rows_(&groups_),
      clocks_(&assigner_, &rows_),
      update_(&options_.aggregates, &groups_),
      merge_(std::move(merge_aggregators), &groups_, &assigner_),
      results_({.shape = {output_schema_, static_cast<int>(key_columns_.size()), options_.origin},
                .groups = assigner_.overlapping() ? &merge_.rows() : &groups_,
                .aggregates = &options_.aggregates,
                .merged = assigner_.overlapping()}),
      panes_(assigner_, RowPanes::Late::kNotJudged) {}

Status KeyClosingWindow::AddTable(StateStore& store) {
  MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, &rows_));
  clocks_.set_table(table_);
  merge_.set_table(table_);
  return Status::Ok();
}

void KeyClosingWindow::RestoreTime(Watermark watermark) {
  merge_.Clear();
  clocks_.judgement().closings.clear();
  emitted_.Clear();
  closed_until_ = SubtractTime(watermark.value(), assigner_.grace_ms());
}

Watermark KeyClosingWindow::OutputWatermark(Watermark input) const {
  return HeldBack(input, assigner_.grace_ms());
}

Status KeyClosingWindow::Process(Batch batch, Output& output) {
  MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
  MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
  MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, table_->most_key_bytes(), &batch, output));
  MR_RETURN_IF_ERROR(panes_.Assign(&batch, output));
  MR_RETURN_IF_ERROR(EvaluateArguments(&batch, output));
  if (batch.num_rows() == 0) return Status::Ok();
  MR_RETURN_IF_ERROR(RemoveLateRows(&batch, output));
  std::int64_t first = 0;
  for (const KeyClocks::Cut& cut : clocks_.judgement().cuts) {
    MR_RETURN_IF_ERROR(AddRows(batch, first, cut.row, output));
    MR_RETURN_IF_ERROR(RunClosings(cut.row, output));
    MR_RETURN_IF_ERROR(ClosePartition(cut.watermark_ms, output));
    first = cut.row;
  }
  MR_RETURN_IF_ERROR(AddRows(batch, first, batch.num_rows(), output));
  MR_RETURN_IF_ERROR(RunClosings(batch.num_rows(), output));
  MR_RETURN_IF_ERROR(emitted_.EraseFrom(*table_));
  clocks_.judgement().closings.clear();
  return results_.Flush(output);
}

// --- Which rows count ---

Status KeyClosingWindow::EvaluateArguments(Batch* batch, Output& output) {
  const std::int64_t rows = batch->num_rows();
  MR_RETURN_IF_ERROR(update_.TakeOutFailed(batch, output));
  evaluated_rows_ = batch->num_rows();
  return evaluated_rows_ == rows || evaluated_rows_ == 0 ? Status::Ok() : panes_.Assign(batch, output);
}

Status KeyClosingWindow::RemoveLateRows(Batch* batch, Output& output) {
  MR_RETURN_IF_ERROR(EncodeGroupKeys(key_columns_, *batch, &keys_));
  MR_RETURN_IF_ERROR(clocks_.Judge(*batch, keys_, panes_.ms(), closed_until_));
  next_closing_ = 0;
  KeyClocks::Judgement& judgement = clocks_.judgement();
  if (judgement.late.empty()) return Status::Ok();
  MR_RETURN_IF_ERROR(TakeOutLate(judgement.late, std::move(judgement.late_by_ms), batch, output));
  MR_RETURN_IF_ERROR(EncodeGroupKeys(key_columns_, *batch, &keys_));
  return panes_.Assign(batch, output);
}

// --- Groups and aggregates ---

Status KeyClosingWindow::AddRows(const Batch& batch, std::int64_t first, std::int64_t until, Output& output) {
  if (first == until) return Status::Ok();
  const Batch part = SliceBatch(batch, first, until - first);
  if (part.num_rows() != evaluated_rows_) {
    MR_ASSIGN_OR_RETURN(const std::vector<RowError> none, update_.Evaluate(part));
    MR_CHECK(none.empty()) << "an argument that did not fail before";
  }
  const auto at = static_cast<std::size_t>(first);
  const auto rows = static_cast<std::size_t>(part.num_rows());
  const std::span<const std::int64_t> panes = std::span(panes_.ms()).subspan(at, rows);
  slots_.resize(rows);
  MR_RETURN_IF_ERROR(table_->Lookup(
      panes, {.data = keys_.data(), .offsets = keys_.offsets().subspan(at, rows + 1)}, slots_));
  const auto text = [&](std::size_t row) {
    return " in window [" + std::to_string(panes[row]) + ", " +
           std::to_string(panes[row] + assigner_.pane_ms()) + ")";
  };
  MR_ASSIGN_OR_RETURN(std::vector<RowError> errors, update_.Add(part, slots_, text));
  if (merge_.read_until() > kLowest) {
    for (std::size_t i = 0; i < rows; ++i) merge_.Touch(panes[i], keys_[at + i]);
  }
  output.CountAbsorbed(part.num_rows() - static_cast<std::int64_t>(errors.size()));
  std::vector<std::size_t> counted;
  if (options_.emit == EmitMode::kCurrent) counted = RowsWithoutError(part.num_rows(), errors);
  if (!errors.empty()) MR_RETURN_IF_ERROR(output.DeadLetter(part, std::move(errors)));
  return counted.empty() ? Status::Ok() : EmitChanged(first, counted, output);
}

Status KeyClosingWindow::EmitChanged(std::int64_t first, const std::vector<std::size_t>& rows,
                                     Output& output) {
  MR_RETURN_IF_ERROR(results_.Flush(output));
  std::set<std::pair<std::int64_t, std::string_view>> changed;  // (end, key)
  for (const std::size_t row : rows) {
    const std::size_t i = static_cast<std::size_t>(first) + row;
    const std::int64_t closed = std::max(closed_until_, clocks_.judgement().closed_until_ms[i]);
    std::int64_t end = std::max(assigner_.FirstEndOf(panes_[i]), assigner_.NextEndAfter(closed));
    const std::int64_t last = assigner_.LastEndOf(panes_[i]);
    for (; end <= last; end += assigner_.step_ms()) changed.emplace(end, keys_[i]);
  }
  results_.set_final(false);
  for (const auto& [end, key] : changed) {
    const auto add = [&, at = end](std::string_view name, std::uint32_t slot) {
      return results_.Add(WindowEndingAt(at), name, slot, output);
    };
    MR_RETURN_IF_ERROR(assigner_.overlapping() ? merge_.VisitKey(end, key, add)
                                               : table_->Peek(end - assigner_.size_ms(), key, add));
  }
  MR_RETURN_IF_ERROR(results_.Flush(output));
  results_.set_final(true);
  return Status::Ok();
}

// --- What a key's own clock closes ---

Status KeyClosingWindow::RunClosings(std::int64_t until_row, Output& output) {
  const std::vector<Closing>& closings = clocks_.judgement().closings;
  for (; next_closing_ < closings.size() && closings[next_closing_].row < until_row; ++next_closing_) {
    MR_RETURN_IF_ERROR(ClosePartition(closings[next_closing_].watermark_ms, output));
    MR_RETURN_IF_ERROR(CloseKey(closings[next_closing_], output));
  }
  return Status::Ok();
}

Status KeyClosingWindow::CloseKey(const Closing& closing, Output& output) {
  return assigner_.overlapping() ? CloseKeyOverlapping(closing, output) : CloseKeyTumbling(closing, output);
}

Status KeyClosingWindow::CloseKeyTumbling(const Closing& closing, Output& output) {
  // No row of the key was later than its clock, and what is closed by that was emitted.
  const std::int64_t last = assigner_.PaneOf(closing.from_ms);
  const std::int64_t emitted = SubtractTime(closing.from_ms, assigner_.size_ms() + assigner_.grace_ms());
  for (auto pane = table_->NextSlice(AddTime(emitted, 1)); pane && *pane <= last;
       pane = table_->NextSlice(*pane + 1)) {
    if (assigner_.ClosesAt(*pane) > closing.until_ms) break;
    MR_RETURN_IF_ERROR(table_->Peek(*pane, KeyOf(closing), [&](std::string_view key, std::uint32_t slot) {
      emitted_.Add(*pane, key);
      return results_.Add({*pane, assigner_.EndOf(*pane)}, key, slot, output);
    }));
  }
  return Status::Ok();
}

Status KeyClosingWindow::CloseKeyOverlapping(const Closing& closing, Output& output) {
  const std::int64_t last = assigner_.PaneOf(closing.from_ms);
  const std::int64_t closed = SubtractTime(closing.until_ms, assigner_.grace_ms());
  const std::int64_t last_end = std::min(assigner_.LastEndOf(last), closed);
  const std::int64_t emitted = SubtractTime(closing.from_ms, assigner_.grace_ms());
  std::int64_t end = std::max(assigner_.NextEndAfter(emitted), assigner_.NextEndAfter(closed_until_));
  while (end <= last_end) {
    const std::optional<std::int64_t> pane = table_->NextSlice(end - assigner_.size_ms());
    if (!pane || *pane > last) break;
    if (*pane >= end) {
      end = assigner_.FirstEndOf(*pane);
      continue;
    }
    MR_RETURN_IF_ERROR(merge_.VisitKey(end, KeyOf(closing), [&](std::string_view key, std::uint32_t slot) {
      return results_.Add(WindowEndingAt(end), key, slot, output);
    }));
    end += assigner_.step_ms();
  }
  const std::int64_t erased = SubtractTime(emitted, assigner_.size_ms());
  for (auto pane = table_->NextSlice(AddTime(erased, 1)); pane && assigner_.LastEndOf(*pane) <= closed;
       pane = table_->NextSlice(*pane + 1)) {
    if (*pane > last) break;
    if (assigner_.LastEndOf(*pane) <= emitted) continue;  // was erased with that
    MR_RETURN_IF_ERROR(table_->Peek(*pane, KeyOf(closing), [&](std::string_view key, std::uint32_t) {
      emitted_.Add(*pane, key);
      return Status::Ok();
    }));
  }
  return Status::Ok();
}

// --- What the watermark closes ---

Status KeyClosingWindow::AdvanceTime(Watermark watermark, Output& output) {
  MR_RETURN_IF_ERROR(ClosePartition(watermark.value(), output));
  return results_.Flush(output);
}

Status KeyClosingWindow::ClosePartition(std::int64_t watermark, Output& output) {
  return assigner_.overlapping() ? ClosePartitionOverlapping(watermark, output)
                                 : ClosePartitionTumbling(watermark, output);
}

Status KeyClosingWindow::ClosePartitionTumbling(std::int64_t watermark, Output& output) {
  for (std::optional<std::int64_t> pane = FirstPane(); pane; pane = FirstPane()) {
    if (assigner_.ClosesAt(*pane) > watermark) break;
    MR_RETURN_IF_ERROR(emitted_.EraseFrom(*table_));
    closed_keys_.Clear();
    MR_RETURN_IF_ERROR(table_->CloseSlice(*pane, [&](std::string_view key, std::uint32_t slot) {
      closed_keys_.Append(key);
      return results_.Add({*pane, assigner_.EndOf(*pane)}, key, slot, output);
    }));
    MR_RETURN_IF_ERROR(clocks_.Drop(closed_keys_, AddTime(*pane, assigner_.pane_ms())));
  }
  closed_until_ = std::max(closed_until_, SubtractTime(watermark, assigner_.grace_ms()));
  return Status::Ok();
}

std::optional<std::int64_t> KeyClosingWindow::NextEnd() const {
  const std::optional<std::int64_t> pane = FirstPane();
  if (!pane) return std::nullopt;
  const std::int64_t first = assigner_.FirstEndOf(*pane);
  return first > closed_until_ ? first : assigner_.NextEndAfter(closed_until_);
}

Status KeyClosingWindow::ClosePartitionOverlapping(std::int64_t watermark, Output& output) {
  const std::int64_t until = SubtractTime(watermark, assigner_.grace_ms());
  if (until <= closed_until_) return Status::Ok();
  std::map<std::string_view, std::int64_t> pending;
  std::optional<std::int64_t> end = NextEnd();
  if (end && *end <= until) {
    const std::vector<Closing>& closings = clocks_.judgement().closings;
    for (std::size_t i = next_closing_; i < closings.size(); ++i)
      pending.emplace(KeyOf(closings[i]), closings[i].from_ms);
  }
  for (; end && *end <= until; end = NextEnd()) {
    MR_RETURN_IF_ERROR(merge_.VisitWindow(*end, false, [&](std::string_view key, std::uint32_t slot) {
      MR_ASSIGN_OR_RETURN(const std::int64_t emitted, EmittedUntil(key, pending));
      return *end <= emitted ? Status::Ok() : results_.Add(WindowEndingAt(*end), key, slot, output);
    }));
    closed_until_ = *end;
    MR_RETURN_IF_ERROR(DropPanes());
  }
  closed_until_ = until;
  return DropPanes();
}

Result<std::int64_t> KeyClosingWindow::EmittedUntil(std::string_view key,
                                                    const std::map<std::string_view, std::int64_t>& pending) {
  const auto found = pending.find(key);
  if (found != pending.end()) return SubtractTime(found->second, assigner_.grace_ms());
  MR_ASSIGN_OR_RETURN(const std::int64_t clock, clocks_.Of(key));
  return SubtractTime(clock, assigner_.grace_ms());
}

Status KeyClosingWindow::DropPanes() {
  for (std::optional<std::int64_t> pane = FirstPane(); pane; pane = FirstPane()) {
    if (assigner_.LastEndOf(*pane) > closed_until_) break;
    MR_RETURN_IF_ERROR(emitted_.EraseFrom(*table_));
    closed_keys_.Clear();
    MR_RETURN_IF_ERROR(table_->CloseSlice(*pane, [this](std::string_view key, std::uint32_t) {
      closed_keys_.Append(key);
      return Status::Ok();
    }));
    MR_RETURN_IF_ERROR(clocks_.Drop(closed_keys_, AddTime(*pane, assigner_.pane_ms())));
  }
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<Operator>> MakeKeyClosingWindow(WindowAggregateOptions options,
                                                       const std::shared_ptr<arrow::Schema>& input,
                                                       StateStore& store) {
  MR_ASSIGN_OR_RETURN(WindowParts parts, MakeWindowParts(std::move(options), *input));
  MR_ASSIGN_OR_RETURN(auto merge_aggregators, MakeWindowAggregators(parts.options));
  auto window = std::make_unique<KeyClosingWindow>(std::move(parts), std::move(merge_aggregators));
  MR_RETURN_IF_ERROR(window->AddTable(store));
  return std::unique_ptr<Operator>(std::move(window));
}

}  // namespace millrace
