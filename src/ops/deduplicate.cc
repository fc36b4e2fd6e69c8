#include "ops/deduplicate.h"

#include <algorithm>
#include <cstring>

#include <arrow/api.h>

#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"
#include "ops/keyed_rows.h"
#include "ops/late_rows.h"
#include "ops/passing_rows.h"
#include "ops/window_assigner.h"

namespace millrace {
namespace {

/// The event time of the row that passed, by slot; none in a slot just added.
class PassedTimes final : public SlotRows {
 public:
  bool has(std::uint32_t slot) const { return rows_[slot].present; }
  std::int64_t operator[](std::uint32_t slot) const { return rows_[slot].time_ms; }
  void Set(std::uint32_t slot, std::int64_t time_ms) { rows_[slot] = {.time_ms = time_ms, .present = true}; }

  // SlotRows.
  void Resize(std::uint32_t slots) override { rows_.resize(slots); }
  void Clear(std::uint32_t slot) override { rows_[slot] = {}; }
  void Encode(std::uint32_t slot, std::string* out) const override {
    char bytes[sizeof(std::int64_t)];
    std::memcpy(bytes, &rows_[slot].time_ms, sizeof(bytes));
    out->append(bytes, sizeof(bytes));
  }
  Status Decode(std::uint32_t slot, std::string_view bytes) override {
    if (bytes.size() != sizeof(std::int64_t)) return Status::Corrupt("the time of a row that passed is cut");
    std::int64_t time_ms;
    std::memcpy(&time_ms, bytes.data(), bytes.size());
    Set(slot, time_ms);
    return Status::Ok();
  }
  std::int64_t memory_bytes() const override {
    return static_cast<std::int64_t>(rows_.capacity() * sizeof(Row));
  }

 private:
  struct Row {
    std::int64_t time_ms = 0;
    bool present = false;
  };
  std::vector<Row> rows_;
};

class Deduplicate final : public Operator {
 public:
  Deduplicate(DeduplicateOptions options, std::vector<int> key_columns, std::shared_ptr<arrow::Schema> schema)
      : options_(std::move(options)),
        within_ms_(options_.within.count()),
        key_columns_(std::move(key_columns)),
        schema_(std::move(schema)) {}

  Status AddTable(StateStore& store) {
    MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, &passed_));
    return Status::Ok();
  }

  Status Process(Batch batch, Output& output) override {
    MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
    MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
    MR_RETURN_IF_ERROR(RemoveLateRows(options_.within, &batch, output));
    if (batch.num_rows() == 0) return Status::Ok();
    MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(key_columns_, *batch.data), &keys_));
    MR_RETURN_IF_ERROR(FindRepeatsOfState(batch));
    MR_RETURN_IF_ERROR(AddRest());
    LetPass(batch);
    return EmitPassing(std::move(batch), passes_, &keys_, output);
  }

  // A row that is not late has an event time above watermark - within, and looks one slice further back.
  Status AdvanceTime(Watermark watermark, Output& /*output*/) override {
    const std::int64_t oldest = AddTime(SubtractTime(watermark.value(), within_ms_), 1);
    const std::int64_t needed = SubtractTime(SliceOf(oldest), 1);
    for (auto slice = table_->FirstSlice(); slice && *slice < needed; slice = table_->FirstSlice()) {
      MR_RETURN_IF_ERROR(
          table_->CloseSlice(*slice, [](std::string_view, std::uint32_t) { return Status::Ok(); }));
    }
    return Status::Ok();
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  std::int64_t SliceOf(std::int64_t time_ms) const {
    const std::int64_t quotient = time_ms / within_ms_;
    return quotient - (time_ms % within_ms_ < 0 ? 1 : 0);
  }
  bool Near(std::int64_t a, std::int64_t b) const {
    return a < b ? SubtractTime(b, a) < within_ms_ : SubtractTime(a, b) < within_ms_;
  }

  Status Find(std::span<const std::int64_t> slices, const KeyBuffer& keys,
              std::vector<std::uint32_t>* slots) {
    slots->resize(slices.size());
    return table_->Find(slices, {.data = keys.data(), .offsets = keys.offsets()}, *slots);
  }

  /// Puts the rows that repeat no row of earlier batches into rest_, rest_keys_ and rest_slices_.
  Status FindRepeatsOfState(const Batch& batch) {
    const auto rows = static_cast<std::size_t>(batch.num_rows());
    const std::int64_t* const times = batch.event_time->raw_values();
    slices_.resize(rows);
    for (std::size_t i = 0; i < rows; ++i) slices_[i] = SliceOf(times[i]);
    passes_.assign(rows, 1);
    const std::vector<std::int64_t> open = table_->Slices();
    const auto [lowest, highest] = std::minmax_element(slices_.begin(), slices_.end());
    for (const std::int64_t distance : {-1, 0, 1}) {
      // Rows in order find nothing in the slice after theirs: it does not exist yet.
      const auto first = std::lower_bound(open.begin(), open.end(), AddTime(*lowest, distance));
      if (first == open.end() || *first > AddTime(*highest, distance)) continue;
      neighbours_.resize(rows);
      for (std::size_t i = 0; i < rows; ++i) neighbours_[i] = AddTime(slices_[i], distance);
      MR_RETURN_IF_ERROR(Find(neighbours_, keys_, &slots_));
      for (std::size_t i = 0; i < rows; ++i) {
        if (slots_[i] != KeyedTable::kNoSlot && Near(passed_[slots_[i]], times[i])) passes_[i] = 0;
      }
    }
    rest_.clear();
    rest_keys_.Clear();
    rest_slices_.clear();
    for (std::size_t i = 0; i < rows; ++i) {
      if (passes_[i] == 0) continue;
      rest_.push_back(i);
      rest_keys_.Append(keys_[i]);
      rest_slices_.push_back(slices_[i]);
    }
    return Status::Ok();
  }

  /// Adds the slices and keys of the rest to the table, and finds those beside them. No key of theirs was in
  /// its slice before: rows of one slice are always near.
  Status AddRest() {
    slots_.resize(rest_.size());
    MR_RETURN_IF_ERROR(
        table_->Lookup(rest_slices_, {.data = rest_keys_.data(), .offsets = rest_keys_.offsets()}, slots_));
    before_.assign(rest_.size(), KeyedTable::kNoSlot);
    after_.assign(rest_.size(), KeyedTable::kNoSlot);
    const auto [lowest, highest] = std::minmax_element(rest_slices_.begin(), rest_slices_.end());
    if (rest_.empty() || *lowest == *highest) return Status::Ok();
    neighbours_.resize(rest_.size());
    for (std::size_t i = 0; i < rest_.size(); ++i) neighbours_[i] = SubtractTime(rest_slices_[i], 1);
    MR_RETURN_IF_ERROR(Find(neighbours_, rest_keys_, &before_));
    for (std::size_t i = 0; i < rest_.size(); ++i) neighbours_[i] = AddTime(rest_slices_[i], 1);
    return Find(neighbours_, rest_keys_, &after_);
  }

  /// Decides about the rest, in order, and keeps the times of those that pass.
  void LetPass(const Batch& batch) {
    const std::int64_t* const times = batch.event_time->raw_values();
    const auto near = [this](std::uint32_t slot, std::int64_t time_ms) {
      return slot != KeyedTable::kNoSlot && passed_.has(slot) && Near(passed_[slot], time_ms);
    };
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const std::int64_t time_ms = times[rest_[i]];
      if (passed_.has(slots_[i]) || near(before_[i], time_ms) || near(after_[i], time_ms)) {
        passes_[rest_[i]] = 0;
      } else {
        passed_.Set(slots_[i], time_ms);
      }
    }
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      // Near a row in the slice beside it, of this batch: the row added for it holds nothing.
      if (passed_.has(slots_[i])) continue;
      passed_.Set(slots_[i], times[rest_[i]]);  // once
      table_->Erase(slots_[i]);
    }
  }

  const DeduplicateOptions options_;
  const std::int64_t within_ms_;
  const std::vector<int> key_columns_;
  const std::shared_ptr<arrow::Schema> schema_;

  PassedTimes passed_;
  KeyedTable* table_ = nullptr;

  // Of the batch under way; kept for their memory.
  KeyBuffer keys_;
  std::vector<std::int64_t> slices_;
  std::vector<std::int64_t> neighbours_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint8_t> passes_;
  std::vector<std::size_t> rest_;  // rows; the vectors below are by position in it
  KeyBuffer rest_keys_;
  std::vector<std::int64_t> rest_slices_;
  std::vector<std::uint32_t> before_;
  std::vector<std::uint32_t> after_;
};

Result<std::vector<int>> CheckOptions(const DeduplicateOptions& options, const arrow::Schema& input) {
  if (options.within.count() <= 0) {
    return Status::InvalidArgument("'within' must be longer than " + FormatDuration(options.within));
  }
  if (options.by.empty()) return Status::InvalidArgument("'by' is empty; name the key columns");
  return KeyColumnIndices(options.by, input);
}

}  // namespace

Result<std::string> DeduplicateLayout(const DeduplicateOptions& options, const arrow::Schema& input) {
  MR_ASSIGN_OR_RETURN(const std::vector<int> key_columns, CheckOptions(options, input));
  return options.name + "=deduplicate within " + FormatDuration(options.within) + " by " +
         ColumnsLayout(key_columns, input);
}

Result<std::unique_ptr<Operator>> MakeDeduplicate(DeduplicateOptions options,
                                                  const std::shared_ptr<arrow::Schema>& input,
                                                  StateStore* store) {
  MR_ASSIGN_OR_RETURN(std::vector<int> key_columns, CheckOptions(options, *input));
  auto made = std::make_unique<Deduplicate>(std::move(options), std::move(key_columns), input);
  if (store != nullptr) MR_RETURN_IF_ERROR(made->AddTable(*store));
  return std::unique_ptr<Operator>(std::move(made));
}

}  // namespace millrace
