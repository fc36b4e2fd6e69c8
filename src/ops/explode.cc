#include "ops/explode.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

class Explode final : public Operator {
 public:
  Explode(int column, bool keep_empty, std::shared_ptr<arrow::Schema> schema)
      : column_(column), keep_empty_(keep_empty), schema_(std::move(schema)) {}

  Status Process(Batch batch, Output& output) override {
    const auto& lists = static_cast<const arrow::ListArray&>(*batch.data->column(column_));
    arrow::Int32Builder rows;      // input row of each output row
    arrow::Int64Builder elements;  // index into lists.values(), null = no element
    std::int64_t dropped = 0;
    for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
      const bool tombstone = batch.tombstone != nullptr && batch.tombstone->Value(i);
      const std::int64_t length = lists.IsValid(i) ? lists.value_length(i) : 0;
      if (length == 0 && (keep_empty_ || tombstone)) {
        MR_RETURN_IF_ARROW_ERROR(rows.Append(static_cast<std::int32_t>(i)));
        MR_RETURN_IF_ARROW_ERROR(elements.AppendNull());
      } else if (length == 0) {
        ++dropped;
      }
      for (std::int64_t e = 0; e < length; ++e) {
        MR_RETURN_IF_ARROW_ERROR(rows.Append(static_cast<std::int32_t>(i)));
        MR_RETURN_IF_ARROW_ERROR(elements.Append(lists.value_offset(i) + e));
      }
    }
    output.CountFiltered(dropped);
    std::shared_ptr<arrow::Array> row_indices;
    std::shared_ptr<arrow::Array> element_indices;
    MR_RETURN_IF_ARROW_ERROR(rows.Finish(&row_indices));
    MR_RETURN_IF_ARROW_ERROR(elements.Finish(&element_indices));
    MR_ASSIGN_ARROW(auto values, arrow::compute::Take(*lists.values(), *element_indices));
    MR_ASSIGN_OR_RETURN(Batch repeated,
                        TakeRows(batch, std::static_pointer_cast<arrow::Int32Array>(row_indices)));
    arrow::ArrayVector arrays = repeated.data->columns();
    arrays[static_cast<std::size_t>(column_)] = std::move(values);
    return output.Emit(
        repeated.WithData(arrow::RecordBatch::Make(schema_, row_indices->length(), std::move(arrays))));
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  const int column_;
  const bool keep_empty_;
  const std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

Result<std::unique_ptr<Operator>> MakeExplode(const std::string& column, bool keep_empty,
                                              const arrow::Schema& input) {
  const int index = input.GetFieldIndex(column);
  if (index < 0) return Status::InvalidArgument("explode: there is no column '" + column + "'");
  const auto& field = input.field(index);
  if (field->type()->id() != arrow::Type::LIST) {
    return Status::InvalidArgument("explode: column '" + column + "' is " + field->type()->ToString() +
                                   ", not a list");
  }
  arrow::FieldVector fields = input.fields();
  fields[static_cast<std::size_t>(index)] =
      arrow::field(column, static_cast<const arrow::ListType&>(*field->type()).value_type());
  return std::unique_ptr<Operator>(
      std::make_unique<Explode>(index, keep_empty, arrow::schema(std::move(fields))));
}

}  // namespace millrace
