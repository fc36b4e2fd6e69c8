#include "ops/window_aggregate.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include <arrow/api.h>

#include "columnar/arrow_status.h"
#include "columnar/key_encoding.h"
#include "ops/count_window.h"
#include "ops/group_rows.h"
#include "ops/key_closing_window.h"
#include "ops/keyed_rows.h"
#include "ops/pane_merge.h"
#include "ops/row_errors.h"
#include "ops/row_panes.h"
#include "ops/session_window.h"
#include "ops/triggered_window.h"
#include "ops/watermark_before.h"
#include "ops/window_assigner.h"
#include "ops/window_results.h"

namespace millrace {
namespace {

class WindowAggregate final : public Operator {
 public:
  struct Parts {
    WindowAggregateOptions options;
    std::shared_ptr<arrow::Schema> output_schema;
    std::vector<int> key_columns;
    std::vector<std::unique_ptr<Aggregator>> aggregators;
    std::vector<std::unique_ptr<Aggregator>> merge_aggregators;    // as many again
    std::vector<std::unique_ptr<Aggregator>> partial_aggregators;  // and again
  };
  explicit WindowAggregate(Parts parts);
  Status AddTable(StateStore& store);

  Status Process(Batch batch, Output& output) override;
  Status AdvanceTime(Watermark watermark, Output& output) override;
  void RestoreTime(Watermark watermark) override;
  Watermark OutputWatermark(Watermark input) const override;
  const std::shared_ptr<arrow::Schema>& output_schema() const override { return output_schema_; }

 private:
  /// Takes out the late rows, or when there are none those without a window.
  /// The first row that must not be counted before windows are closed that hold its pane but are closed for
  /// it; the number of rows when there is none.
  std::size_t RowsBeforeClose(const Batch& batch) const;
  /// Adds rows whose panes are assigned.
  Status Add(Batch batch, Output& output);
  Status FindGroups(const Batch& batch);
  /// Merges partials (K2a) whose panes are assigned.
  Status AddPartials(Batch batch, Output& output);
  /// Sets keys_, slots_ and the groups of partials_.
  Status ReadPartials(const Batch& batch);
  /// Tells of groups that changed below what PaneMerge has read.
  void TouchMerged();
  /// How messages name the group of a row.
  GroupUpdate::GroupText WindowText() const;

  Status CloseTumbling(std::int64_t watermark, Output& output);
  Status CloseOverlapping(std::int64_t watermark, Output& output);
  /// End of the next window to close that may hold a row.
  std::optional<std::int64_t> NextEnd() const;
  Status DropPanes();
  /// Emits the open windows of `rows`, which were counted.
  Status EmitChanged(std::vector<std::size_t> rows, Output& output);
  Status EmitChangedTumbling(std::vector<std::size_t> rows, Output& output);
  Status EmitChangedOverlapping(const std::vector<std::size_t>& rows, Output& output);
  WindowResults::Window WindowEndingAt(std::int64_t end_ms) const {
    return {.start_ms = end_ms - assigner_.size_ms(), .end_ms = end_ms};
  }

  const WindowAggregateOptions options_;
  const std::shared_ptr<arrow::Schema> output_schema_;
  const std::vector<int> key_columns_;
  const WindowAssigner assigner_;

  GroupRows groups_;
  GroupUpdate update_;
  PaneMerge merge_;  // used when windows overlap
  GroupRows partials_;
  std::uint32_t partials_room_ = 0;  // slots that partials_ has
  WindowResults results_;
  KeyedTable* table_ = nullptr;
  std::int64_t closed_until_ = std::numeric_limits<std::int64_t>::min();  // windows ending by then are closed

  // Of the batch under way; kept for their memory.
  RowPanes panes_;
  KeyBuffer keys_;
  std::vector<std::uint32_t> slots_;
};

WindowAggregate::WindowAggregate(Parts parts)
    : options_(std::move(parts.options)),
      output_schema_(std::move(parts.output_schema)),
      key_columns_(std::move(parts.key_columns)),
      assigner_(AssignerShape(options_)),
      groups_(std::move(parts.aggregators)),
      update_(&options_.aggregates, &groups_),
      merge_(std::move(parts.merge_aggregators), &groups_, &assigner_),
      partials_(std::move(parts.partial_aggregators)),
      results_({.shape = {.schema = output_schema_,
                          .key_fields = static_cast<int>(key_columns_.size()),
                          .origin = options_.origin},
                .groups = assigner_.overlapping() ? &merge_.rows() : &groups_,
                .aggregates = &options_.aggregates,
                .merged = assigner_.overlapping()}),
      panes_(assigner_, RowPanes::Late::kByWatermark) {}

Status WindowAggregate::AddTable(StateStore& store) {
  MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, &groups_));
  merge_.set_table(table_);
  return Status::Ok();
}

void WindowAggregate::RestoreTime(Watermark watermark) {
  merge_.Clear();
  closed_until_ = SubtractTime(watermark.value(), assigner_.grace_ms());
}

Status WindowAggregate::Process(Batch batch, Output& output) {
  if (batch.stands_for == nullptr) {
    MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
    MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
    MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, table_->most_key_bytes(), &batch, output));
  }
  MR_RETURN_IF_ERROR(panes_.Assign(&batch, output));
  while (assigner_.overlapping()) {
    const auto rows = static_cast<std::int64_t>(RowsBeforeClose(batch));
    if (rows == batch.num_rows()) break;
    const std::int64_t watermark = WatermarkBefore(batch, rows);
    Batch rest = SliceBatch(batch, rows, batch.num_rows() - rows);
    Batch head = SliceBatch(batch, 0, rows);
    MR_RETURN_IF_ERROR(panes_.Assign(&head, output));
    MR_RETURN_IF_ERROR(Add(std::move(head), output));
    MR_RETURN_IF_ERROR(CloseOverlapping(watermark, output));
    batch = std::move(rest);
    MR_RETURN_IF_ERROR(panes_.Assign(&batch, output));
  }
  return Add(std::move(batch), output);
}

// --- Which rows count ---

std::size_t WindowAggregate::RowsBeforeClose(const Batch& batch) const {
  const std::int64_t next_end = assigner_.NextEndAfter(closed_until_);
  const bool none_closed = closed_until_ == std::numeric_limits<std::int64_t>::min();
  std::int64_t first_end = 0;
  for (std::size_t row = 0; row < panes_.size(); ++row) {
    if (row == 0 || panes_[row] != panes_[row - 1]) first_end = assigner_.FirstEndOf(panes_[row]);
    const std::int64_t closed = SubtractTime(WatermarkBefore(batch, row), assigner_.grace_ms());
    if (first_end <= closed && (none_closed || next_end <= closed)) return row;
  }
  return panes_.size();
}

// --- Groups and aggregates ---

Status WindowAggregate::Add(Batch batch, Output& output) {
  if (batch.stands_for != nullptr) return AddPartials(std::move(batch), output);
  const std::int64_t rows = batch.num_rows();
  MR_RETURN_IF_ERROR(update_.TakeOutFailed(&batch, output));
  if (batch.num_rows() < rows) MR_RETURN_IF_ERROR(panes_.Assign(&batch, output));
  if (batch.num_rows() == 0) return Status::Ok();
  MR_RETURN_IF_ERROR(FindGroups(batch));
  MR_ASSIGN_OR_RETURN(std::vector<RowError> errors, update_.Add(batch, slots_, WindowText()));
  TouchMerged();
  output.CountAbsorbed(batch.num_rows() - static_cast<std::int64_t>(errors.size()));
  std::vector<std::size_t> counted;
  if (options_.emit == EmitMode::kCurrent) counted = RowsWithoutError(batch.num_rows(), errors);
  if (!errors.empty()) MR_RETURN_IF_ERROR(output.DeadLetter(batch, std::move(errors)));
  return counted.empty() ? Status::Ok() : EmitChanged(std::move(counted), output);
}

Status WindowAggregate::FindGroups(const Batch& batch) {
  MR_RETURN_IF_ERROR(EncodeGroupKeys(key_columns_, batch, &keys_));
  slots_.resize(static_cast<std::size_t>(batch.num_rows()));
  return table_->Lookup(panes_.ms(), {.data = keys_.data(), .offsets = keys_.offsets()}, slots_);
}

void WindowAggregate::TouchMerged() {
  if (merge_.read_until() == std::numeric_limits<std::int64_t>::min()) return;
  for (std::size_t i = 0; i < panes_.size(); ++i) merge_.Touch(panes_[i], keys_[i]);
}

Status WindowAggregate::AddPartials(Batch batch, Output& output) {
  if (batch.num_rows() == 0) return Status::Ok();
  MR_RETURN_IF_ERROR(ReadPartials(batch));
  std::vector<RowError> errors;
  std::int64_t refused = 0;
  const GroupUpdate::GroupText window_text = WindowText();
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    const std::optional<std::size_t> overflow = groups_.MergeOverflow(slots_[i], partials_, i);
    if (!overflow) {
      groups_.Merge(slots_[i], partials_, i);
      continue;
    }
    const std::int64_t rows = batch.stands_for->Value(i);
    refused += rows;
    errors.push_back({i, "overflow",
                      (rows == 1 ? "" : std::to_string(rows) + " rows: ") +
                          options_.aggregates[*overflow].text + " overflows int64" + window_text(i) +
                          "; cast the argument to double"});
  }
  TouchMerged();
  output.CountAbsorbed(batch.rows_behind() - refused);
  std::vector<std::size_t> counted;
  if (options_.emit == EmitMode::kCurrent) counted = RowsWithoutError(batch.num_rows(), errors);
  if (!errors.empty()) MR_RETURN_IF_ERROR(output.DeadLetter(batch, std::move(errors)));
  return counted.empty() ? Status::Ok() : EmitChanged(std::move(counted), output);
}

Status WindowAggregate::ReadPartials(const Batch& batch) {
  const auto rows = static_cast<std::uint32_t>(batch.num_rows());
  const auto& states = static_cast<const arrow::BinaryArray&>(*batch.data->column(0));
  if (rows > partials_room_) partials_.Resize(partials_room_ = rows);
  keys_.Clear();
  for (std::uint32_t i = 0; i < rows; ++i) {
    keys_.Append(batch.key->GetView(i));
    MR_RETURN_IF_ERROR(partials_.Decode(i, states.GetView(i)));
  }
  slots_.resize(rows);
  return table_->Lookup(panes_.ms(), {.data = keys_.data(), .offsets = keys_.offsets()}, slots_);
}

GroupUpdate::GroupText WindowAggregate::WindowText() const {
  return [this](std::size_t row) {
    const std::int64_t pane = panes_[row];
    return " in window [" + std::to_string(pane) + ", " + std::to_string(pane + assigner_.pane_ms()) + ")";
  };
}

// --- Results ---

Status WindowAggregate::EmitChanged(std::vector<std::size_t> rows, Output& output) {
  results_.set_final(false);
  MR_RETURN_IF_ERROR(assigner_.overlapping() ? EmitChangedOverlapping(rows, output)
                                             : EmitChangedTumbling(std::move(rows), output));
  MR_RETURN_IF_ERROR(results_.Flush(output));
  results_.set_final(true);
  return Status::Ok();
}

Status WindowAggregate::EmitChangedTumbling(std::vector<std::size_t> rows, Output& output) {
  // One row of the batch for each group, in (window, key) order.
  std::sort(rows.begin(), rows.end(), [this](std::size_t a, std::size_t b) { return slots_[a] < slots_[b]; });
  rows.erase(std::unique(rows.begin(), rows.end(),
                         [this](std::size_t a, std::size_t b) { return slots_[a] == slots_[b]; }),
             rows.end());
  std::sort(rows.begin(), rows.end(), [this](std::size_t a, std::size_t b) {
    return panes_[a] != panes_[b] ? panes_[a] < panes_[b] : keys_[a] < keys_[b];
  });
  for (const std::size_t row : rows) {
    const std::int64_t start = panes_[row];
    MR_RETURN_IF_ERROR(results_.Add({start, assigner_.EndOf(start)}, keys_[row], slots_[row], output));
  }
  return Status::Ok();
}

Status WindowAggregate::EmitChangedOverlapping(const std::vector<std::size_t>& rows, Output& output) {
  std::set<std::pair<std::int64_t, std::string_view>> changed;  // (end, key)
  const auto add_pane = [&](std::int64_t pane, std::string_view key) {
    return table_->Peek(pane, key, [&](std::string_view, std::uint32_t) {
      changed.emplace(pane + 1, key);
      return Status::Ok();
    });
  };
  for (const std::size_t i : rows) {
    const std::int64_t last = assigner_.LastEndOf(panes_[i]);
    const std::int64_t open =
        std::max(assigner_.FirstEndOf(panes_[i]), assigner_.NextEndAfter(closed_until_));
    if (options_.kind != WindowKind::kSliding) {
      for (std::int64_t end = open; end <= last; end += assigner_.step_ms()) changed.emplace(end, keys_[i]);
      continue;
    }
    for (auto pane = table_->NextSlice(open - 1); pane && *pane < last; pane = table_->NextSlice(*pane + 1)) {
      MR_RETURN_IF_ERROR(add_pane(*pane, keys_[i]));
    }
  }
  for (const auto& [end, key] : changed) {
    MR_RETURN_IF_ERROR(merge_.VisitKey(end, key, [&, at = end](std::string_view name, std::uint32_t slot) {
      return results_.Add(WindowEndingAt(at), name, slot, output);
    }));
  }
  return Status::Ok();
}

Status WindowAggregate::AdvanceTime(Watermark watermark, Output& output) {
  return assigner_.overlapping() ? CloseOverlapping(watermark.value(), output)
                                 : CloseTumbling(watermark.value(), output);
}

Status WindowAggregate::CloseTumbling(std::int64_t watermark, Output& output) {
  for (std::optional<std::int64_t> start = table_->FirstSlice(); start; start = table_->FirstSlice()) {
    if (assigner_.ClosesAt(*start) > watermark) break;
    MR_RETURN_IF_ERROR(table_->CloseSlice(*start, [&](std::string_view key, std::uint32_t slot) {
      return results_.Add({*start, assigner_.EndOf(*start)}, key, slot, output);
    }));
  }
  return results_.Flush(output);
}

std::optional<std::int64_t> WindowAggregate::NextEnd() const {
  if (options_.kind == WindowKind::kSliding) {
    const std::optional<std::int64_t> pane = table_->NextSlice(closed_until_);
    return pane ? std::optional(*pane + 1) : std::nullopt;
  }
  const std::optional<std::int64_t> pane = table_->FirstSlice();
  if (!pane) return std::nullopt;
  const std::int64_t first = assigner_.FirstEndOf(*pane);
  return first > closed_until_ ? first : assigner_.NextEndAfter(closed_until_);
}

Status WindowAggregate::CloseOverlapping(std::int64_t watermark, Output& output) {
  const std::int64_t until = SubtractTime(watermark, assigner_.grace_ms());
  for (std::optional<std::int64_t> end = NextEnd(); end && *end <= until; end = NextEnd()) {
    const bool sliding = options_.kind == WindowKind::kSliding;
    MR_RETURN_IF_ERROR(merge_.VisitWindow(*end, sliding, [&](std::string_view key, std::uint32_t slot) {
      return results_.Add(WindowEndingAt(*end), key, slot, output);
    }));
    closed_until_ = *end;
    MR_RETURN_IF_ERROR(DropPanes());
  }
  closed_until_ = std::max(closed_until_, until);
  MR_RETURN_IF_ERROR(DropPanes());
  table_->NoteDerivedBytes(merge_.memory_bytes());
  return results_.Flush(output);
}

Status WindowAggregate::DropPanes() {
  for (std::optional<std::int64_t> pane = table_->FirstSlice(); pane; pane = table_->FirstSlice()) {
    if (assigner_.LastEndOf(*pane) > closed_until_) break;
    MR_RETURN_IF_ERROR(
        table_->CloseSlice(*pane, [](std::string_view, std::uint32_t) { return Status::Ok(); }));
  }
  return Status::Ok();
}

Watermark WindowAggregate::OutputWatermark(Watermark input) const {
  return HeldBack(input, assigner_.grace_ms());
}

}  // namespace

Result<std::unique_ptr<Operator>> MakeWindowAggregate(WindowAggregateOptions options,
                                                      const std::shared_ptr<arrow::Schema>& input,
                                                      StateStore& store) {
  const bool of_time = options.kind == WindowKind::kTumbling || options.kind == WindowKind::kHopping;
  if (options.trigger && of_time) return MakeTriggeredWindow(std::move(options), input, store);
  if (options.kind == WindowKind::kSession) return MakeSessionWindow(std::move(options), input, store);
  if (options.closing == ClosingMode::kKey) return MakeKeyClosingWindow(std::move(options), input, store);
  if (options.kind == WindowKind::kCount) return MakeCountWindow(std::move(options), input, store);
  MR_ASSIGN_OR_RETURN(WindowDescription description, DescribeWindow(options, *input));
  WindowAggregate::Parts parts;
  MR_ASSIGN_OR_RETURN(parts.key_columns, KeyColumnIndices(options.by, *input));
  MR_ASSIGN_OR_RETURN(parts.aggregators, MakeAggregators(options));
  MR_ASSIGN_OR_RETURN(parts.merge_aggregators, MakeAggregators(options));
  MR_ASSIGN_OR_RETURN(parts.partial_aggregators, MakeAggregators(options));
  parts.output_schema = std::move(description.output_schema);
  parts.options = std::move(options);
  auto window = std::make_unique<WindowAggregate>(std::move(parts));
  MR_RETURN_IF_ERROR(window->AddTable(store));
  return std::unique_ptr<Operator>(std::move(window));
}

}  // namespace millrace
