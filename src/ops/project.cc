#include "ops/project.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"
#include "columnar/tombstone_column.h"
#include "ops/row_errors.h"

namespace millrace {
namespace {

/// The payload of a tombstone stays null, whatever an expression makes of nulls (R2).
Result<std::shared_ptr<arrow::Array>> NullInTombstones(std::shared_ptr<arrow::Array> values,
                                                       const Batch& batch) {
  if (batch.tombstone == nullptr || batch.tombstone->true_count() == 0) return values;
  const auto null = arrow::MakeNullScalar(values->type());
  MR_ASSIGN_ARROW(const arrow::Datum masked,
                  arrow::compute::CallFunction("if_else", {batch.tombstone, null, values}));
  return masked.make_array();
}

class Project final : public Operator {
 public:
  Project(std::vector<Projection> columns, std::shared_ptr<arrow::Schema> schema, TombstoneValues tombstones)
      : columns_(std::move(columns)), schema_(std::move(schema)), tombstones_(tombstones) {}

  Status Process(Batch batch, Output& output) override {
    arrow::ArrayVector arrays;
    arrays.reserve(columns_.size());
    std::vector<std::vector<RowError>> errors;
    MR_ASSIGN_OR_RETURN(const auto rows, WithTombstoneColumn(batch));
    for (const Projection& column : columns_) {
      if (const int* index = std::get_if<int>(&column.value)) {
        arrays.push_back(batch.data->column(*index));
        continue;
      }
      MR_ASSIGN_OR_RETURN(ExprValues evaluated, std::get<BoundExpr>(column.value).Evaluate(*rows));
      if (!evaluated.errors.empty())
        errors.push_back(ToRowErrors(std::move(evaluated.errors), batch.tombstone.get()));
      if (tombstones_ == TombstoneValues::kNull) {
        MR_ASSIGN_OR_RETURN(evaluated.values, NullInTombstones(std::move(evaluated.values), batch));
      }
      arrays.push_back(std::move(evaluated.values));
    }
    Batch projected = batch.WithData(arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(arrays)));
    std::vector<RowError> failed = MergeRowErrors(std::move(errors));
    if (failed.empty()) return output.Emit(std::move(projected));
    MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(projected, failed));
    MR_RETURN_IF_ERROR(output.DeadLetter(batch, std::move(failed)));
    return output.Emit(std::move(kept));
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  const std::vector<Projection> columns_;
  const std::shared_ptr<arrow::Schema> schema_;
  const TombstoneValues tombstones_;
};

}  // namespace

Result<std::unique_ptr<Operator>> MakeProject(std::vector<Projection> columns, const arrow::Schema& input,
                                              TombstoneValues tombstones) {
  arrow::FieldVector fields;
  for (const Projection& column : columns) {
    if (const int* index = std::get_if<int>(&column.value)) {
      MR_CHECK(*index >= 0 && *index < input.num_fields());
      fields.push_back(input.field(*index)->WithName(column.name));
    } else {
      fields.push_back(arrow::field(column.name, std::get<BoundExpr>(column.value).type()));
    }
  }
  return std::unique_ptr<Operator>(
      std::make_unique<Project>(std::move(columns), arrow::schema(std::move(fields)), tombstones));
}

}  // namespace millrace
