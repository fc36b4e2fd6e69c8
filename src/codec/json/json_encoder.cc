#include <cstring>

#include <arrow/api.h>

#include "base/check.h"
#include "codec/json/json_codec.h"
#include "codec/json/json_column_writer.h"

namespace millrace {
namespace {

class JsonEncoder final : public Encoder {
 public:
  /// `sparse`: without fields that are null.
  static Result<std::unique_ptr<Encoder>> Make(const std::shared_ptr<arrow::Schema>& schema, bool sparse) {
    std::unique_ptr<JsonEncoder> made(new JsonEncoder(schema, sparse));
    for (const auto& field : schema->fields()) {
      MR_ASSIGN_OR_RETURN(auto column, json::ColumnWriter::Make(*field));
      made->columns_.push_back(std::move(column));
      made->prefixes_.push_back(json::KeyPrefix(made->prefixes_.empty() ? '{' : ',', field->name()));
    }
    return std::unique_ptr<Encoder>(std::move(made));
  }

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
      if (sparse_) {
        if (!json::WriteSparseFields(columns_, prefixes_, row, &writer)) writer.Raw("{}");
      } else {
        WriteAll(row, &writer);
      }
    }
    out->offsets[static_cast<std::size_t>(rows.num_rows())] = writer.size();
    writer.Finish();
    return {};
  }

 private:
  JsonEncoder(std::shared_ptr<arrow::Schema> schema, bool sparse)
      : schema_(std::move(schema)), sparse_(sparse) {}

  void WriteAll(std::int64_t row, json::Writer* writer) const {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      writer->Constant(prefixes_[i]);
      columns_[i]->Write(row, writer);
    }
    writer->Raw(columns_.empty() ? "{}" : "}");
  }

  // Constant after Make.
  const std::shared_ptr<arrow::Schema> schema_;
  const bool sparse_;
  std::vector<std::unique_ptr<json::ColumnWriter>> columns_;
  std::vector<json::PaddedText> prefixes_;  // `{"first":`, `,"second":`, ...
};

}  // namespace

Result<std::unique_ptr<Encoder>> MakeJsonEncoder(const std::shared_ptr<arrow::Schema>& schema) {
  return JsonEncoder::Make(schema, /*sparse=*/false);
}

Result<std::unique_ptr<Encoder>> MakeSparseJsonEncoder(const std::shared_ptr<arrow::Schema>& schema) {
  return JsonEncoder::Make(schema, /*sparse=*/true);
}

}  // namespace millrace
