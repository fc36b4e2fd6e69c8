#include <cstring>

#include <arrow/api.h>

#include "base/check.h"
#include "codec/json/json_codec.h"
#include "codec/json/json_column_writer.h"

namespace millrace {
namespace {

class JsonEncoder final : public Encoder {
 public:
  explicit JsonEncoder(std::shared_ptr<arrow::Schema> schema,
                       std::vector<std::unique_ptr<json::ColumnWriter>> columns,
                       std::vector<json::PaddedText> prefixes)
      : schema_(std::move(schema)), columns_(std::move(columns)), prefixes_(std::move(prefixes)) {}

  Status Encode(const arrow::RecordBatch& rows, EncodedRows* out) override {
    MR_CHECK(rows.num_columns() == static_cast<int>(columns_.size()))
        << rows.num_columns() << " columns, but the encoder was made for " << columns_.size();
    for (int i = 0; i < rows.num_columns(); ++i) {
      MR_CHECK(rows.schema()->field(i)->type()->Equals(*schema_->field(i)->type()))
          << schema_->field(i)->ToString();
      columns_[static_cast<std::size_t>(i)]->Bind(*rows.column_data(i));
    }
    out->null.clear();
    out->offsets.resize(static_cast<std::size_t>(rows.num_rows()) + 1);
    json::Writer writer(&out->bytes);
    for (std::int64_t row = 0; row < rows.num_rows(); ++row) {
      out->offsets[static_cast<std::size_t>(row)] = writer.size();
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        writer.Constant(prefixes_[i]);
        columns_[i]->Write(row, &writer);
      }
      writer.Raw(columns_.empty() ? "{}" : "}");
    }
    out->offsets[static_cast<std::size_t>(rows.num_rows())] = writer.size();
    writer.Finish();
    return {};
  }

 private:
  // Constant after construction.
  const std::shared_ptr<arrow::Schema> schema_;
  const std::vector<std::unique_ptr<json::ColumnWriter>> columns_;
  const std::vector<json::PaddedText> prefixes_;  // `{"first":`, `,"second":`, ...
};

}  // namespace

Result<std::unique_ptr<Encoder>> MakeJsonEncoder(const std::shared_ptr<arrow::Schema>& schema) {
  std::vector<std::unique_ptr<json::ColumnWriter>> columns;
  std::vector<json::PaddedText> prefixes;
  for (const auto& field : schema->fields()) {
    MR_ASSIGN_OR_RETURN(auto column, json::ColumnWriter::Make(*field));
    columns.push_back(std::move(column));
    prefixes.push_back(json::KeyPrefix(prefixes.empty() ? '{' : ',', field->name()));
  }
  return std::make_unique<JsonEncoder>(schema, std::move(columns), std::move(prefixes));
}

}  // namespace millrace
