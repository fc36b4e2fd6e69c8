#include "ops/rekey.h"

#include <arrow/api.h>

#include "columnar/arrow_status.h"
#include "columnar/key_encoding.h"
#include "ops/keyed_rows.h"

namespace millrace {
namespace {

class Rekey final : public Operator {
 public:
  Rekey(std::vector<int> columns, NullKeyPolicy null_key, std::shared_ptr<arrow::Schema> schema)
      : columns_(std::move(columns)), null_key_(null_key), schema_(std::move(schema)) {}

  Status Process(Batch batch, Output& output) override {
    MR_RETURN_IF_ERROR(RemoveTombstones(&batch, output));
    MR_RETURN_IF_ERROR(RemoveNullKeys(columns_, null_key_, &batch, output));
    if (batch.num_rows() == 0) return Status::Ok();
    if (columns_.empty()) {
      keys_.Clear();
      for (std::int64_t i = 0; i < batch.num_rows(); ++i) keys_.Append("");
    } else {
      MR_RETURN_IF_ERROR(EncodeKeys(KeyArrays(columns_, *batch.data), &keys_));
    }
    batch.key = std::move(keys_).ToBinaryArray();
    return output.Emit(std::move(batch));
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  const std::vector<int> columns_;
  const NullKeyPolicy null_key_;
  const std::shared_ptr<arrow::Schema> schema_;
  KeyBuffer keys_;  // reused between batches
};

}  // namespace

Result<std::unique_ptr<Operator>> MakeRekey(const std::vector<std::string>& columns, NullKeyPolicy null_key,
                                            std::shared_ptr<arrow::Schema> input) {
  MR_ASSIGN_OR_RETURN(std::vector<int> indices, KeyColumnIndices(columns, *input));
  return std::unique_ptr<Operator>(std::make_unique<Rekey>(std::move(indices), null_key, std::move(input)));
}

}  // namespace millrace
