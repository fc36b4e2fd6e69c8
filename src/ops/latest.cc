#include "ops/latest.h"

#include <algorithm>
#include <numeric>

#include <arrow/api.h>

#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"
#include "ops/expiry_index.h"
#include "ops/key_slots.h"
#include "ops/key_tombstones.h"
#include "ops/keyed_rows.h"
#include "ops/late_rows.h"
#include "ops/latest_rows.h"
#include "ops/passing_rows.h"
#include "ops/row_bytes.h"
#include "ops/row_width.h"
#include "ops/watermark_before.h"
#include "ops/window_assigner.h"

namespace millrace {
namespace {

using State = LatestRows::State;

constexpr std::int64_t kMaxRowsEmitted = 65'536;

std::vector<int> AllColumns(const arrow::Schema& schema) {
  std::vector<int> all(static_cast<std::size_t>(schema.num_fields()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

class Latest final : public Operator {
 public:
  Latest(LatestOptions options, std::vector<int> key_columns, std::shared_ptr<arrow::Schema> schema)
      : options_(std::move(options)),
        key_columns_(std::move(key_columns)),
        schema_(std::move(schema)),
        all_columns_(AllColumns(*schema_)),
        row_bytes_(schema_) {}

  Status AddTable(StateStore& store) {
    MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, &rows_));
    if (options_.ttl) expiry_.emplace(*options_.ttl, table_);
    return Status::Ok();
  }

  Status Process(Batch batch, Output& output) override {
    MR_RETURN_IF_ERROR(RemoveTombstonesWithoutKey(key_columns_, &batch, output));
    MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
    MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, table_->most_key_bytes(), &batch, output));
    MR_RETURN_IF_ERROR(RemoveWideRows(all_columns_, rows_.most_bytes(), &batch, output));
    if (!expiry_) return batch.num_rows() == 0 ? Status::Ok() : ProcessRows(std::move(batch), output);
    MR_RETURN_IF_ERROR(RemoveLateRows(*options_.ttl, &batch, output));
    // What expires between two rows leaves between them, rows of this batch too.
    for (std::int64_t begin = 0; begin < batch.num_rows();) {
      std::int64_t closes = expiry_->NextClose().value_or(std::numeric_limits<std::int64_t>::max());
      std::int64_t end = begin;
      for (; end < batch.num_rows() && WatermarkBefore(batch, end) < closes; ++end) {
        const std::int64_t expires = AddTime(batch.event_time->Value(end), options_.ttl->count());
        closes = std::min(closes, expiry_->ClosesAt(expires));
      }
      if (end == begin) {
        MR_RETURN_IF_ERROR(ExpireRows(Watermark(WatermarkBefore(batch, begin)), output));
        continue;
      }
      MR_RETURN_IF_ERROR(ProcessRows(SliceBatch(batch, begin, end - begin), output));
      begin = end;
    }
    return Status::Ok();
  }

  Status AdvanceTime(Watermark watermark, Output& output) override {
    return expiry_ ? ExpireRows(watermark, output) : Status::Ok();
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  std::int64_t ExpiryOf(std::uint32_t slot) const {
    return AddTime(rows_.place(slot).event_time_ms, options_.ttl->count());
  }

  Status ProcessRows(Batch batch, Output& output) {
    MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(key_columns_, *batch.data), &keys_));
    MR_RETURN_IF_ERROR(slots_.FindOrAdd(*table_, ExpiryIndex::kRows, keys_));
    origin_ = OriginRank(batch);
    passes_.assign(slots_.size(), 0);
    changed_.clear();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      const std::uint32_t slot = slots_[i];
      const State before = rows_.state(slot);
      const RowPlace place = RowPlace::Of(batch, origin_, row);
      if (before != State::kNone && place < rows_.place(slot)) continue;
      const bool deletes = batch.tombstone != nullptr && batch.tombstone->Value(row);
      passes_[i] = !deletes || before == State::kRow ? 1 : 0;
      rows_.SetPlace(slot, place, deletes ? State::kDeleted : State::kRow);
      changed_.push_back(slot);
      if (expiry_ && before == State::kNone) expiry_->Add(ExpiryOf(slot), keys_[i]);
    }
    table_->MarkDirty(changed_);
    MR_RETURN_IF_ERROR(KeepBytes(batch));
    if (expiry_) MR_RETURN_IF_ERROR(expiry_->Flush());
    return EmitPassing(std::move(batch), passes_, &keys_, output);
  }

  /// Keeps the bytes of the rows that are the latest at the end of the batch.
  Status KeepBytes(const Batch& batch) {
    MR_RETURN_IF_ERROR(row_bytes_.Start(batch.data));
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      if (passes_[i] == 0 || rows_.state(slots_[i]) != State::kRow) continue;
      if (RowPlace::Of(batch, origin_, row) != rows_.place(slots_[i])) continue;
      bytes_.clear();
      row_bytes_.Append(row, &bytes_);
      rows_.SetBytes(slots_[i], bytes_);
    }
    return Status::Ok();
  }

  Status ExpireRows(Watermark watermark, Output& output) {
    const auto read = [this](const KeyBuffer& keys, std::span<std::int64_t> expires_ms) {
      return ReadExpiries(keys, expires_ms);
    };
    return expiry_->Close(watermark, read, [&](const KeyBuffer& keys) { return Expire(keys, output); });
  }

  Status ReadExpiries(const KeyBuffer& keys, std::span<std::int64_t> expires_ms) {
    MR_RETURN_IF_ERROR(expired_.Find(*table_, ExpiryIndex::kRows, keys));
    for (std::size_t i = 0; i < expired_.size(); ++i) {
      if (expired_[i] != KeyedTable::kNoSlot) expires_ms[i] = ExpiryOf(expired_[i]);
    }
    return Status::Ok();
  }

  /// Removes rows and deletions; only rows leave as tombstones.
  Status Expire(const KeyBuffer& keys, Output& output) {
    MR_RETURN_IF_ERROR(expired_.Lookup(*table_, ExpiryIndex::kRows, keys));
    for (std::size_t i = 0; i < expired_.size(); ++i) {
      if (rows_.state(expired_[i]) == State::kRow) {
        gone_.Append(keys[i]);
        gone_times_ms_.push_back(ExpiryOf(expired_[i]));
      }
      table_->Erase(expired_[i]);
      if (gone_.num_rows() == kMaxRowsEmitted) MR_RETURN_IF_ERROR(EmitGone(output));
    }
    return EmitGone(output);
  }

  Status EmitGone(Output& output) {
    if (gone_.num_rows() == 0) return Status::Ok();
    MR_ASSIGN_OR_RETURN(Batch batch,
                        KeyTombstones(schema_, key_columns_, &gone_, std::exchange(gone_times_ms_, {})));
    batch.origin.partition = options_.origin;
    return output.Emit(std::move(batch));
  }

  const LatestOptions options_;
  const std::vector<int> key_columns_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::vector<int> all_columns_;

  LatestRows rows_;
  KeyedTable* table_ = nullptr;
  std::optional<ExpiryIndex> expiry_;

  // Of the batch under way; kept for their memory.
  std::uint64_t origin_ = 0;
  KeyBuffer keys_;
  KeySlots slots_;
  RowBytes row_bytes_;
  std::string bytes_;
  std::vector<std::uint8_t> passes_;
  std::vector<std::uint32_t> changed_;
  KeySlots expired_;
  KeyBuffer gone_;
  std::vector<std::int64_t> gone_times_ms_;
};

Result<std::vector<int>> CheckOptions(const LatestOptions& options, const arrow::Schema& input) {
  if (options.ttl && options.ttl->count() <= 0) {
    return Status::InvalidArgument("'ttl' must be longer than " + FormatDuration(*options.ttl));
  }
  if (options.by.empty()) return Status::InvalidArgument("'by' is empty; name the key columns");
  return KeyColumnIndices(options.by, input);
}

}  // namespace

Result<std::string> LatestLayout(const LatestOptions& options, const arrow::Schema& input) {
  MR_ASSIGN_OR_RETURN(const std::vector<int> key_columns, CheckOptions(options, input));
  return options.name + "=latest " + (options.ttl ? "ttl " + FormatDuration(*options.ttl) + " " : "") +
         "by " + ColumnsLayout(key_columns, input) + " of " + ColumnsLayout(AllColumns(input), input);
}

Result<std::unique_ptr<Operator>> MakeLatest(LatestOptions options,
                                             const std::shared_ptr<arrow::Schema>& input, StateStore* store) {
  MR_ASSIGN_OR_RETURN(std::vector<int> key_columns, CheckOptions(options, *input));
  auto made = std::make_unique<Latest>(std::move(options), std::move(key_columns), input);
  if (store != nullptr) MR_RETURN_IF_ERROR(made->AddTable(*store));
  return std::unique_ptr<Operator>(std::move(made));
}

}  // namespace millrace
