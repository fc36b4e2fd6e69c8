#include "codec/text/text_codec.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arrow/api.h>

#include "base/check.h"
#include "base/suggest.h"
#include "codec/json/json_column.h"
#include "codec/json/json_column_writer.h"
#include "codec/json/json_number.h"
#include "codec/json/json_parser.h"
#include "codec/row_tracker.h"

namespace millrace {
namespace {

/// Keys, or values, from columns.
class TextEncoder final : public Encoder {
 public:
  TextEncoder(KeyFormat format, std::vector<std::unique_ptr<json::ColumnWriter>> columns)
      : format_(format), columns_(std::move(columns)) {}

  Status Encode(const arrow::RecordBatch& rows, EncodedRows* out) override {
    MR_CHECK(rows.num_columns() == static_cast<int>(columns_.size()));
    for (int i = 0; i < rows.num_columns(); ++i)
      columns_[static_cast<std::size_t>(i)]->Bind(*rows.column_data(i));
    out->null.clear();
    out->offsets.resize(static_cast<std::size_t>(rows.num_rows()) + 1);
    json::Writer writer(&out->bytes);
    for (std::int64_t row = 0; row < rows.num_rows(); ++row) {
      out->offsets[static_cast<std::size_t>(row)] = writer.size();
      if (columns_.size() > 1) {
        WriteArray(row, &writer);
      } else if (columns_[0]->IsNull(row)) {
        out->null.resize(static_cast<std::size_t>(rows.num_rows()));
        out->null[static_cast<std::size_t>(row)] = true;
      } else if (format_ == KeyFormat::kJson) {
        columns_[0]->Write(row, &writer);
      } else {
        columns_[0]->WriteText(row, &writer);
      }
    }
    out->offsets[static_cast<std::size_t>(rows.num_rows())] = writer.size();
    writer.Finish();
    return {};
  }

 private:
  void WriteArray(std::int64_t row, json::Writer* writer) const {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      writer->Byte(i == 0 ? '[' : ',');
      columns_[i]->Write(row, writer);
    }
    writer->Byte(']');
  }

  const KeyFormat format_;
  const std::vector<std::unique_ptr<json::ColumnWriter>> columns_;
};

/// One column from keys or from values.
class TextDecoder final : public Decoder {
 public:
  enum class From { kKeys, kValues };

  TextDecoder(KeyFormat format, From from, std::shared_ptr<arrow::Field> field,
              std::unique_ptr<json::Column> column)
      : format_(format),
        from_(from),
        schema_(arrow::schema({std::move(field)})),
        column_(std::move(column)),
        parser_(column_.get(), {}) {}

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }

  Result<DecodedBlock> Decode(const RecordBlock& block) override {
    if (block.num_bytes() > std::numeric_limits<std::int32_t>::max()) {
      return Status::ResourceExhausted("a batch of " + std::to_string(block.num_bytes()) +
                                       " bytes cannot be decoded: the limit is 2 GiB; lower batch.bytes");
    }
    RowTracker tracker;
    column_->Reserve(block.num_records());
    const auto texts = from_ == From::kKeys ? block.keys() : block.values();
    const bool int64 = column_->kind == json::Kind::kInt64 && format_ == KeyFormat::kString;
    for (std::int64_t i = 0; i < block.num_records(); ++i) {
      const BytesView text = texts[static_cast<std::size_t>(i)];
      if (int64 && AppendPlainInt64(text)) {
        tracker.Row(i);
      } else {
        Record(i, text, &tracker);
      }
    }
    DecodedBlock decoded;
    decoded.rows = arrow::RecordBatch::Make(
        schema_, tracker.rows(), std::vector<std::shared_ptr<arrow::ArrayData>>{column_->Finish()});
    std::move(tracker).Finish(&decoded);
    return decoded;
  }

 private:
  /// What nearly all integer keys look like; false without a trace for any other text.
  bool AppendPlainInt64(BytesView text) {
    if (text.size == 0) return false;  // null too; and an empty view has no padding
    column_->GrowIfFull();
    if (json::ReadInt64(text.data, column_->As<std::int64_t>() + column_->length) != text.data + text.size)
      return false;
    ++column_->length;
    return true;
  }

  void Record(std::int64_t record, BytesView text, RowTracker* tracker) {
    if (!text.is_null()) {
      if (Append(text.view())) {
        tracker->Row(record);
      } else {
        column_->Truncate(tracker->rows());
        tracker->Failed(record, error_class_, message_);
      }
    } else if (from_ == From::kValues) {
      column_->AppendNull();
      tracker->Tombstone(record);
    } else if (column_->not_null) {
      tracker->Failed(record, "not_null",
                      "column '" + column_->path + "': the key is null, but declared not null");
    } else {
      column_->AppendNull();
      tracker->Row(record);
    }
  }

  /// False: error_class_ and message_ tell why.
  bool Append(std::string_view text) {
    if (format_ == KeyFormat::kJson || column_->kind == json::Kind::kRawJson) {
      if (parser_.ParseValue(text, column_.get())) return true;
      error_class_ = parser_.error_class();
      message_ = parser_.message();
      return false;
    }
    column_->GrowIfFull();
    switch (column_->kind) {
      case json::Kind::kString:
        if (format_ != KeyFormat::kBytes && !json::IsUtf8(text)) return Bad("is not UTF-8 text");
        return AppendText(text);
      case json::Kind::kBinary:
        return AppendText(text);
      case json::Kind::kUint64:
        return AppendInteger<std::uint64_t>(text);
      default:
        return AppendInteger<std::int64_t>(text);
    }
  }

  bool AppendText(std::string_view text) {
    std::uint8_t* to = column_->TextRoom(static_cast<std::int64_t>(text.size()));
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    column_->text_size += static_cast<std::int64_t>(text.size());
    column_->As<std::int32_t>()[++column_->length] = static_cast<std::int32_t>(column_->text_size);
    return true;
  }

  template <typename T>
  bool AppendInteger(std::string_view text) {
    T value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool fits = error == std::errc() && end == text.data() + text.size();
    if constexpr (std::is_signed_v<T>) fits = fits && value >= column_->int_min && value <= column_->int_max;
    if (!fits) return Bad("does not read as " + column_->type_text);
    std::memcpy(column_->values + column_->length * column_->width, &value,
                static_cast<std::size_t>(column_->width));
    ++column_->length;
    return true;
  }

  bool Bad(const std::string& what) {
    error_class_ = "decode";
    message_ = "column '" + column_->path + "': the " + (from_ == From::kKeys ? "key " : "value ") + what;
    return false;
  }

  // Constant after construction.
  const KeyFormat format_;
  const From from_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::unique_ptr<json::Column> column_;

  json::Parser parser_;
  std::string error_class_;
  std::string message_;
};

bool IsText(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::BINARY;
}

}  // namespace

Result<KeyFormat> ParseKeyFormat(std::string_view text) {
  if (text == "string") return KeyFormat::kString;
  if (text == "json") return KeyFormat::kJson;
  if (text == "bytes") return KeyFormat::kBytes;
  return Status::InvalidArgument("unknown key format '" + std::string(text) + "'; use string, json or bytes");
}

Result<std::unique_ptr<Encoder>> MakeKeyEncoder(KeyFormat format,
                                                const std::shared_ptr<arrow::Schema>& key_columns) {
  if (key_columns->num_fields() == 0)
    return Status::InvalidArgument("a message key needs at least one column");
  const auto& first = key_columns->field(0);
  if (format == KeyFormat::kBytes && (key_columns->num_fields() > 1 || !IsText(*first->type()))) {
    return Status::InvalidArgument("key_format bytes takes one string or binary column; '" + first->name() +
                                   "' needs key_format string or json");
  }
  std::vector<std::unique_ptr<json::ColumnWriter>> columns;
  for (const auto& field : key_columns->fields()) {
    MR_ASSIGN_OR_RETURN(auto column, json::ColumnWriter::Make(*field));
    if (!column->HasKeyForm()) {
      return Status::InvalidArgument(
          "column '" + field->name() + "' of type " + field->type()->ToString() +
          " has no form as a message key; use a string, integer, bool, date, timestamp, " +
          "decimal or binary column");
    }
    columns.push_back(std::move(column));
  }
  return std::make_unique<TextEncoder>(format, std::move(columns));
}

Result<std::unique_ptr<Decoder>> MakeKeyDecoder(KeyFormat format,
                                                const std::shared_ptr<arrow::Field>& field) {
  MR_ASSIGN_OR_RETURN(auto column, json::Column::Make(*field, field->name()));
  const bool integer = arrow::is_integer(field->type()->id());
  if (!IsText(*field->type()) && (!integer || format == KeyFormat::kBytes)) {
    return Status::InvalidArgument("the message key cannot become column '" + field->name() + "' of type " +
                                   column->type_text + "; use string, binary" +
                                   (format == KeyFormat::kBytes ? "" : " or an integer type"));
  }
  return std::make_unique<TextDecoder>(format, TextDecoder::From::kKeys, field, std::move(column));
}

Result<std::unique_ptr<Decoder>> MakeStringDecoder(const std::shared_ptr<arrow::Field>& field) {
  if (!IsText(*field->type())) {
    return Status::InvalidArgument("formats string and bytes give one string or binary column; '" +
                                   field->name() + "' has type " + field->type()->ToString());
  }
  MR_ASSIGN_OR_RETURN(auto column, json::Column::Make(*field, field->name()));
  return std::make_unique<TextDecoder>(KeyFormat::kString, TextDecoder::From::kValues, field,
                                       std::move(column));
}

Result<std::unique_ptr<Encoder>> MakeStringEncoder(const std::shared_ptr<arrow::Schema>& schema) {
  if (schema->num_fields() != 1 || !IsText(*schema->field(0)->type())) {
    return Status::InvalidArgument("formats string and bytes write one string or binary column; select one");
  }
  return MakeKeyEncoder(KeyFormat::kBytes, schema);
}

}  // namespace millrace
