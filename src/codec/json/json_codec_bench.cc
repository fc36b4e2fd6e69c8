// Nanoseconds and cycles of CPU per record of the JSON codec. Records come with fixed seeds.
//
//   decode/86, decode/363         records of one producer: every key is guessed right
//   decode_shuffled/...           the keys of each record in random order: nearly every guess fails
//   decode_some/363               3 of the 14 columns declared, the rest skipped
//   simdjson/...                  simdjson on demand, each field by name into plain vectors: the yardstick
//   encode/...                    the same columns back to JSON
#include <simdjson.h>

#include <utility>

#include <arrow/api.h>
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "codec/json/json_codec.h"
#include "columnar/schema_text.h"
#include "env/random.h"

namespace millrace {
namespace {

constexpr std::int64_t kRecords = 10'000;

struct Column {
  const char* name;
  const char* type;
};

std::vector<Column> Columns(std::int64_t bytes) {
  std::vector<Column> columns = {{"ts", "timestamp[ms]"},
                                 {"auction", "int64"},
                                 {"bidder", "int64"},
                                 {"price", "float64"},
                                 {"channel", "string"}};
  if (bytes < 300) return columns;
  for (const Column& more :
       {Column{"url", "string"}, Column{"user_agent", "string"}, Column{"country", "string"},
        Column{"city", "string"}, Column{"lat", "float64"}, Column{"lon", "float64"},
        Column{"session", "string"}, Column{"ok", "bool"}, Column{"retries", "int32"}}) {
    columns.push_back(more);
  }
  return columns;
}

std::shared_ptr<arrow::Schema> SchemaOf(const std::vector<Column>& columns) {
  arrow::FieldVector fields;
  for (const Column& column : columns) fields.push_back(*ParseField(column.name, column.type));
  return arrow::schema(std::move(fields));
}

std::string Number(Random& random, std::uint64_t below) { return std::to_string(random.Below(below)); }

std::vector<std::string> Members(Random& random, std::int64_t bytes, std::int64_t i) {
  std::vector<std::string> members = {
      "\"ts\":" + std::to_string(1'700'000'000'000 + i * 3),
      "\"auction\":" + std::to_string(1000 + random.Below(9000)),
      "\"bidder\":" + std::to_string(100'000 + random.Below(900'000)),
      "\"price\":" + std::to_string(100 + random.Below(900)) + "." + std::to_string(10 + random.Below(90)),
      "\"channel\":\"chan-" + Number(random, 10) + "\""};
  if (bytes < 300) return members;
  for (const std::string& more :
       {"\"url\":\"https://shop.example.com/item/" + Number(random, 100'000) + "?ref=mail&c=7\"",
        std::string("\"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\""),
        std::string("\"country\":\"DE\""), std::string("\"city\":\"Friedrichshafen\""),
        "\"lat\":47.65" + Number(random, 1000), "\"lon\":9.47" + Number(random, 1000),
        "\"session\":\"5f2b9c4e-77aa-4b0e-9d3f-" + Number(random, 100'000) + "\"", std::string("\"ok\":true"),
        "\"retries\":" + Number(random, 5)}) {
    members.push_back(more);
  }
  return members;
}

std::shared_ptr<const RecordBlock> MakeBlock(std::int64_t bytes, bool shuffled) {
  Random random(42);
  RecordBlockBuilder builder({"bench", Partition(0)});
  for (std::int64_t i = 0; i < kRecords; ++i) {
    std::vector<std::string> members = Members(random, bytes, i);
    for (std::size_t k = members.size(); shuffled && k > 1; --k)
      std::swap(members[k - 1], members[random.Below(k)]);
    std::string record;
    for (const std::string& member : members) record.append(record.empty() ? "{" : ",").append(member);
    record.push_back('}');
    builder.Append(Offset(i), 0, {}, BytesView::Of(record));
  }
  return builder.Finish();
}

void Report(benchmark::State& state, std::int64_t bytes) {
  const auto records = static_cast<double>(state.iterations()) * static_cast<double>(kRecords);
  state.counters["ns_per_record"] =
      benchmark::Counter(records * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_record"] = static_cast<double>(bytes) / static_cast<double>(kRecords);
}

void Decode(benchmark::State& state, std::int64_t bytes, bool shuffled, std::size_t some = 0) {
  const auto block = MakeBlock(bytes, shuffled);
  std::vector<Column> columns = Columns(bytes);
  if (some > 0) columns.resize(some);
  auto decoder = *MakeJsonDecoder({.schema = SchemaOf(columns)});
  for (auto _ : state) {
    auto decoded = decoder->Decode(*block);
    MR_CHECK(decoded.ok() && decoded->errors.empty());
    benchmark::DoNotOptimize(decoded->rows.get());
  }
  Report(state, block->num_bytes());
}

void Encode(benchmark::State& state, std::int64_t bytes) {
  const auto block = MakeBlock(bytes, false);
  const auto schema = SchemaOf(Columns(bytes));
  const auto rows = (*MakeJsonDecoder({.schema = schema}))->Decode(*block)->rows;
  auto encoder = *MakeJsonEncoder(schema);
  EncodedRows out;
  for (auto _ : state) {
    MR_CHECK(encoder->Encode(*rows, &out).ok());
    benchmark::DoNotOptimize(out.bytes.data());
  }
  Report(state, block->num_bytes());
}

/// One column of what simdjson reads, as plain as it can be.
struct PlainColumn {
  std::vector<std::int64_t> ints;
  std::vector<double> doubles;
  std::string texts;

  void Clear() {
    ints.clear();
    doubles.clear();
    texts.clear();
  }

  void Append(std::string_view type, simdjson::simdjson_result<simdjson::ondemand::value> field) {
    if (type == "float64") {
      doubles.push_back(field.get_double().value_unsafe());
    } else if (type == "string") {
      texts.append(field.get_string().value_unsafe());
    } else if (type == "bool") {
      ints.push_back(field.get_bool().value_unsafe() ? 1 : 0);
    } else {
      ints.push_back(field.get_int64().value_unsafe());
    }
  }
};

void Simdjson(benchmark::State& state, std::int64_t bytes) {
  const auto block = MakeBlock(bytes, false);
  const std::vector<Column> columns = Columns(bytes);
  simdjson::ondemand::parser parser;
  std::vector<PlainColumn> out(columns.size());
  for (auto _ : state) {
    for (PlainColumn& column : out) column.Clear();
    for (const BytesView& value : block->values()) {
      const auto size = static_cast<std::size_t>(value.size);
      simdjson::ondemand::document document;
      MR_CHECK(parser.iterate(value.data, size, size + 64).get(document) == simdjson::SUCCESS);
      for (std::size_t c = 0; c < columns.size(); ++c) {
        out[c].Append(columns[c].type, document.find_field_unordered(columns[c].name));
      }
    }
    benchmark::DoNotOptimize(out.data());
  }
  Report(state, block->num_bytes());
}

BENCHMARK_CAPTURE(Decode, 86, 86, false);
BENCHMARK_CAPTURE(Decode, 363, 363, false);
BENCHMARK_CAPTURE(Decode, shuffled_86, 86, true);
BENCHMARK_CAPTURE(Decode, shuffled_363, 363, true);
BENCHMARK_CAPTURE(Decode, some_363, 363, false, 3);
BENCHMARK_CAPTURE(Simdjson, 86, 86);
BENCHMARK_CAPTURE(Simdjson, 363, 363);
BENCHMARK_CAPTURE(Encode, 86, 86);
BENCHMARK_CAPTURE(Encode, 363, 363);

}  // namespace
}  // namespace millrace

BENCHMARK_MAIN();
