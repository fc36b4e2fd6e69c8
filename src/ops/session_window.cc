#include "ops/session_window.h"

#include <algorithm>
#include <set>

#include <arrow/api.h>

#include "columnar/arrow_status.h"
#include "columnar/key_encoding.h"
#include "ops/key_slots.h"
#include "ops/keyed_rows.h"
#include "ops/session_index.h"
#include "ops/triggered_update.h"
#include "ops/watermark_before.h"
#include "ops/window_assigner.h"
#include "ops/window_parts.h"
#include "ops/window_results.h"
#include "ops/window_span.h"

namespace millrace {

class SessionWindow final : public Operator {
 public:
  explicit SessionWindow(WindowParts parts);
  Status AddTable(StateStore& store);

  Status Process(Batch batch, Output& output) override;
  Status AdvanceTime(Watermark watermark, Output& output) override;
  void RestoreTime(Watermark watermark) override;
  Watermark OutputWatermark(Watermark input) const override;
  const std::shared_ptr<arrow::Schema>& output_schema() const override { return output_schema_; }

 private:
  /// Two sessions of a key that the row joined: `from_id` becomes part of `id`.
  struct Merge {
    std::int64_t row;
    std::int64_t id;
    std::int64_t from_id;
  };

  /// A session that a row closes by the clock of its key.
  struct Closing {
    std::int64_t row;
    std::int64_t watermark_ms;  // before it
    SessionIndex::Closed closed;
  };
  /// Starts and ends of sessions.
  struct Bounds {
    std::vector<std::int64_t> starts_ms, ends_ms;
    void Clear() {
      starts_ms.clear();
      ends_ms.clear();
    }
    void Add(std::int64_t start_ms, std::int64_t end_ms) {
      starts_ms.push_back(start_ms);
      ends_ms.push_back(end_ms);
    }
    TriggerRounds::Windows From(std::size_t row) const {
      return {std::span(starts_ms).subspan(row), std::span(ends_ms).subspan(row)};
    }
  };

  Status ReadIndex();
  /// Fills session_keys_ and merges_; late rows, and those that `failed`, leave the batch. A row that is both
  /// is late: it has no session in which it could fail.
  Status PlaceRows(std::vector<RowError> failed, Batch* batch, Output& output);
  Status AddRows(const Batch& batch, std::int64_t first_row, Output& output);
  void StartRound();
  /// The rank of a row's session among those of its round (firsts_). `row`: as in ids_.
  std::uint32_t RankOf(std::size_t row, SessionIndex::Mark* mark);
  /// Fills slots_: the groups of the sessions of rows that are of one round.
  Status FindSlots(std::size_t first_row, std::size_t rows);
  /// As AddRows, of rows whose groups are found; emits what the trigger fires.
  Status AddTriggered(const Batch& batch, std::int64_t first_row, Output& output);
  Status EmitFired(const Batch& batch, std::int64_t first_row, Output& output);
  /// Tells each session of the rows where it begins and ends, which does not depend on what fired.
  void SetSpans(std::size_t first_row);
  Status CloseSessions(std::int64_t watermark, Output& output);
  /// Emits what the rows before `until_row` close of their keys, and what the watermark closed before them.
  Status RunClosings(std::int64_t until_row, Output& output);
  /// Emits sessions that the index no longer has, and removes their state.
  Status EmitClosed(const std::vector<SessionIndex::Closed>& closed, Output& output);
  /// Whether something closed before a row of the batch and is not yet emitted.
  bool IsDueBefore(std::int64_t row, std::int64_t watermark) const {
    const bool by_key = next_closing_ < closings_.size() && closings_[next_closing_].row < row;
    return by_key || index_.MayClose(watermark);
  }
  Status MergeSessions(const Merge& merge, std::string_view key);
  Status EmitChanged(Output& output);
  Status Emit(std::string_view key, const SessionIndex::Session& session, std::uint32_t slot, Output& output);

  const WindowAggregateOptions options_;
  const std::shared_ptr<arrow::Schema> output_schema_;
  const std::vector<int> key_columns_;

  SessionIndex index_;
  bool index_read_ = false;
  GroupRows groups_;
  GroupUpdate update_;
  WindowResults results_;
  std::unique_ptr<TriggeredUpdate> triggered_;  // with a trigger
  KeyedTable* table_ = nullptr;

  // Of the batch under way; kept for their memory.
  KeyBuffer keys_;
  std::int64_t evaluated_rows_ = 0;  // when no row has left since: arguments are there
  std::vector<std::int64_t> ids_;
  std::vector<Merge> merges_;
  // Rows between two merges are a round: no session becomes another one within it, so one lookup in the table
  // per session and round is enough.
  std::int64_t round_ = 0;
  std::uint32_t sessions_in_round_ = 0;
  std::vector<std::uint32_t> ranks_;  // by row
  std::vector<std::size_t> firsts_;   // the first row of each session of each round, ascending
  std::vector<Closing> closings_;     // closing by key
  std::size_t next_closing_ = 0;      // those before it were emitted
  std::vector<bool> changed_;         // by row: its session's result is another one
  Bounds bounds_;                     // by row: its session with the row; with a trigger only
  Bounds bounds_before_;              // and before it
  KeyBuffer session_keys_;
  KeySlots session_slots_;            // of session_keys_
  std::vector<std::uint32_t> slots_;  // by row
};

namespace {

constexpr std::size_t kIdBytes = sizeof(std::int64_t);
constexpr std::int64_t kSlice = 0;  // sessions close one by one

// The key of a session's row: its id, then the key.
void AppendSessionKey(std::int64_t id, std::string_view key, KeyBuffer* out) {
  char bytes[kIdBytes];
  std::memcpy(bytes, &id, kIdBytes);
  out->Append({bytes, kIdBytes}, key);
}

}  // namespace

SessionWindow::SessionWindow(WindowParts parts)
    : options_(std::move(parts.options)),
      output_schema_(std::move(parts.output_schema)),
      key_columns_(std::move(parts.key_columns)),
      index_(options_.size.count(), options_.grace.count()),
      groups_(std::move(parts.aggregators), /*hidden=*/1),
      update_(&options_.aggregates, &groups_),
      results_({.shape = {output_schema_, static_cast<int>(key_columns_.size()), options_.origin},
                .groups = &groups_,
                .aggregates = &options_.aggregates,
                .merged = true}) {}

Status SessionWindow::AddTable(StateStore& store) {
  if (options_.trigger) {
    MR_ASSIGN_OR_RETURN(triggered_, TriggeredUpdate::Make({.trigger = *options_.trigger,
                                                           .shape = results_.shape(),
                                                           .key_columns = key_columns_,
                                                           .update = &update_,
                                                           .groups = &groups_,
                                                           .rows = &groups_}));
  }
  SlotRows* const rows = triggered_ == nullptr ? static_cast<SlotRows*>(&groups_) : &triggered_->rows();
  MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, rows));
  return Status::Ok();
}

void SessionWindow::RestoreTime(Watermark /*watermark*/) {
  index_read_ = false;
  closings_.clear();
  next_closing_ = 0;
}

Status SessionWindow::ReadIndex() {
  if (index_read_) return Status::Ok();
  index_.Clear();
  MR_RETURN_IF_ERROR(table_->Scan([this](std::int64_t, std::string_view session_key, std::uint32_t slot) {
    if (session_key.size() < kIdBytes) return Status::Corrupt("the key of a session is cut short");
    std::int64_t id;
    std::memcpy(&id, session_key.data(), kIdBytes);
    const WindowSpan& span = SpanOf(groups_, slot);
    index_.Restore(session_key.substr(kIdBytes), {id, span.first_ms, span.last_ms});
    return Status::Ok();
  }));
  index_read_ = true;
  return Status::Ok();
}

Status SessionWindow::Process(Batch batch, Output& output) {
  MR_RETURN_IF_ERROR(ReadIndex());
  MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
  MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
  MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, table_->most_key_bytes(), &batch, output));
  if (batch.num_rows() == 0) return Status::Ok();
  MR_ASSIGN_OR_RETURN(std::vector<RowError> failed, update_.Evaluate(batch));
  evaluated_rows_ = batch.num_rows();
  MR_RETURN_IF_ERROR(PlaceRows(std::move(failed), &batch, output));
  if (batch.num_rows() == 0) return Status::Ok();
  changed_.assign(ids_.size(), true);
  std::int64_t first = 0;
  for (const Merge& merge : merges_) {
    // Rows up to here go to the sessions as they were, so that no result depends on where a batch ends.
    MR_RETURN_IF_ERROR(AddRows(SliceBatch(batch, first, merge.row - first), first, output));
    MR_RETURN_IF_ERROR(MergeSessions(merge, keys_[static_cast<std::size_t>(merge.row)]));
    first = merge.row;
  }
  MR_RETURN_IF_ERROR(AddRows(SliceBatch(batch, first, batch.num_rows() - first), first, output));
  for (const Merge& merge : merges_) changed_[static_cast<std::size_t>(merge.row)] = true;
  if (options_.emit == EmitMode::kCurrent) MR_RETURN_IF_ERROR(EmitChanged(output));
  table_->NoteDerivedBytes(index_.memory_bytes());
  if (closings_.empty()) return Status::Ok();
  MR_RETURN_IF_ERROR(RunClosings(batch.num_rows(), output));
  return results_.Flush(output);
}

// --- Rows and sessions ---

Status SessionWindow::PlaceRows(std::vector<RowError> failed, Batch* batch, Output& output) {
  MR_RETURN_IF_ERROR(EncodeGroupKeys(key_columns_, *batch, &keys_));
  ids_.clear();
  merges_.clear();
  closings_.clear();
  next_closing_ = 0;
  bounds_.Clear();
  bounds_before_.Clear();
  ranks_.clear();
  firsts_.clear();
  StartRound();
  std::vector<std::int32_t> late;
  std::vector<std::int64_t> late_by_ms;
  std::vector<RowError> dead;  // failed and not late, by their rows behind the late ones
  auto next_failed = failed.begin();
  const bool by_key = options_.closing == ClosingMode::kKey;
  for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
    const std::int64_t watermark = WatermarkBefore(*batch, row);
    const std::int64_t time = batch->event_time->Value(row);
    const std::string_view key = keys_[static_cast<std::size_t>(row)];
    const std::int64_t clock = by_key ? index_.ClockOf(key) : watermark;
    const std::int64_t before = std::max(watermark, clock);
    const bool has_failed = next_failed != failed.end() && next_failed->row == row;
    if (has_failed && !index_.IsLate(key, time, before)) {
      dead.push_back(std::move(*next_failed));
      dead.back().row -= static_cast<std::int64_t>(late.size());
      ++next_failed;
      continue;
    }
    if (has_failed) ++next_failed;
    const auto placed = has_failed ? SessionIndex::Placed{.late = true} : index_.Place(key, time, before);
    if (placed.late) {
      late.push_back(static_cast<std::int32_t>(row));
      late_by_ms.push_back(SubtractTime(before, index_.ClosesAt(time)));
      continue;
    }
    const auto kept = static_cast<std::int64_t>(ids_.size());
    if (placed.merged) {
      merges_.push_back({kept, placed.session.id, placed.from_id});
      StartRound();
    }
    ranks_.push_back(RankOf(static_cast<std::size_t>(kept), placed.mark));
    ids_.push_back(placed.session.id);
    if (by_key && time > clock) {
      for (const SessionIndex::Session& session : index_.CloseOfKey(key, time, watermark))
        closings_.push_back({kept, watermark, {std::string(key), session}});
    }
    if (triggered_ == nullptr) continue;
    bounds_.Add(placed.session.first_ms, index_.EndOf(placed.session));
    bounds_before_.Add(placed.before.first_ms, index_.EndOf(placed.before));
  }
  if (late.empty() && dead.empty()) return Status::Ok();
  if (!late.empty()) MR_RETURN_IF_ERROR(TakeOutLate(late, std::move(late_by_ms), batch, output));
  if (!dead.empty()) {
    MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(*batch, dead));
    MR_RETURN_IF_ERROR(output.DeadLetter(*batch, std::move(dead)));
    *batch = std::move(kept);
  }
  return EncodeGroupKeys(key_columns_, *batch, &keys_);
}

Status SessionWindow::AddRows(const Batch& batch, std::int64_t first_row, Output& output) {
  if (batch.num_rows() == 0) return Status::Ok();
  if (batch.num_rows() != evaluated_rows_) {
    MR_ASSIGN_OR_RETURN(const std::vector<RowError> none, update_.Evaluate(batch));
    MR_CHECK(none.empty()) << "an argument that did not fail before";
  }
  const auto first = static_cast<std::size_t>(first_row);
  MR_RETURN_IF_ERROR(FindSlots(first, static_cast<std::size_t>(batch.num_rows())));
  if (triggered_ != nullptr) return AddTriggered(batch, first_row, output);
  const auto text = [&](std::size_t row) {
    const auto* const session = index_.Find(keys_[first + row], ids_[first + row]);
    return " in the session of " + std::to_string(session == nullptr ? ids_[first + row] : session->first_ms);
  };
  MR_ASSIGN_OR_RETURN(std::vector<RowError> errors, update_.Add(batch, slots_, text));
  for (const RowError& error : errors) {
    const auto row = static_cast<std::size_t>(error.row);
    changed_[first + row] = SpanOf(groups_, slots_[row]).Cover(batch.event_time->Value(error.row));
  }
  output.CountAbsorbed(batch.num_rows() - static_cast<std::int64_t>(errors.size()));
  return errors.empty() ? Status::Ok() : output.DeadLetter(batch, std::move(errors));
}

void SessionWindow::StartRound() {
  ++round_;
  sessions_in_round_ = 0;
}

std::uint32_t SessionWindow::RankOf(std::size_t row, SessionIndex::Mark* mark) {
  if (mark->round != round_) {
    *mark = {round_, sessions_in_round_++};
    firsts_.push_back(row);
  }
  return mark->rank;
}

Status SessionWindow::FindSlots(std::size_t first_row, std::size_t rows) {
  session_keys_.Clear();
  for (auto row = std::lower_bound(firsts_.begin(), firsts_.end(), first_row);
       row != firsts_.end() && *row < first_row + rows; ++row) {
    AppendSessionKey(ids_[*row], keys_[*row], &session_keys_);
  }
  MR_RETURN_IF_ERROR(session_slots_.Lookup(*table_, kSlice, session_keys_));
  slots_.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) slots_[i] = session_slots_[ranks_[first_row + i]];
  return Status::Ok();
}

Status SessionWindow::AddTriggered(const Batch& batch, std::int64_t first_row, Output& output) {
  const auto first = static_cast<std::size_t>(first_row);
  for (const std::uint32_t slot : slots_) triggered_->rows().set_empty(slot, SpanOf(groups_, slot).rows == 0);
  const TriggeredUpdate::Input input = triggered_->Rows(batch);
  MR_RETURN_IF_ERROR(triggered_->Add({.batch = input.batch,
                                      .keys = input.keys,
                                      .slots = slots_,
                                      .windows = bounds_.From(first),
                                      .windows_before = bounds_before_.From(first),
                                      .last = {},
                                      .text = [this, first](std::size_t row) {
                                        return " in the session of " +
                                               std::to_string(bounds_.starts_ms[first + row]);
                                      }}));
  SetSpans(first);
  std::vector<RowError> errors = triggered_->TakeErrors();
  for (const RowError& error : errors) {
    const std::size_t row = first + static_cast<std::size_t>(error.row);
    changed_[row] = bounds_.starts_ms[row] != bounds_before_.starts_ms[row] ||
                    bounds_.ends_ms[row] != bounds_before_.ends_ms[row];
  }
  output.CountAbsorbed(batch.num_rows() - static_cast<std::int64_t>(errors.size()));
  if (!errors.empty()) MR_RETURN_IF_ERROR(output.DeadLetter(batch, std::move(errors)));
  return EmitFired(batch, first_row, output);
}

void SessionWindow::SetSpans(std::size_t first_row) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    WindowSpan& span = SpanOf(groups_, slots_[i]);
    span.first_ms = bounds_.starts_ms[first_row + i];
    span.last_ms = SubtractTime(bounds_.ends_ms[first_row + i], options_.size.count());
  }
}

Status SessionWindow::MergeSessions(const Merge& merge, std::string_view key) {
  KeyBuffer both;
  AppendSessionKey(merge.id, key, &both);
  AppendSessionKey(merge.from_id, key, &both);
  MR_RETURN_IF_ERROR(session_slots_.Lookup(*table_, kSlice, both));
  groups_.Merge(session_slots_[0], groups_, session_slots_[1]);
  table_->Erase(session_slots_[1]);
  return groups_.failure();
}

// --- Results ---

Status SessionWindow::Emit(std::string_view key, const SessionIndex::Session& session, std::uint32_t slot,
                           Output& output) {
  if (SpanOf(groups_, slot).rows == 0) return Status::Ok();  // every row of it was a dead letter
  return results_.Add({session.first_ms, index_.EndOf(session)}, key, slot, output);
}

Status SessionWindow::EmitFired(const Batch& batch, std::int64_t first_row, Output& output) {
  if (triggered_->fired().empty()) return Status::Ok();
  const Bounds& bounds = options_.trigger->before ? bounds_before_ : bounds_;
  std::vector<WindowResults::Window> windows;
  KeyBuffer keys;
  for (const std::int32_t fired : triggered_->fired()) {
    const auto row = static_cast<std::size_t>(first_row + fired);
    windows.push_back({bounds.starts_ms[row], bounds.ends_ms[row]});
    keys.Append(keys_[row]);
  }
  MR_ASSIGN_OR_RETURN(const TriggeredUpdate::Fired fired,
                      triggered_->TakeFired(std::move(windows), std::move(keys), output));
  if (options_.emit == EmitMode::kCurrent) return output.Emit(fired.batch);
  return fired.EmitTo(
      output, [&](std::int32_t row) { return IsDueBefore(first_row + row, WatermarkBefore(batch, row)); },
      [&](std::int32_t row) -> Status {
        MR_RETURN_IF_ERROR(RunClosings(first_row + row, output));
        return CloseSessions(WatermarkBefore(batch, row), output);
      });
}

Status SessionWindow::EmitChanged(Output& output) {
  std::vector<SessionIndex::Closed> changed;
  std::set<std::pair<std::string_view, std::int64_t>> seen;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (!changed_[i] || !seen.emplace(keys_[i], ids_[i]).second) continue;
    if (const auto* session = index_.Find(keys_[i], ids_[i]))
      changed.push_back({std::string(keys_[i]), *session});
  }
  std::sort(changed.begin(), changed.end(), [this](const auto& a, const auto& b) {
    const std::int64_t a_end = index_.EndOf(a.session);
    const std::int64_t b_end = index_.EndOf(b.session);
    return a_end != b_end ? a_end < b_end : a.key < b.key;
  });
  session_keys_.Clear();
  for (const auto& one : changed) AppendSessionKey(one.session.id, one.key, &session_keys_);
  MR_RETURN_IF_ERROR(session_slots_.Lookup(*table_, kSlice, session_keys_));
  results_.set_final(false);
  for (std::size_t i = 0; i < changed.size(); ++i) {
    MR_RETURN_IF_ERROR(Emit(changed[i].key, changed[i].session, session_slots_[i], output));
  }
  MR_RETURN_IF_ERROR(results_.Flush(output));
  results_.set_final(true);
  return Status::Ok();
}

Status SessionWindow::AdvanceTime(Watermark watermark, Output& output) {
  MR_RETURN_IF_ERROR(ReadIndex());
  return CloseSessions(watermark.value(), output);
}

Status SessionWindow::CloseSessions(std::int64_t watermark, Output& output) {
  MR_RETURN_IF_ERROR(EmitClosed(index_.Close(watermark), output));
  table_->NoteDerivedBytes(index_.memory_bytes());
  return results_.Flush(output);
}

Status SessionWindow::RunClosings(std::int64_t until_row, Output& output) {
  std::vector<SessionIndex::Closed> closed;
  for (; next_closing_ < closings_.size() && closings_[next_closing_].row < until_row; ++next_closing_) {
    Closing& closing = closings_[next_closing_];
    if (index_.MayClose(closing.watermark_ms)) {
      MR_RETURN_IF_ERROR(EmitClosed(closed, output));
      closed.clear();
      MR_RETURN_IF_ERROR(EmitClosed(index_.Close(closing.watermark_ms), output));
    }
    closed.push_back(std::move(closing.closed));
  }
  return EmitClosed(closed, output);
}

Status SessionWindow::EmitClosed(const std::vector<SessionIndex::Closed>& closed, Output& output) {
  if (closed.empty()) return Status::Ok();
  session_keys_.Clear();
  for (const auto& one : closed) AppendSessionKey(one.session.id, one.key, &session_keys_);
  MR_RETURN_IF_ERROR(session_slots_.Lookup(*table_, kSlice, session_keys_));
  for (std::size_t i = 0; i < closed.size(); ++i) {
    MR_RETURN_IF_ERROR(Emit(closed[i].key, closed[i].session, session_slots_[i], output));
    table_->Erase(session_slots_[i]);
  }
  return Status::Ok();
}

Watermark SessionWindow::OutputWatermark(Watermark input) const {
  return HeldBack(input, options_.grace.count());
}

Result<std::unique_ptr<Operator>> MakeSessionWindow(WindowAggregateOptions options,
                                                    const std::shared_ptr<arrow::Schema>& input,
                                                    StateStore& store) {
  MR_ASSIGN_OR_RETURN(WindowParts parts, MakeWindowParts(std::move(options), *input));
  auto window = std::make_unique<SessionWindow>(std::move(parts));
  MR_RETURN_IF_ERROR(window->AddTable(store));
  return std::unique_ptr<Operator>(std::move(window));
}

}  // namespace millrace
