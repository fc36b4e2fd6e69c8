// JSON records, one per line: decoding never crashes; a record means the same to a decoder that has seen
// others as to a fresh one; its neighbours stay whole; what became a row is written and read back to the same
// row; the schema inferred from a record decodes it.

#include <algorithm>
#include <string_view>

#include <arrow/api.h>

#include "base/check.h"
#include "codec/json/json_codec.h"
#include "columnar/schema_text.h"
#include "fuzz_target.h"

namespace {

using millrace::BytesView;
using millrace::DecodedBlock;
using millrace::Decoder;

constexpr std::string_view kGood = R"({"ts":1,"price":2.5,"name":"ok","tags":["a"]})";

std::shared_ptr<arrow::Schema> Schema() {
  const std::pair<const char*, const char*> columns[] = {
      {"ts", "int64"},
      {"price", "float64"},
      {"name", "string"},
      {"ok", "bool"},
      {"small", "int8"},
      {"big", "uint64"},
      {"half", "float32"},
      {"amount", "decimal(12, 3)"},
      {"day", "date"},
      {"at", "timestamp[us, rfc3339]"},
      {"bytes", "binary"},
      {"tags", "list<string>"},
      {"raw", "json"},
      {"user", "struct<id: int64 not null, home: struct<city: string>>"},
      {"m", "map<string, list<float64>>"}};
  arrow::FieldVector fields;
  for (const auto& [name, type] : columns) fields.push_back(*millrace::ParseField(name, type));
  return arrow::schema(std::move(fields));
}

std::unique_ptr<Decoder> MakeDecoder(const std::shared_ptr<arrow::Schema>& schema) {
  auto decoder = millrace::MakeJsonDecoder({.schema = schema});
  MR_CHECK(decoder.ok()) << decoder.status().ToString();
  return *std::move(decoder);
}

DecodedBlock Decode(Decoder& decoder, const std::vector<std::string_view>& records) {
  millrace::RecordBlockBuilder builder({"fuzz", millrace::Partition(0)});
  for (std::size_t i = 0; i < records.size(); ++i) {
    builder.Append(millrace::Offset(static_cast<std::int64_t>(i)), 0, {}, BytesView::Of(records[i]));
  }
  auto decoded = decoder.Decode(*builder.Finish());
  MR_CHECK(decoded.ok()) << decoded.status().ToString();
  const arrow::Status valid = decoded->rows->ValidateFull();
  MR_CHECK(valid.ok()) << valid.ToString();
  MR_CHECK(decoded->rows->num_rows() + static_cast<std::int64_t>(decoded->errors.size()) ==
           static_cast<std::int64_t>(records.size()));
  return *std::move(decoded);
}

/// The row of the one record decoded, as JSON, or its error.
std::string Outcome(const DecodedBlock& decoded) {
  if (!decoded.errors.empty()) return "error: " + decoded.errors[0].message;
  millrace::EncodedRows encoded;
  MR_CHECK((*millrace::MakeJsonEncoder(decoded.rows->schema()))->Encode(*decoded.rows, &encoded).ok());
  return std::string(encoded.row(0).view());
}

void CheckInference(std::string_view record) {
  const BytesView view = BytesView::Of(record);
  const auto schema = millrace::InferJsonSchema({&view, 1}, {});
  if (!schema.ok()) return;
  const auto decoder = MakeDecoder(*schema);
  const DecodedBlock decoded = Decode(*decoder, {record});
  MR_CHECK(decoded.errors.empty() || decoded.errors[0].message.find("is beyond float64") != std::string::npos)
      << decoded.errors[0].message << " with " << millrace::SchemaText(**schema);
}

void CheckRecord(Decoder& used, const std::shared_ptr<arrow::Schema>& schema, std::string_view record) {
  const auto fresh = MakeDecoder(schema);
  const std::string alone = Outcome(Decode(*fresh, {record}));
  const std::string warm = Outcome(Decode(used, {record}));
  MR_CHECK(alone == warm) << alone << " but after other records " << warm;
  const DecodedBlock among = Decode(used, {kGood, record, kGood});
  MR_CHECK(among.errors.empty() || among.errors[0].row == 1) << among.errors[0].message;
  const std::string good = Outcome(Decode(*fresh, {kGood}));
  millrace::EncodedRows encoded;
  MR_CHECK((*millrace::MakeJsonEncoder(schema))->Encode(*among.rows, &encoded).ok());
  MR_CHECK(encoded.row(0).view() == good && encoded.row(encoded.num_rows() - 1).view() == good);
  if (!among.errors.empty()) return;
  MR_CHECK(encoded.row(1).view() == alone) << encoded.row(1).view() << " but alone " << alone;
  const std::string again = Outcome(Decode(*fresh, {alone}));
  MR_CHECK(again == alone) << alone << " was read back as " << again;
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  return {
      std::string(kGood),
      R"({"ts": -9223372036854775808, "price": -1.5e-7, "name": "a\"\u00e9\ud83d\ude00", "ok": true, "small": -128})",
      R"({"big":18446744073709551615,"half":0.1,"amount":"-12.345","day":"2024-02-29","bytes":"AAEC/w=="})",
      R"({"at":"2024-05-01T12:00:00.5+02:00","raw":{"a":[1.50,null]},"user":{"id":1,"home":{"city":"Köln"}}})",
      R"({"m":{"x":[1,2.5],"y":[],"x":null},"unknown":[{"a":{"b":[true,false,null]}}],"ts":1,"ts":2})",
      "{\"ts\":1,\"price\":1}\n{\"price\":2,\"ts\":2}\n{\"ts\":3,\"x\":0,\"price\":3}\n{\"ts\" : 4 }",
      R"({"price":123456789012345678901234567890.5,"ts":1.0,"amount":1e3,"raw":"\\"})"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view left(reinterpret_cast<const char*>(data), size);
  static const auto* const schema = new std::shared_ptr<arrow::Schema>(Schema());
  const auto used = MakeDecoder(*schema);
  for (int records = 0; records < 8; ++records) {
    const std::string_view record = left.substr(0, left.find('\n'));
    CheckRecord(*used, *schema, record);
    CheckInference(record);
    if (record.size() == left.size()) break;
    left.remove_prefix(record.size() + 1);
  }
  return 0;
}
