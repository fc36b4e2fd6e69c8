#include "ops/row_bytes.h"

#include <cstring>

#include <arrow/api.h>

#include "columnar/row_text.h"
#include "ops/keyed_rows.h"

namespace millrace {
namespace {

void AppendPart(std::string_view part, std::string* out) {
  const auto size = static_cast<std::uint32_t>(part.size());
  char bytes[sizeof(size)];
  std::memcpy(bytes, &size, sizeof(size));
  out->append(bytes, sizeof(bytes)).append(part);
}

Result<std::string_view> TakePart(std::string_view* bytes) {
  std::uint32_t size;
  if (bytes->size() < sizeof(size)) return Status::Corrupt("a row of the state is cut short");
  std::memcpy(&size, bytes->data(), sizeof(size));
  bytes->remove_prefix(sizeof(size));
  if (bytes->size() < size) return Status::Corrupt("a row of the state is cut short");
  const std::string_view part = bytes->substr(0, size);
  bytes->remove_prefix(size);
  return part;
}

}  // namespace

RowBytes::RowBytes(const std::shared_ptr<arrow::Schema>& schema) : schema_(schema) {
  for (int i = 0; i < schema_->num_fields(); ++i) {
    (IsKeyType(*schema_->field(i)->type()) ? flat_ : nested_).push_back(i);
  }
}

Status RowBytes::Start(std::shared_ptr<arrow::RecordBatch> rows) {
  rows_ = std::move(rows);
  return flat_.empty() ? Status::Ok() : EncodeKeys(KeyArrays(flat_, *rows_), &flat_bytes_);
}

void RowBytes::Append(std::int64_t row, std::string* out) const {
  AppendPart(flat_.empty() ? std::string_view() : flat_bytes_[static_cast<std::size_t>(row)], out);
  for (const int column : nested_) AppendPart(CellText(*rows_->column(column), row), out);
}

Result<std::shared_ptr<arrow::RecordBatch>> RowBytes::Decode(std::span<const std::string_view> rows) const {
  KeyBuffer flat;
  std::vector<TextRow> texts;
  for (std::string_view bytes : rows) {
    MR_ASSIGN_OR_RETURN(const std::string_view part, TakePart(&bytes));
    flat.Append(part);
    std::string line;
    for (const int column : nested_) {
      MR_ASSIGN_OR_RETURN(const std::string_view text, TakePart(&bytes));
      line += (line.empty() ? "c" : " c") + std::to_string(column) + "=" + std::string(text);
    }
    if (!bytes.empty()) return Status::Corrupt("a row of the state is too long");
    MR_ASSIGN_OR_RETURN(TextRow cells, ParseTextRow(line));
    texts.push_back(std::move(cells));
  }
  arrow::ArrayVector columns(static_cast<std::size_t>(schema_->num_fields()));
  arrow::FieldVector flat_fields, nested_fields;
  for (const int column : flat_) flat_fields.push_back(schema_->field(column));
  for (const int column : nested_) {
    nested_fields.push_back(schema_->field(column)->WithName("c" + std::to_string(column)));
  }
  if (!flat_.empty()) {
    MR_ASSIGN_OR_RETURN(const auto arrays, DecodeKeys(flat.data(), flat.offsets(), flat_fields));
    for (std::size_t i = 0; i < flat_.size(); ++i) columns[static_cast<std::size_t>(flat_[i])] = arrays[i];
  }
  if (!nested_.empty()) {
    MR_ASSIGN_OR_RETURN(const auto read, RowsFromText(texts, arrow::schema(std::move(nested_fields))));
    for (std::size_t i = 0; i < nested_.size(); ++i) {
      columns[static_cast<std::size_t>(nested_[i])] = read->column(static_cast<int>(i));
    }
  }
  return arrow::RecordBatch::Make(schema_, static_cast<std::int64_t>(rows.size()), std::move(columns));
}

}  // namespace millrace
