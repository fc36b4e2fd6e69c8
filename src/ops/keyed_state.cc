#include "millrace/keyed_state.h"

#include <span>
#include <stdexcept>

#include <arrow/api.h>

#include "columnar/arrow_status.h"
#include "ops/row_bytes.h"

namespace millrace {
namespace {

std::shared_ptr<arrow::Schema> OneColumn(const std::shared_ptr<arrow::DataType>& type) {
  return arrow::schema({arrow::field("value", type)});
}

template <typename T>
T OrThrow(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return *std::move(result);
}

Result<std::string> Written(const arrow::Scalar& value) {
  MR_ASSIGN_ARROW(auto column, arrow::MakeArrayFromScalar(value, 1));
  const auto schema = OneColumn(value.type);
  RowBytes writer(schema);
  MR_RETURN_IF_ERROR(writer.Start(arrow::RecordBatch::Make(schema, 1, {std::move(column)})));
  std::string bytes;
  writer.Append(0, &bytes);
  return bytes;
}

Result<std::shared_ptr<arrow::Scalar>> Read(std::string_view bytes,
                                            const std::shared_ptr<arrow::DataType>& type) {
  const RowBytes reader(OneColumn(type));
  MR_ASSIGN_OR_RETURN(const auto rows, reader.Decode(std::span(&bytes, 1)));
  MR_ASSIGN_ARROW(auto value, rows->column(0)->GetScalar(0));
  return value;
}

}  // namespace

std::shared_ptr<arrow::Scalar> KeyedState::GetScalar(std::int64_t row,
                                                     const std::shared_ptr<arrow::DataType>& type) const {
  const std::optional<std::string_view> bytes = Get(row);
  return bytes ? OrThrow(Read(*bytes, type)) : nullptr;
}

void KeyedState::PutScalar(std::int64_t row, const arrow::Scalar& value) {
  Put(row, OrThrow(Written(value)));
}

}  // namespace millrace
