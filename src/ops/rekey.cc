#include "ops/rekey.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"
#include "columnar/key_encoding.h"

namespace millrace {
namespace {

class Rekey final : public Operator {
 public:
  Rekey(std::vector<int> columns, NullKeyPolicy null_key, std::shared_ptr<arrow::Schema> schema)
      : columns_(std::move(columns)), null_key_(null_key), schema_(std::move(schema)) {}

  Status Process(Batch batch, Output& output) override {
    if (batch.tombstone != nullptr) {
      MR_ASSIGN_ARROW(const arrow::Datum present, arrow::compute::CallFunction("invert", {batch.tombstone}));
      const std::int64_t before = batch.num_rows();
      MR_ASSIGN_OR_RETURN(batch,
                          FilterBatch(batch, static_cast<const arrow::BooleanArray&>(*present.make_array())));
      batch.tombstone = nullptr;
      output.CountAbsorbed(before - batch.num_rows());
    }
    if (null_key_ != NullKeyPolicy::kGroup) MR_RETURN_IF_ERROR(RemoveNullKeys(&batch, output));
    if (batch.num_rows() == 0) return Status::Ok();
    if (columns_.empty()) {
      MR_ASSIGN_ARROW(auto empty,
                      arrow::MakeArrayFromScalar(
                          *arrow::MakeScalar(arrow::binary(), arrow::Buffer::FromString("")).ValueOrDie(),
                          batch.num_rows()));
      batch.key = std::static_pointer_cast<arrow::BinaryArray>(std::move(empty));
      return output.Emit(std::move(batch));
    }
    MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(batch), &keys_));
    batch.key = std::move(keys_).ToBinaryArray();
    return output.Emit(std::move(batch));
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  std::vector<std::shared_ptr<arrow::Array>> KeyArrays(const Batch& batch) const {
    std::vector<std::shared_ptr<arrow::Array>> out;
    for (const int column : columns_) out.push_back(batch.data->column(column));
    return out;
  }

  Status RemoveNullKeys(Batch* batch, Output& output) const {
    MR_ASSIGN_OR_RETURN(const auto nulls, RowsWithNull(KeyArrays(*batch)));
    if (nulls == nullptr) return Status::Ok();
    std::vector<RowError> errors;
    for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
      if (nulls->Value(i)) errors.push_back({i, "null_key", "a key column is null: " + KeyNames()});
    }
    MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(*batch, errors));
    if (null_key_ == NullKeyPolicy::kDrop) {
      output.CountFiltered(static_cast<std::int64_t>(errors.size()));
    } else {
      MR_RETURN_IF_ERROR(output.DeadLetter(*batch, std::move(errors)));
    }
    *batch = std::move(kept);
    return Status::Ok();
  }

  std::string KeyNames() const {
    std::string out;
    for (const int column : columns_) out += (out.empty() ? "" : ", ") + schema_->field(column)->name();
    return out;
  }

  const std::vector<int> columns_;
  const NullKeyPolicy null_key_;
  const std::shared_ptr<arrow::Schema> schema_;
  KeyBuffer keys_;  // reused between batches
};

}  // namespace

Result<std::unique_ptr<Operator>> MakeRekey(const std::vector<std::string>& columns, NullKeyPolicy null_key,
                                            std::shared_ptr<arrow::Schema> input) {
  std::vector<int> indices;
  for (const std::string& column : columns) {
    const int index = input->GetFieldIndex(column);
    if (index < 0) return Status::InvalidArgument("the key column '" + column + "' does not exist");
    if (!IsKeyType(*input->field(index)->type())) {
      return Status::InvalidArgument("column '" + column + "' is " + input->field(index)->type()->ToString() +
                                     ", which cannot be a key");
    }
    indices.push_back(index);
  }
  return std::unique_ptr<Operator>(std::make_unique<Rekey>(std::move(indices), null_key, std::move(input)));
}

}  // namespace millrace
