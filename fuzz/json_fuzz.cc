// JSON records, one per line: decoding never crashes; a record means the same alone, among others, and to a
// decoder that has seen none; its neighbours stay whole; what became a row is written and read back to the
// same row; the schema inferred from a record decodes it. An input is valid when none of its records is
// refused.

#include <functional>
#include <span>
#include <string_view>
#include <utility>

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

using Records = std::vector<std::string_view>;

DecodedBlock Decode(Decoder& decoder, const Records& records) {
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

/// What became of one record: its row as JSON, or the message of its error.
struct Outcome {
  bool refused = false;
  std::string text;
  bool operator==(const Outcome&) const = default;
};

/// A schema, with what decodes and encodes its rows. Made once: that takes longer than a record.
class Codec {
 public:
  explicit Codec(std::shared_ptr<arrow::Schema> schema)
      : schema_(std::move(schema)),
        encoder_(*millrace::MakeJsonEncoder(schema_)),
        used_(MakeDecoder(schema_)) {}

  /// One outcome per record, by the decoder that has seen all records so far.
  std::vector<Outcome> Run(const Records& records) { return RunWith(*used_, records); }
  std::vector<Outcome> RunFresh(const Records& records) { return RunWith(*MakeDecoder(schema_), records); }

 private:
  std::vector<Outcome> RunWith(Decoder& decoder, const Records& records) {
    const DecodedBlock decoded = Decode(decoder, records);
    MR_CHECK(encoder_->Encode(*decoded.rows, &encoded_).ok());
    std::vector<Outcome> outcomes(records.size());
    for (const auto& error : decoded.errors) {
      MR_CHECK(!error.error_class.empty() && !error.message.empty());
      outcomes[static_cast<std::size_t>(error.row)] = {true, error.message};
    }
    std::int64_t row = 0;
    for (Outcome& outcome : outcomes) {
      if (!outcome.refused) outcome.text = encoded_.row(row++).view();
    }
    return outcomes;
  }

  const std::shared_ptr<arrow::Schema> schema_;
  const std::unique_ptr<millrace::Encoder> encoder_;
  const std::unique_ptr<Decoder> used_;
  millrace::EncodedRows encoded_;
};

std::uint64_t g_rows = 0;
std::uint64_t g_refused = 0;

void CheckInference(std::string_view record) {
  const BytesView view = BytesView::Of(record);
  const auto schema = millrace::InferJsonSchema({&view, 1}, {});
  if (!schema.ok()) return;
  const auto decoder = MakeDecoder(*schema);
  const DecodedBlock decoded = Decode(*decoder, {record});
  MR_CHECK(decoded.errors.empty() || decoded.errors[0].message.find("is beyond float64") != std::string::npos)
      << decoded.errors[0].message << " with " << millrace::SchemaText(**schema);
}

/// What was written is read back to the same.
void CheckRoundTrip(Codec& codec, std::span<const Outcome> outcomes) {
  Records written;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.refused) written.push_back(outcome.text);
  }
  if (written.empty()) return;
  const std::vector<Outcome> again = codec.Run(written);
  for (std::size_t i = 0; i < written.size(); ++i) {
    MR_CHECK(!again[i].refused && again[i].text == written[i])
        << written[i] << " was read back as " << again[i].text;
  }
}

void ExpectSame(const Outcome& alone, const Outcome& among) {
  MR_CHECK(alone == among) << alone.text << " but after and among other records " << among.text;
}

/// Up to 8 records, with a good one before and after them.
Records RecordsOf(std::string_view text) {
  constexpr std::size_t kMost = 8;
  Records records = {kGood};
  for (bool more = true; more && records.size() <= kMost;) {
    const std::size_t end = text.find('\n');
    records.push_back(text.substr(0, end));
    more = end != std::string_view::npos;
    if (more) text.remove_prefix(end + 1);
  }
  records.push_back(kGood);
  return records;
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

std::string FuzzReport() {
  return std::to_string(g_rows) + " records became rows, " + std::to_string(g_refused) + " were refused";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto* const codec = new Codec(Schema());
  static const std::string kGoodRow = codec->RunFresh({kGood})[0].text;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Records records = RecordsOf(text);
  const std::vector<Outcome> outcomes = codec->Run(records);
  MR_CHECK(outcomes.front().text == kGoodRow && outcomes.back().text == kGoodRow);
  std::size_t refused = 0;
  for (const Outcome& outcome : outcomes) refused += outcome.refused ? 1 : 0;
  g_refused += refused;
  g_rows += records.size() - 2 - refused;
  // What was written, one record by itself, with a decoder or a schema of its own: not for every input,
  // because each of these takes as long as all the rest.
  const std::size_t hash = std::hash<std::string_view>()(text);
  const std::size_t one = 1 + hash / 64 % (records.size() - 2);
  if (hash % 2 == 0) CheckRoundTrip(*codec, std::span(outcomes).subspan(1, records.size() - 2));
  if (hash % 8 == 3) ExpectSame(codec->Run({records[one]})[0], outcomes[one]);
  if (hash % 64 == 1) ExpectSame(codec->RunFresh({records[one]})[0], outcomes[one]);
  if (hash % 64 == 2) CheckInference(records[one]);
  return refused == 0 ? 0 : -1;
}
