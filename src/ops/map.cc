#include "ops/map.h"

#include <arrow/api.h>

#include "base/counted.h"
#include "columnar/arrow_status.h"
#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"
#include "ops/batch_state.h"
#include "ops/expiry_index.h"
#include "ops/key_slots.h"
#include "ops/keyed_rows.h"
#include "ops/what_was_thrown.h"

namespace millrace {
namespace {

class Map final : public Operator {
 public:
  Map(MapOptions options, std::vector<int> key_columns, const std::shared_ptr<arrow::Schema>& input)
      : options_(std::move(options)),
        key_columns_(std::move(key_columns)),
        schema_(options_.columns == nullptr ? input : options_.columns),
        state_(options_.ttl ? options_.ttl->count() : ValueRows::kNever, &rows_) {}

  Status AddTable(StateStore& store) {
    MR_ASSIGN_OR_RETURN(table_, store.AddTable(options_.name, &rows_));
    if (options_.ttl) expiry_.emplace(*options_.ttl, table_);
    return Status::Ok();
  }

  Status Process(Batch batch, Output& output) override {
    MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
    MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
    MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, table_->most_key_bytes(), &batch, output));
    if (batch.num_rows() == 0) return Status::Ok();
    MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(key_columns_, *batch.data), &keys_));
    MR_RETURN_IF_ERROR(slots_.Find(*table_, ExpiryIndex::kRows, keys_));
    state_.Start(&batch, &keys_, slots_.slots());
    MR_ASSIGN_OR_RETURN(Batch results, Call(batch));
    MR_RETURN_IF_ERROR(KeepChanges());
    results.key = std::move(keys_).ToBinaryArray();
    if (!state_.failed().empty()) {
      std::vector<RowError> errors;
      for (const auto& [row, message] : state_.failed()) errors.push_back({row, "function", message});
      MR_ASSIGN_OR_RETURN(results, WithoutRows(results, errors));
      MR_RETURN_IF_ERROR(output.DeadLetter(batch, std::move(errors)));
    }
    return output.Emit(std::move(results));
  }

  Status AdvanceTime(Watermark watermark, Output& /*output*/) override {
    if (!expiry_) return Status::Ok();
    const auto read = [this](const KeyBuffer& keys, std::span<std::int64_t> expires_ms) -> Status {
      MR_RETURN_IF_ERROR(slots_.Find(*table_, ExpiryIndex::kRows, keys));
      for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i] != KeyedTable::kNoSlot) expires_ms[i] = rows_.expires_ms(slots_[i]);
      }
      return Status::Ok();
    };
    return expiry_->Close(watermark, read, [this](const KeyBuffer& keys) -> Status {
      MR_RETURN_IF_ERROR(slots_.Lookup(*table_, ExpiryIndex::kRows, keys));
      for (const std::uint32_t slot : slots_) table_->Erase(slot);
      return Status::Ok();
    });
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> CallFunction(const std::shared_ptr<arrow::RecordBatch>& rows) {
    try {
      return options_.function(rows, state_);
    } catch (...) {
      return Status::InvalidArgument("the function of step '" + options_.name +
                                     "' threw: " + WhatWasThrown());
    }
  }

  Result<Batch> Call(const Batch& batch) {
    MR_ASSIGN_OR_RETURN(const auto made, CallFunction(batch.data));
    if (made == nullptr || made->num_rows() != batch.num_rows()) {
      return Status::InvalidArgument("the function of step '" + options_.name + "' returned " +
                                     (made == nullptr ? "nothing" : Counted(made->num_rows(), "row")) +
                                     " for " + Counted(batch.num_rows(), "row") + "; return as many");
    }
    if (!made->schema()->Equals(*schema_, /*check_metadata=*/false)) {
      return Status::InvalidArgument("the function of step '" + options_.name + "' returned columns " +
                                     SchemaText(*made->schema()) + "; " + SchemaText(*schema_) +
                                     " were declared");
    }
    MR_RETURN_IF_ARROW_ERROR(made->Validate());
    // The key says which partition the rows are in.
    for (const int column : key_columns_) {
      const std::string& key = batch.data->schema()->field(column)->name();
      const auto before = batch.data->column(column);
      const auto after = made->GetColumnByName(key);
      if (after != nullptr &&
          (after == before || after->Equals(*before, arrow::EqualOptions::Defaults().nans_equal(true))))
        continue;
      return Status::InvalidArgument("the function of step '" + options_.name + "' changed key column '" +
                                     key + "'; return it as it is");
    }
    return batch.WithData(arrow::RecordBatch::Make(schema_, made->num_rows(), made->columns()));
  }

  /// Writes what the function put, and removes what it deleted.
  Status KeepChanges() {
    changed_keys_.Clear();
    changed_.clear();
    for (const BatchState::Entry& entry : state_.entries()) {
      // A key that was never kept, put and deleted again, is none.
      if (!entry.changed || (!entry.present && entry.slot == KeyedTable::kNoSlot)) continue;
      changed_keys_.Append(keys_[entry.first_row]);
      changed_.push_back(&entry);
    }
    if (changed_.empty()) return Status::Ok();
    MR_RETURN_IF_ERROR(slots_.Lookup(*table_, ExpiryIndex::kRows, changed_keys_));
    for (std::size_t i = 0; i < changed_.size(); ++i) {
      const BatchState::Entry& entry = *changed_[i];
      if (!entry.present) {
        table_->Erase(slots_[i]);
        continue;
      }
      const std::int64_t before = rows_.has(slots_[i]) ? rows_.expires_ms(slots_[i]) : ValueRows::kNever;
      rows_.Set(slots_[i], entry.value, entry.expires_ms);
      // One entry at or before the expiry is enough.
      if (expiry_ && expiry_->SliceOf(entry.expires_ms) < expiry_->SliceOf(before)) {
        expiry_->Add(entry.expires_ms, changed_keys_[i]);
      }
    }
    return expiry_ ? expiry_->Flush() : Status::Ok();
  }

  const MapOptions options_;
  const std::vector<int> key_columns_;
  const std::shared_ptr<arrow::Schema> schema_;

  ValueRows rows_;
  KeyedTable* table_ = nullptr;
  std::optional<ExpiryIndex> expiry_;

  // Of the batch under way; kept for their memory.
  BatchState state_;
  KeyBuffer keys_;
  KeySlots slots_;
  KeyBuffer changed_keys_;
  std::vector<const BatchState::Entry*> changed_;
};

Result<std::vector<int>> CheckOptions(const MapOptions& options, const arrow::Schema& input) {
  if (options.ttl && options.ttl->count() <= 0) {
    return Status::InvalidArgument("the time to live must be longer than " + FormatDuration(*options.ttl));
  }
  if (options.by.empty()) return Status::InvalidArgument("the state has no key; name the key columns");
  if (options.function == nullptr) return Status::InvalidArgument("there is no function");
  return KeyColumnIndices(options.by, input);
}

}  // namespace

Result<std::string> MapLayout(const MapOptions& options, const arrow::Schema& input) {
  MR_ASSIGN_OR_RETURN(const std::vector<int> key_columns, CheckOptions(options, input));
  return options.name + "=values " + (options.ttl ? "ttl " + FormatDuration(*options.ttl) + " " : "") +
         "by " + ColumnsLayout(key_columns, input);
}

Result<std::unique_ptr<Operator>> MakeMap(MapOptions options, const std::shared_ptr<arrow::Schema>& input,
                                          StateStore* store) {
  MR_ASSIGN_OR_RETURN(std::vector<int> key_columns, CheckOptions(options, *input));
  auto made = std::make_unique<Map>(std::move(options), std::move(key_columns), input);
  if (store != nullptr) MR_RETURN_IF_ERROR(made->AddTable(*store));
  return std::unique_ptr<Operator>(std::move(made));
}

}  // namespace millrace
