#include "ops/expire.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <arrow/api.h>

#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"
#include "columnar/tombstone_column.h"
#include "ops/expire_rows.h"
#include "ops/expiry_schedule.h"
#include "ops/key_slots.h"
#include "ops/key_tombstones.h"
#include "ops/keyed_rows.h"
#include "ops/row_ends.h"
#include "ops/row_errors.h"
#include "ops/watermark_before.h"
#include "ops/window_assigner.h"

namespace millrace {
namespace {

constexpr std::int64_t kNever = ExpirySchedule::kNever;

/// What becomes of a row.
enum class Fate : std::uint8_t { kPasses, kLate, kEndsKey };

class Expire final : public Operator {
 public:
  Expire(ExpireOptions options, BoundExpr at, std::vector<int> key_columns,
         std::shared_ptr<arrow::Schema> schema)
      : options_(std::move(options)),
        at_(std::move(at)),
        key_columns_(std::move(key_columns)),
        schema_(std::move(schema)) {}

  Status AddTable(StateStore& store) {
    MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, &rows_));
    schedule_.emplace(table_);
    return Status::Ok();
  }

  Status Process(Batch batch, Output& output) override {
    MR_RETURN_IF_ERROR(RemoveTombstonesWithoutKey(key_columns_, &batch, output));
    MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
    MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, table_->most_key_bytes(), &batch, output));
    if (batch.num_rows() == 0) return Status::Ok();
    MR_RETURN_IF_ERROR(FindEnds(&batch, output));
    // What ends between two rows leaves between them, rows of this batch too.
    for (std::int64_t begin = 0; begin < batch.num_rows();) {
      const std::int64_t end = NextLook(batch, begin);
      if (end == begin) {
        MR_RETURN_IF_ERROR(EndKeys(Watermark(WatermarkBefore(batch, begin)), output));
        continue;
      }
      const auto ends_ms = std::span<const std::int64_t>(ends_ms_).subspan(
          static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
      MR_RETURN_IF_ERROR(ProcessRows(SliceBatch(batch, begin, end - begin), ends_ms, output));
      begin = end;
    }
    return Status::Ok();
  }

  Status AdvanceTime(Watermark watermark, Output& output) override { return EndKeys(watermark, output); }
  bool uses_first_run() const override { return options_.judges_by_first_run; }
  void SetFirstRun(EventTime first_run) override { over_before_ms_ = first_run.value(); }
  std::string_view late_advice() const override {
    return "their end was over when they came, or when the pipeline ran for the first time (already_over: "
           "pass "
           "lets those pass); late: {topic: ...} keeps them";
  }
  void RestoreTime(Watermark /*watermark*/) override { schedule_->Forget(); }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  /// The time at which a row shows up: what it says itself, or the others before it.
  static std::int64_t SeenAt(const Batch& batch, std::int64_t row) {
    return std::max(batch.event_time->Value(row), WatermarkBefore(batch, row));
  }

  /// A row that ends at or before this is over.
  std::int64_t OverAt(const Batch& batch, std::int64_t row) const {
    return std::max(SeenAt(batch, row), over_before_ms_);
  }

  /// Fills ends_ms_; rows on which `at` fails leave the batch as dead letters.
  Status FindEnds(Batch* batch, Output& output) {
    MR_ASSIGN_OR_RETURN(const auto rows, WithTombstoneColumn(*batch));
    MR_ASSIGN_OR_RETURN(ExprValues values, at_.Evaluate(*rows));
    RowEnds(*values.values, batch->tombstone.get(), &ends_ms_);
    std::vector<RowError> errors = ToRowErrors(std::move(values.errors), batch->tombstone.get());
    if (errors.empty()) return Status::Ok();
    std::size_t kept = 0;
    for (const std::size_t row : RowsWithoutError(batch->num_rows(), errors))
      ends_ms_[kept++] = ends_ms_[row];
    MR_ASSIGN_OR_RETURN(Batch good, WithoutRows(*batch, errors));
    MR_RETURN_IF_ERROR(output.DeadLetter(*batch, std::move(errors)));
    *batch = std::move(good);
    return Status::Ok();
  }

  /// The first row from `begin` on before which something may have to end.
  std::int64_t NextLook(const Batch& batch, std::int64_t begin) const {
    std::int64_t look = schedule_->NextLook().value_or(kNever);
    std::int64_t row = begin;
    for (; row < batch.num_rows() && WatermarkBefore(batch, row) < look; ++row) {
      const std::int64_t ends_ms = ends_ms_[static_cast<std::size_t>(row)];
      if (ends_ms > OverAt(batch, row)) look = std::min(look, ends_ms);
    }
    return row;
  }

  Status ProcessRows(Batch batch, std::span<const std::int64_t> ends_ms, Output& output) {
    MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(key_columns_, *batch.data), &keys_));
    MR_RETURN_IF_ERROR(slots_.FindOrAdd(*table_, ExpiryIndex::kRows, keys_));
    const std::uint64_t origin = OriginRank(batch);
    fates_.assign(slots_.size(), Fate::kPasses);
    changed_.clear();
    bool all_live = true;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const RowPlace place = RowPlace::Of(batch, origin, static_cast<std::int64_t>(i));
      const bool tombstone =
          batch.tombstone != nullptr && batch.tombstone->Value(static_cast<std::int64_t>(i));
      const auto row = static_cast<std::int64_t>(i);
      if (!tombstone && ends_ms[i] > OverAt(batch, row)) {
        Live(i, place, {.ends_ms = ends_ms[i], .seen_ms = SeenAt(batch, row)});
        continue;
      }
      const bool ends = EndKey(slots_[i], place);
      if (!tombstone) fates_[i] = ends ? Fate::kEndsKey : Fate::kLate;
      all_live = false;
    }
    table_->MarkDirty(changed_);
    if (!all_live) EraseEnded();
    MR_RETURN_IF_ERROR(schedule_->Flush());
    if (!all_live) MR_RETURN_IF_ERROR(TakeOutGone(ends_ms, &batch, output));
    batch.key = std::move(keys_).ToBinaryArray();
    return output.Emit(std::move(batch));
  }

  struct Times {
    std::int64_t ends_ms;
    std::int64_t seen_ms;
  };
  /// A row that passes: the live one of its key, unless it is older.
  void Live(std::size_t i, const RowPlace& place, const Times& times) {
    const std::uint32_t slot = slots_[i];
    if (rows_.live(slot) && place < rows_.place(slot)) return;
    schedule_->Set({.before_ms = rows_.ends_ms(slot), .ends_ms = times.ends_ms, .now_ms = times.seen_ms},
                   keys_[i]);
    rows_.Set(slot, place, times.ends_ms);
    changed_.push_back(slot);
  }

  /// True when the key had a live row that is not younger.
  bool EndKey(std::uint32_t slot, const RowPlace& place) {
    if (!rows_.live(slot) || place < rows_.place(slot)) return false;
    rows_.Clear(slot);
    changed_.push_back(slot);
    return true;
  }

  /// Takes the keys of the rows at hand that have no live row out of the table.
  void EraseEnded() {
    changed_.clear();
    for (const std::uint32_t slot : slots_) {
      if (!rows_.live(slot)) changed_.push_back(slot);
    }
    std::sort(changed_.begin(), changed_.end());
    changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
    for (const std::uint32_t slot : changed_) table_->Erase(slot);
  }

  /// Late rows leave the batch, and rows that end their key become tombstones; keys_ follow.
  Status TakeOutGone(std::span<const std::int64_t> ends_ms, Batch* batch, Output& output) {
    std::vector<std::uint8_t> ends(fates_.size(), 0);
    std::vector<std::int32_t> late;
    std::vector<std::int64_t> late_by_ms;
    for (std::size_t i = 0; i < fates_.size(); ++i) {
      ends[i] = fates_[i] == Fate::kEndsKey ? 1 : 0;
      if (fates_[i] != Fate::kLate) continue;
      late.push_back(static_cast<std::int32_t>(i));
      late_by_ms.push_back(SubtractTime(OverAt(*batch, static_cast<std::int64_t>(i)), ends_ms[i]));
    }
    if (std::find(ends.begin(), ends.end(), 1) != ends.end()) {
      MR_ASSIGN_OR_RETURN(*batch, WithTombstones(*batch, key_columns_, ends));
    }
    if (late.empty()) return Status::Ok();
    MR_RETURN_IF_ERROR(TakeOutLate(late, std::move(late_by_ms), batch, output));
    return EncodeKeys(KeyArrays(key_columns_, *batch->data), &keys_);
  }

  Status EndKeys(Watermark watermark, Output& output) {
    const auto read = [this](const KeyBuffer& keys, std::span<std::int64_t> ends_ms) -> Status {
      MR_RETURN_IF_ERROR(ended_.Find(*table_, ExpiryIndex::kRows, keys));
      for (std::size_t i = 0; i < ended_.size(); ++i) {
        if (ended_[i] != KeyedTable::kNoSlot) ends_ms[i] = rows_.ends_ms(ended_[i]);
      }
      return Status::Ok();
    };
    return schedule_->Advance(watermark, read,
                              [&](const KeyBuffer& keys, std::span<const std::int64_t> ends_ms) {
                                return EmitEnded(keys, ends_ms, output);
                              });
  }

  Status EmitEnded(const KeyBuffer& keys, std::span<const std::int64_t> ends_ms, Output& output) {
    MR_RETURN_IF_ERROR(ended_.Lookup(*table_, ExpiryIndex::kRows, keys));
    for (const std::uint32_t slot : ended_) table_->Erase(slot);
    KeyBuffer ended = keys;
    MR_ASSIGN_OR_RETURN(Batch batch, KeyTombstones(schema_, key_columns_, &ended,
                                                   std::vector(ends_ms.begin(), ends_ms.end())));
    batch.origin.partition = options_.origin;
    // Each is judged as if the watermark had stopped at its end: where it stopped depends on batches.
    batch.watermark_before = batch.event_time;
    batch.watermark = Watermark(ends_ms.back());
    return output.Emit(std::move(batch));
  }

  const ExpireOptions options_;
  const BoundExpr at_;
  const std::vector<int> key_columns_;
  const std::shared_ptr<arrow::Schema> schema_;

  std::int64_t over_before_ms_ = std::numeric_limits<std::int64_t>::min();  // lowest: event time alone counts
  ExpireRows rows_;
  KeyedTable* table_ = nullptr;
  std::optional<ExpirySchedule> schedule_;

  // Of the batch under way; kept for their memory.
  std::vector<std::int64_t> ends_ms_;
  KeyBuffer keys_;
  KeySlots slots_;
  std::vector<Fate> fates_;
  std::vector<std::uint32_t> changed_;
  KeySlots ended_;
};

Result<std::vector<int>> CheckOptions(const ExpireOptions& options, const arrow::Schema& input) {
  if (options.by.empty()) return Status::InvalidArgument("'by' is empty; name the key columns");
  return KeyColumnIndices(options.by, input);
}

}  // namespace

Result<std::string> ExpireLayout(const ExpireOptions& options, const arrow::Schema& input) {
  MR_ASSIGN_OR_RETURN(const std::vector<int> key_columns, CheckOptions(options, input));
  return options.name + "=expire by " + ColumnsLayout(key_columns, input);
}

Result<std::unique_ptr<Operator>> MakeExpire(ExpireOptions options, BoundExpr at,
                                             const std::shared_ptr<arrow::Schema>& input, StateStore* store) {
  MR_ASSIGN_OR_RETURN(std::vector<int> key_columns, CheckOptions(options, *input));
  if (at.type()->id() != arrow::Type::TIMESTAMP) {
    return Status::InvalidArgument("'at' must be a timestamp, this one is " + TypeText(*at.type()));
  }
  auto made = std::make_unique<Expire>(std::move(options), std::move(at), std::move(key_columns), input);
  if (store != nullptr) MR_RETURN_IF_ERROR(made->AddTable(*store));
  return std::unique_ptr<Operator>(std::move(made));
}

}  // namespace millrace
