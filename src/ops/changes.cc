#include "ops/changes.h"

#include <algorithm>

#include <arrow/api.h>

#include "base/suggest.h"
#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"
#include "ops/bytes_rows.h"
#include "ops/key_lives.h"
#include "ops/key_slots.h"
#include "ops/keyed_rows.h"
#include "ops/passing_rows.h"
#include "ops/row_width.h"
#include "ops/watermark_before.h"

namespace millrace {
namespace {

struct Columns {
  std::vector<int> key;
  std::vector<int> compared;
};

class Changes final : public Operator {
 public:
  Changes(ChangesOptions options, Columns columns, std::shared_ptr<arrow::Schema> schema)
      : options_(std::move(options)),
        columns_(std::move(columns)),
        schema_(std::move(schema)),
        lives_(options_.ttl, &last_) {}

  Status AddTable(StateStore& store) {
    MR_ASSIGN_OR_RETURN(table_, lives_.AddTable(options_.name, store));
    return Status::Ok();
  }

  Status Process(Batch batch, Output& output) override {
    MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
    MR_RETURN_IF_ERROR(RemoveNullKeys(columns_.key, options_.null_key, &batch, output));
    MR_RETURN_IF_ERROR(RemoveLongKeys(columns_.key, table_->most_key_bytes(), &batch, output));
    MR_RETURN_IF_ERROR(RemoveWideRows(columns_.compared, last_.most_bytes(), &batch, output));
    MR_RETURN_IF_ERROR(lives_.RemoveLate(&batch, output));
    if (batch.num_rows() == 0) return Status::Ok();
    MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(columns_.key, *batch.data), &keys_));
    MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(columns_.compared, *batch.data), &values_));
    MR_RETURN_IF_ERROR(slots_.FindOrAdd(*table_, lives_.slice(), keys_));
    passes_.assign(slots_.size(), 0);
    changed_.clear();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const std::uint32_t slot = slots_[i];
      bool known = last_.has(slot);
      if (lives_.limited()) {
        const auto row = static_cast<std::int64_t>(i);
        known = known && !lives_.Ended(slot, WatermarkBefore(batch, row));
        if (lives_.See(slot, batch.event_time->Value(row), keys_[i])) changed_.push_back(slot);
      }
      if (known && last_[slot] == values_[i]) continue;
      passes_[i] = 1;
      last_.Set(slot, values_[i]);
      changed_.push_back(slot);
    }
    table_->MarkDirty(changed_);
    if (lives_.limited()) MR_RETURN_IF_ERROR(lives_.Flush());
    return EmitPassing(std::move(batch), passes_, &keys_, output);
  }

  Status AdvanceTime(Watermark watermark, Output& /*output*/) override {
    return lives_.AdvanceTime(watermark);
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  const ChangesOptions options_;
  const Columns columns_;
  const std::shared_ptr<arrow::Schema> schema_;

  BytesRows last_;
  KeyLives lives_;  // over last_
  KeyedTable* table_ = nullptr;

  // Of the batch under way; kept for their memory.
  KeyBuffer keys_;
  KeyBuffer values_;
  KeySlots slots_;
  std::vector<std::uint8_t> passes_;
  std::vector<std::uint32_t> changed_;
};

Result<Columns> CheckOptions(const ChangesOptions& options, const arrow::Schema& input) {
  if (options.by.empty()) return Status::InvalidArgument("'by' is empty; name the key columns");
  MR_RETURN_IF_ERROR(KeyLives::Check(options.ttl));
  if (options.columns.empty()) return Status::InvalidArgument("'columns' is empty; name what is compared");
  Columns columns;
  MR_ASSIGN_OR_RETURN(columns.key, KeyColumnIndices(options.by, input));
  for (const std::string& name : options.columns) {
    const int index = input.GetFieldIndex(name);
    if (index < 0) {
      return Status::InvalidArgument("there is no column '" + name + "' to compare" +
                                     DidYouMean(name, input.field_names()));
    }
    const auto& type = *input.field(index)->type();
    if (!IsKeyType(type)) {
      return Status::InvalidArgument(
          "column '" + name + "' is " + TypeText(type) +
          ", which cannot be compared; compare its fields, in columns of their own");
    }
    columns.compared.push_back(index);
  }
  return columns;
}

}  // namespace

Result<std::string> ChangesLayout(const ChangesOptions& options, const arrow::Schema& input) {
  MR_ASSIGN_OR_RETURN(const Columns columns, CheckOptions(options, input));
  return options.name + "=changes" + KeyLives::Layout(options.ttl) + " of " +
         ColumnsLayout(columns.compared, input) + " by " + ColumnsLayout(columns.key, input);
}

Result<std::unique_ptr<Operator>> MakeChanges(ChangesOptions options,
                                              const std::shared_ptr<arrow::Schema>& input,
                                              StateStore* store) {
  MR_ASSIGN_OR_RETURN(Columns columns, CheckOptions(options, *input));
  auto made = std::make_unique<Changes>(std::move(options), std::move(columns), input);
  if (store != nullptr) MR_RETURN_IF_ERROR(made->AddTable(*store));
  return std::unique_ptr<Operator>(std::move(made));
}

}  // namespace millrace
