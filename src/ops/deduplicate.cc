#include "ops/deduplicate.h"

#include <span>
#include <utility>

#include <arrow/api.h>

#include "columnar/key_encoding.h"
#include "ops/keyed_rows.h"
#include "ops/late_rows.h"
#include "ops/passed_keys.h"
#include "ops/passing_rows.h"

namespace millrace {
namespace {

class Deduplicate final : public Operator {
 public:
  Deduplicate(DeduplicateOptions options, std::vector<int> key_columns, std::shared_ptr<arrow::Schema> schema)
      : options_(std::move(options)),
        key_columns_(std::move(key_columns)),
        schema_(std::move(schema)),
        passed_(options_.within, options_.within) {}

  Status AddTable(StateStore& store) { return passed_.AddTable(store, options_.name); }

  Status Process(Batch batch, Output& output) override {
    MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
    MR_RETURN_IF_ERROR(RemoveNullKeys(key_columns_, options_.null_key, &batch, output));
    MR_RETURN_IF_ERROR(RemoveLongKeys(key_columns_, passed_.most_key_bytes(), &batch, output));
    MR_RETURN_IF_ERROR(RemoveLateRows(options_.within, &batch, output));
    if (batch.num_rows() == 0) return Status::Ok();
    MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(key_columns_, *batch.data), &keys_));
    MR_RETURN_IF_ERROR(Judge(batch));
    return EmitPassing(std::move(batch), passes_, &keys_, output);
  }

  Status AdvanceTime(Watermark watermark, Output& /*output*/) override { return passed_.Forget(watermark); }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  /// Decides which rows pass.
  Status Judge(const Batch& batch) {
    const std::int64_t rows = batch.num_rows();
    for (auto next = static_cast<std::int64_t>(rows_.size()); next < rows; ++next) rows_.push_back(next);
    passes_.assign(static_cast<std::size_t>(rows), 1);
    const PassedKeys::Rows keyed{.keys = keys_,
                                 .rows = std::span(rows_).first(static_cast<std::size_t>(rows)),
                                 .times_ms = batch.event_time->raw_values()};
    MR_RETURN_IF_ERROR(passed_.FindRepeats(keyed, &passes_));
    MR_RETURN_IF_ERROR(passed_.Add(keyed, passes_));
    for (std::int64_t row = 0; row < rows; ++row) {
      std::uint8_t& passes = passes_[static_cast<std::size_t>(row)];
      if (passes == 0) continue;
      if (passed_.IsRepeat(row)) {
        passes = 0;
      } else {
        passed_.Pass(row);
      }
    }
    passed_.End();
    return Status::Ok();
  }

  const DeduplicateOptions options_;
  const std::vector<int> key_columns_;
  const std::shared_ptr<arrow::Schema> schema_;
  PassedKeys passed_;

  // Of the batch under way; kept for their memory.
  KeyBuffer keys_;
  std::vector<std::int64_t> rows_;  // 0, 1, 2, ...
  std::vector<std::uint8_t> passes_;
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
