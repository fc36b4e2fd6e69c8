#include "engine/commands/record_json.h"

#include <utility>

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include "codec/json/base64.h"
#include "codec/json/json_codec.h"
#include "codec/json/json_string.h"
#include "engine/yaml/json_value.h"

namespace millrace {
namespace {

constexpr const char* kUnknown = "unknown";
enum Column { kPartition, kTimestamp, kKey, kValue, kHeaders };

std::string Bytes(std::string_view bytes) {
  if (json::IsUtf8(bytes)) return JsonString(bytes);
  std::string base64(json::Base64Size(bytes.size()), '\0');
  json::WriteBase64(bytes, base64.data());
  return "{\"base64\":\"" + base64 + "\"}";
}

std::string BytesOrNull(BytesView bytes) { return bytes.is_null() ? "null" : Bytes(bytes.view()); }

/// A field that keeps the JSON text of its value.
std::shared_ptr<arrow::Field> JsonField(const std::string& name) {
  return arrow::field(name, arrow::utf8(), true, arrow::key_value_metadata({"format"}, {"json"}));
}

/// A decoder that finds fields which do not belong there.
Result<std::unique_ptr<Decoder>> MakeDecoder(arrow::FieldVector fields) {
  fields.push_back(arrow::field(kUnknown, arrow::utf8()));
  return MakeJsonDecoder({.schema = arrow::schema(std::move(fields)), .extra_column = kUnknown});
}

/// The only row of a text.
Result<std::shared_ptr<arrow::RecordBatch>> DecodeOne(Decoder& decoder, std::string_view text) {
  RecordBlockBuilder builder({"", Partition(0)});
  builder.Append(Offset(0), 0, {}, BytesView::Of(text));
  MR_ASSIGN_OR_RETURN(DecodedBlock decoded, decoder.Decode(*builder.Finish()));
  if (!decoded.errors.empty()) return Status::InvalidArgument(decoded.errors.front().message);
  const auto& unknown = static_cast<const arrow::StringArray&>(*decoded.rows->columns().back());
  if (!unknown.IsNull(0)) return Status::InvalidArgument("unknown fields " + unknown.GetString(0));
  return std::move(decoded.rows);
}

Result<std::string> Unquoted(std::string_view json) {
  const std::string_view raw = json.substr(1, json.size() - 2);
  std::string text(raw.size(), '\0');
  json::StringFault fault = json::StringFault::kNone;
  const std::int64_t size = json::Unescape(raw, text.data(), &fault);
  if (fault != json::StringFault::kNone)
    return Status::InvalidArgument(std::string(json::StringFaultText(fault)));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

template <typename Array, typename Value>
void Take(const arrow::Array& column, std::optional<Value>* out) {
  if (!column.IsNull(0)) *out = static_cast<const Array&>(column).Value(0);
}

}  // namespace

void WriteRecordJson(const RecordBlock& block, std::int64_t i, std::ostream& out) {
  const auto at = static_cast<std::size_t>(i);
  out << "{\"partition\":" << block.partition().partition << ",\"offset\":" << block.offsets()[at]
      << ",\"timestamp\":" << block.timestamps_ms()[at] << ",\"key\":" << BytesOrNull(block.keys()[at])
      << ",\"value\":" << BytesOrNull(block.values()[at]) << ",\"headers\":[";
  bool first = true;
  for (const HeaderView& header : block.headers(i)) {
    out << (first ? "" : ",") << "{\"name\":" << Bytes(header.name)
        << ",\"value\":" << BytesOrNull(header.value) << "}";
    first = false;
  }
  out << "]}\n";
}

RecordJsonReader::RecordJsonReader(std::unique_ptr<Decoder> record, std::unique_ptr<Decoder> base64)
    : record_(std::move(record)), base64_(std::move(base64)) {}

Result<RecordJsonReader> RecordJsonReader::Make() {
  const auto header = arrow::struct_({JsonField("name"), JsonField("value")});
  MR_ASSIGN_OR_RETURN(
      auto record,
      MakeDecoder({arrow::field("partition", arrow::int32()), arrow::field("timestamp", arrow::int64()),
                   JsonField("key"), JsonField("value"), arrow::field("headers", arrow::list(header)),
                   arrow::field("offset", arrow::int64())}));
  MR_ASSIGN_OR_RETURN(auto base64, MakeDecoder({arrow::field("base64", arrow::binary(), false)}));
  return RecordJsonReader(std::move(record), std::move(base64));
}

Result<std::optional<std::string>> RecordJsonReader::Bytes(const arrow::Array& column, std::int64_t row) {
  if (column.IsNull(row)) return std::optional<std::string>();
  const std::string_view json = static_cast<const arrow::StringArray&>(column).GetView(row);
  if (json == "null") return std::optional<std::string>();
  if (json.starts_with('"')) {
    MR_ASSIGN_OR_RETURN(std::string text, Unquoted(json));
    return std::optional(std::move(text));
  }
  const auto decoded = json.starts_with('{') ? DecodeOne(*base64_, json)
                                             : Result<std::shared_ptr<arrow::RecordBatch>>(
                                                   Status::InvalidArgument("found " + std::string(json)));
  if (!decoded.ok()) {
    return Status::InvalidArgument("keys, values and headers are strings, null, or {\"base64\": \"...\"}: " +
                                   decoded.status().message());
  }
  return std::optional(static_cast<const arrow::BinaryArray&>(*(*decoded)->column(0)).GetString(0));
}

Result<JsonRecord> RecordJsonReader::Read(std::string_view line) {
  MR_ASSIGN_OR_RETURN(const auto row, DecodeOne(*record_, line));
  JsonRecord record;
  Take<arrow::Int32Array>(*row->column(kPartition), &record.partition);
  Take<arrow::Int64Array>(*row->column(kTimestamp), &record.timestamp_ms);
  MR_ASSIGN_OR_RETURN(record.key, Bytes(*row->column(kKey), 0));
  MR_ASSIGN_OR_RETURN(record.value, Bytes(*row->column(kValue), 0));
  const auto& lists = static_cast<const arrow::ListArray&>(*row->column(kHeaders));
  const auto& headers = static_cast<const arrow::StructArray&>(*lists.values());
  for (std::int64_t i = lists.value_offset(0); i < lists.value_offset(1) && !lists.IsNull(0); ++i) {
    MR_ASSIGN_OR_RETURN(auto name, Bytes(*headers.field(0), i));
    if (!name.has_value()) return Status::InvalidArgument("a header has no name");
    MR_ASSIGN_OR_RETURN(auto value, Bytes(*headers.field(1), i));
    record.headers.push_back({*std::move(name), std::move(value)});
  }
  return record;
}

}  // namespace millrace
