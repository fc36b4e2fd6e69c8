#include "ops/explode.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"
#include "ops/row_width.h"

namespace millrace {
namespace {

constexpr std::int64_t kMostPieceRows = 65'536;
constexpr std::int64_t kMostPieceBytes = 32LL << 20;

class Explode final : public Operator {
 public:
  Explode(int column, bool keep_empty, std::shared_ptr<arrow::Schema> schema)
      : column_(column), keep_empty_(keep_empty), schema_(std::move(schema)) {}

  Status Process(Batch batch, Output& output) override {
    if (batch.num_rows() == 0) return Status::Ok();
    const auto& lists = static_cast<const arrow::ListArray&>(*batch.data->column(column_));
    MR_ASSIGN_ARROW(const auto others, batch.data->RemoveColumn(column_));
    const Batch beside = batch.WithData(others);  // a list is not repeated for each of its elements
    const std::vector<std::int64_t> row_bytes = RowWidths(*others);
    const std::vector<std::int64_t> element_bytes = ElementBytes(lists);
    std::int64_t dropped = 0;
    Piece piece;
    for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
      const auto row = static_cast<std::size_t>(i);
      const bool tombstone = batch.tombstone != nullptr && batch.tombstone->Value(i);
      const std::int64_t length = lists.IsValid(i) ? lists.value_length(i) : 0;
      if (length == 0 && (keep_empty_ || tombstone)) {
        MR_RETURN_IF_ARROW_ERROR(piece.rows.Append(static_cast<std::int32_t>(i)));
        MR_RETURN_IF_ARROW_ERROR(piece.elements.AppendNull());
        piece.bytes += row_bytes[row];
      } else if (length == 0) {
        ++dropped;
      }
      for (std::int64_t e = lists.value_offset(i); e < lists.value_offset(i) + length; ++e) {
        MR_RETURN_IF_ARROW_ERROR(piece.rows.Append(static_cast<std::int32_t>(i)));
        MR_RETURN_IF_ARROW_ERROR(piece.elements.Append(e));
        piece.bytes += row_bytes[row] + element_bytes[static_cast<std::size_t>(e - lists.value_offset(0))];
        if (piece.full()) MR_RETURN_IF_ERROR(Emit(beside, lists, &piece, output));
      }
      if (piece.full()) MR_RETURN_IF_ERROR(Emit(beside, lists, &piece, output));
    }
    output.CountFiltered(dropped);
    return piece.rows.length() == 0 ? Status::Ok() : Emit(beside, lists, &piece, output);
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  /// Rows that leave as one batch: of a few long lists beside long texts there may be any number of bytes.
  struct Piece {
    arrow::Int32Builder rows;      // input row of each output row
    arrow::Int64Builder elements;  // index into the values of the lists, null = no element
    std::int64_t bytes = 0;

    bool full() const { return rows.length() >= kMostPieceRows || bytes >= kMostPieceBytes; }
  };

  /// Of each element of the lists, from the first on.
  static std::vector<std::int64_t> ElementBytes(const arrow::ListArray& lists) {
    const std::int64_t first = lists.value_offset(0);
    const auto values = lists.values()->Slice(first, lists.value_offset(lists.length()) - first);
    return RowWidths(*arrow::RecordBatch::Make(arrow::schema({arrow::field("element", values->type())}),
                                               values->length(), {values}));
  }

  /// Empties `piece`. `beside`: the batch without the lists.
  Status Emit(const Batch& beside, const arrow::ListArray& lists, Piece* piece, Output& output) const {
    std::shared_ptr<arrow::Array> row_indices;
    std::shared_ptr<arrow::Array> element_indices;
    MR_RETURN_IF_ARROW_ERROR(piece->rows.Finish(&row_indices));
    MR_RETURN_IF_ARROW_ERROR(piece->elements.Finish(&element_indices));
    piece->bytes = 0;
    MR_ASSIGN_ARROW(auto values, arrow::compute::Take(*lists.values(), *element_indices));
    MR_ASSIGN_OR_RETURN(const Batch repeated,
                        TakeRows(beside, std::static_pointer_cast<arrow::Int32Array>(row_indices)));
    arrow::ArrayVector arrays = repeated.data->columns();
    arrays.insert(arrays.begin() + column_, std::move(values));
    return output.Emit(
        repeated.WithData(arrow::RecordBatch::Make(schema_, row_indices->length(), std::move(arrays))));
  }

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
