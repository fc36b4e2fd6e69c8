#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include <gmock/gmock.h>

#include "codec/json/json_test_support.h"
#include "codec/json/json_writer.h"

namespace millrace {
namespace {

using testing::ElementsAre;

template <typename T>
std::string Written(T value) {
  std::string out;
  json::Writer writer(&out);
  if constexpr (std::is_floating_point_v<T>) {
    writer.Float(value);
  } else if constexpr (std::is_convertible_v<T, std::string_view>) {
    writer.String(value);
  } else {
    writer.Int(value);
  }
  writer.Finish();
  return out;
}

TEST(JsonEncoder, ColumnsAreWrittenInOrderAndNullIsWritten) {
  const Columns columns = {{"z", "int64"},
                           {"a", "float64"},
                           {"t", "timestamp[ms]"},
                           {"r", "timestamp[us, rfc3339]"},
                           {"d", "decimal(10, 3)"},
                           {"b", "binary"},
                           {"s", "struct<x: list<bool>>"},
                           {"m", "map<string, date>"},
                           {"j", "json"}};
  auto decoder = DecoderOf(columns);
  const std::vector<std::string> lines = {
      R"({"z":1,"a":0.5,"t":1700000000123,"r":"2024-01-01T00:00:00.000001Z","d":"-0.050","b":"AQ==","s":{"x":[true,false]},"m":{"k":"2024-01-01"},"j":[1,  2]})",
      R"({"z":null,"a":null,"t":null,"r":null,"d":null,"b":null,"s":null,"m":null,"j":null})",
      R"({"z":-9223372036854775808,"a":-0,"t":-1,"r":"1969-12-31T23:59:59.999999Z","d":"1234567.000","b":"","s":{"x":null},"m":{},"j":{}})"};
  const DecodedBlock decoded = DecodeAll(*decoder, lines);
  EXPECT_EQ(Lines(*decoded.rows), lines);
}

TEST(JsonEncoder, ASparseOneLeavesOutWhatIsNull) {
  auto decoder = DecoderOf({{"a", "int64"},
                            {"o", "struct<x: int64, p: struct<q: string, r: bool>, y: string>"},
                            {"l", "list<struct<u: int64, v: string>>"},
                            {"m", "map<string, string>"},
                            {"z", "string"}});
  const struct {
    std::string line, sparse;
  } cases[] = {
      {R"({"a":1,"o":{"x":2,"p":{"q":"s","r":true},"y":"t"},"l":[{"u":3,"v":"w"}],"m":{"k":null},"z":"e"})",
       R"({"a":1,"o":{"x":2,"p":{"q":"s","r":true},"y":"t"},"l":[{"u":3,"v":"w"}],"m":{"k":null},"z":"e"})"},
      {R"({"o":{"p":{"r":false}}})", R"({"o":{"p":{"r":false}}})"},
      {R"({"o":{"y":"t","p":{}},"z":""})", R"({"o":{"y":"t"},"z":""})"},
      {R"({"o":{"p":{"q":null}},"l":[]})", R"({"l":[]})"},
      {R"({"l":[null,{"v":"w"},{}]})", R"({"l":[null,{"v":"w"},{}]})"},
      {R"({"o":{}})", "{}"},
      {"{}", "{}"},
  };
  std::vector<std::string> lines;
  for (const auto& test : cases) lines.push_back(test.line);
  const DecodedBlock decoded = DecodeAll(*decoder, lines);
  auto encoder = *MakeSparseJsonEncoder(decoded.rows->schema());
  EncodedRows encoded;
  for (std::int64_t first = 0; first < decoded.rows->num_rows(); ++first) {  // slices too
    ASSERT_TRUE(encoder->Encode(*decoded.rows->Slice(first), &encoded).ok());
    for (std::int64_t i = 0; i < encoded.num_rows(); ++i) {
      EXPECT_EQ(encoded.row(i).view(), cases[first + i].sparse) << cases[first + i].line;
    }
  }
}

TEST(JsonEncoder, SlicesAreWrittenAsTheirRows) {
  auto decoder = DecoderOf({{"a", "int64"},
                            {"b", "bool"},
                            {"s", "string"},
                            {"l", "list<struct<x: int64, y: string>>"},
                            {"o", "struct<p: struct<q: int64>>"},
                            {"m", "map<string, int64>"}});
  std::vector<std::string> lines;
  for (int i = 0; i < 40; ++i) {
    const std::string n = std::to_string(i);
    lines.push_back(i % 5 == 1 ? R"({"a":null,"b":null,"s":null,"l":null,"o":null,"m":null})"
                               : R"({"a":)" + n + R"(,"b":)" + (i % 3 == 0 ? "true" : "false") +
                                     R"(,"s":"s)" + n + R"(","l":[{"x":)" + n +
                                     R"(,"y":"y"},null],"o":{"p":{"q":)" + n + R"(}},"m":{"k":)" + n + "}}");
  }
  const DecodedBlock decoded = DecodeAll(*decoder, lines);
  for (const auto& [offset, length] : {std::pair{0, 40}, {1, 7}, {13, 20}, {39, 1}, {40, 0}}) {
    const std::vector<std::string> expected(lines.begin() + offset, lines.begin() + offset + length);
    EXPECT_EQ(Lines(*decoded.rows->Slice(offset, length)), expected) << offset;
  }
}

TEST(JsonEncoder, BuffersAreReusedFromBatchToBatch) {
  auto decoder = DecoderOf({{"s", "string"}});
  const auto schema = SchemaOf({{"s", "string"}});
  auto encoder = *MakeJsonEncoder(schema);
  EncodedRows out;
  for (const std::size_t size : {10U, 100'000U, 3U, 0U, 5000U}) {
    const std::string line = "{\"s\":\"" + std::string(size, 'x') + "\"}";
    const DecodedBlock decoded = DecodeAll(*decoder, {line, line});
    ASSERT_TRUE(encoder->Encode(*decoded.rows, &out).ok());
    ASSERT_EQ(out.num_rows(), 2);
    EXPECT_EQ(out.row(0).view(), line);
    EXPECT_EQ(out.row(1).view(), line);
    EXPECT_EQ(out.bytes.size(), 2 * line.size());
  }
}

TEST(JsonEncoder, DoublesAreShortestAndReadBackExactly) {
  const std::pair<double, const char*> cases[] = {{0.0, "0"},
                                                  {-0.0, "-0"},
                                                  {1.0, "1"},
                                                  {100000.0, "100000"},
                                                  {-2.5, "-2.5"},
                                                  {0.1, "0.1"},
                                                  {0.3, "0.3"},
                                                  {0.1 + 0.2, "0.30000000000000004"},
                                                  {123.45, "123.45"},
                                                  {1e15, "1e+15"},
                                                  {999999999999999.0, "999999999999999"},
                                                  {1e22, "1e+22"},
                                                  {1.5e-7, "1.5e-07"},
                                                  {0.0001, "0.0001"},
                                                  {5e-324, "5e-324"},
                                                  {12345678.9012, "12345678.9012"},
                                                  {4.35, "4.35"},
                                                  {-0.07, "-0.07"},
                                                  {1e11 - 0.5, "99999999999.5"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(Written(value), text);
  for (const double value :
       {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(Written(value), "null");
  }
  EXPECT_EQ(Written(0.1F), "0.1");
  EXPECT_EQ(Written(-16777216.0F), "-16777216");
  std::mt19937_64 random(3);
  for (int i = 0; i < 300'000; ++i) {
    double value = std::bit_cast<double>(random());
    if (i % 2 == 0)
      value = static_cast<double>(static_cast<std::int64_t>(random() >> (random() % 40 + 20))) /
              std::pow(10, random() % 7);
    if (!std::isfinite(value)) continue;
    const std::string text = Written(value);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr)),
              std::bit_cast<std::uint64_t>(value))
        << text;
    char shortest[40];
    const auto digits = [](std::string_view number) {
      std::string out;
      for (const char c : number.substr(0, number.find('e'))) {
        if (c >= '0' && c <= '9' && (c != '0' || !out.empty())) out.push_back(c);
      }
      while (!out.empty() && out.back() == '0') out.pop_back();
      return out;
    };
    const auto end = std::to_chars(shortest, shortest + sizeof(shortest), value).ptr;
    ASSERT_EQ(digits(text), digits(std::string_view(shortest, static_cast<std::size_t>(end - shortest))));
  }
}

TEST(JsonEncoder, IntegersOfEveryLength) {
  std::int64_t power = 1;
  for (int i = 0; i < 19; ++i) {
    for (const std::int64_t value : {power, power - 1, power + 1, -power, -power + 1}) {
      EXPECT_EQ(Written(value), std::to_string(value));
    }
    if (i < 18) power *= 10;
  }
  EXPECT_EQ(Written(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

TEST(JsonEncoder, StringsAreEscapedWhereverTheByteStands) {
  for (int byte = 0; byte < 256; ++byte) {
    for (const std::size_t at : {0U, 1U, 15U, 16U, 17U, 33U}) {
      std::string text(40, 'a');
      text[at] = static_cast<char>(byte);
      const std::string written = Written(std::string_view(text));
      if (byte >= 0x20 && byte != '"' && byte != '\\') {
        EXPECT_EQ(written, "\"" + text + "\"");
      } else {
        EXPECT_EQ(written.substr(0, at + 1), "\"" + text.substr(0, at));
        EXPECT_EQ(written[at + 1], '\\');
        EXPECT_EQ(written.substr(written.size() - 40 + at, 39 - at), text.substr(at + 1));
      }
    }
  }
  EXPECT_EQ(Written(std::string_view("\x1f\n\"\\/")), R"("\u001f\n\"\\/")");
}

TEST(JsonEncoder, ATypeWithoutAJsonFormIsAUserError) {
  for (const auto& type : {arrow::month_interval(), arrow::map(arrow::int64(), arrow::int64())}) {
    EXPECT_FALSE(MakeJsonEncoder(arrow::schema({arrow::field("x", type)})).ok()) << type->ToString();
  }
}

}  // namespace
}  // namespace millrace
