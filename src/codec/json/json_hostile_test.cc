#include <chrono>

#include <gmock/gmock.h>

#include "codec/json/json_test_support.h"

// What breaks decoders: every record here must become a row error with a reason (or a row), never a crash, in
// time and memory that grow with its bytes; good records around it stay.

namespace millrace {
namespace {

using testing::HasSubstr;

const Columns kColumns = {
    {"price", "float64"}, {"n", "int64"}, {"s", "string"}, {"l", "list<int64>"}, {"j", "json"}};
constexpr char kGood[] = R"({"price":1.5,"n":7,"s":"ok","l":[1],"j":{"a":1}})";

std::string Repeat(std::string_view text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out.append(text);
  return out;
}

/// The message for `record`, "" when it is a row. Checks the good records around it.
std::string ErrorOf(const std::string& record) {
  auto decoder = DecoderOf(kColumns);
  const DecodedBlock decoded = DecodeAll(*decoder, {kGood, record, kGood});
  const std::vector<std::string> lines = Lines(*decoded.rows);
  EXPECT_EQ(lines.front(), kGood);
  EXPECT_EQ(lines.back(), kGood);
  EXPECT_EQ(lines.size() + decoded.errors.size(), 3U);
  if (decoded.errors.empty()) return "";
  EXPECT_EQ(decoded.errors[0].row, 1);
  EXPECT_LT(decoded.errors[0].message.size(), 300U);
  return decoded.errors[0].message;
}

TEST(JsonHostile, RecordsThatAreNoJsonObjectSaySo) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "the value is empty"},
      {"   ", "the value is empty"},
      {"null", "no JSON object: it begins with 'null'"},
      {"[1]", "no JSON object"},
      {"\"{}\"", "no JSON object"},
      {"\xEF\xBB\xBF{}", "byte order mark"},
      {std::string("\xFF\xFE{\0}\0", 6), "UTF-16"},
      {std::string("{\0}\0", 4), "UTF-16"},
      {std::string("\0{\0}", 4), "UTF-16"},
      {std::string("\0\0\0\0\5{}", 7), "UTF-16 or binary"},
      {"{} x", "cut off or followed by something else"},
      {"{}}", "expected nothing after the object, found '}'"},
      {"{} {}", "expected nothing after the object"},
      {"{", "cut off"},
      {"}", "no JSON object"},
      {"{,}", "a key in quotes"},
      {"{\"n\":1,}", "a key in quotes"},
      {"{\"n\" 1}", "':' after a key"},
      {"{'n':1}", "a key in quotes"},
      {"{n:1}", "a key in quotes"},
      {"{\"n\":1 \"s\":\"\"}", "column 'n': bad JSON at byte 7"},
      {"{\"n\":1}\"}", "expected nothing after the object"},
      {"{/**/\"n\":1}", "a key in quotes"},
  };
  for (const auto& [record, message] : cases) EXPECT_THAT(ErrorOf(record), HasSubstr(message)) << record;
}

TEST(JsonHostile, BadStringsSayWhatIsWrong) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"s":"\ud800"})", "column 's': bad JSON at byte 5: a lone surrogate"},
      {R"({"s":"\ud800\u0041"})", "a lone surrogate"},
      {R"({"s":"\udc00"})", "a lone surrogate"},
      {R"({"s":"\u12g4"})", "a bad escape"},
      {R"({"s":"\x"})", "a bad escape"},
      {R"({"s":"\u12"})", "a bad escape"},
      {"{\"s\":\"\xC0\xAF\"}", "not UTF-8"},
      {"{\"s\":\"\xE0\x80\xAF\"}", "not UTF-8"},
      {"{\"s\":\"\xED\xA0\x80\"}", "not UTF-8"},
      {"{\"s\":\"\xF5\x80\x80\x80\"}", "not UTF-8"},
      {"{\"s\":\"\xE2\x82\"}", "not UTF-8"},
      {"{\"unknown\":\"\xFF\"}", "not UTF-8"},
      {"{\"\xFF\":1}", "not UTF-8"},
      {"{\"j\":{\"\xFF\":1}}", "column 'j': bad JSON at byte 6: a string that is not UTF-8"},
      {std::string("{\"s\":\"a\0b\"}", 11), "unescaped control character"},
      {"{\"s\":\"a\nb\"}", "unescaped control character"},
      {"{\"s\":\"a}", "a string that does not end"},
      {"{\"s\":\"a\\\"}", "a string that does not end"},
      {"{\"s", "cut off"},
      {"{\"s}", "a string that does not end"},
  };
  for (const auto& [record, message] : cases) EXPECT_THAT(ErrorOf(record), HasSubstr(message)) << record;
  EXPECT_EQ(ErrorOf(R"({"s":"\u0000"})"), "");
}

TEST(JsonHostile, BadNumbersSayWhatIsWrong) {
  const std::string digits(400, '9');
  const std::pair<std::string, const char*> cases[] = {
      {"{\"n\":" + digits + "}",
       "column 'n': the number 9999999999999999999999999999999999999999... is beyond int64"},
      {"{\"price\":" + digits + "}", "is beyond float64"},
      {"{\"n\":-" + digits + "}", "is beyond int64"},
      {"{\"n\":18446744073709551616}", "is beyond int64"},
      {"{\"price\":1e400}", "column 'price': the number 1e400 is beyond float64"},
      {"{\"price\":1e99999999999999999999}", "is beyond float64"},
      {"{\"price\":NaN}", "found NaN"},
      {"{\"price\":Infinity}", "found Infinity"},
      {"{\"u\":NaN}", "expected a JSON value"},
      {"{\"u\":0x10}", "expected ',' or '}'"},
      {"{\"u\":01}", "expected a JSON value"},
      {"{\"price\":--1}", "expected float64, found --1"},
      {"{\"price\":1.5.5}", "expected ',' or '}'"},
      {"{\"price\":1_000}", "expected ',' or '}'"},
  };
  for (const auto& [record, message] : cases) EXPECT_THAT(ErrorOf(record), HasSubstr(message)) << record;
  for (const std::string& record :
       {std::string("{\"price\":-0}"), std::string("{\"price\":9007199254740993}"),
        "{\"price\":0." + digits + "}", "{\"price\":1" + std::string(300, '0') + "}",
        "{\"price\":0.0e" + digits + "}", "{\"price\":1e-" + digits + "}", "{\"j\":" + digits + "}",
        "{\"u\":" + digits + "}"}) {
    EXPECT_EQ(ErrorOf(record), "") << record;
  }
}

TEST(JsonHostile, DeepNestingIsRefusedWithoutUsingTheStack) {
  for (const char* key : {"l", "j", "unknown"}) {
    const std::string deep = std::string("{\"") + key + "\":" + std::string(100'000, '[') + "}";
    EXPECT_NE(ErrorOf(deep), "") << key;
    const std::string objects = std::string("{\"") + key + "\":" + Repeat("{\"a\":", 100'000) + "}";
    EXPECT_NE(ErrorOf(objects), "") << key;
  }
  EXPECT_THAT(ErrorOf("{\"j\":" + std::string(100'000, '[') + "}"),
              HasSubstr("nested deeper than 64 levels"));
  const auto nested = [](std::size_t levels) {
    return "{\"j\":" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  EXPECT_EQ(ErrorOf(nested(63)), "");
  EXPECT_THAT(ErrorOf(nested(64)), HasSubstr("nested deeper than 64 levels"));
}

TEST(JsonHostile, ARecordCutOffAtAnyByteIsAnError) {
  const std::string record =
      R"({"price": 12.5e1, "n":1234567890123, "s":"a\"\u00e9 some text that is longer é", "l":[1, 22], "j":{"k":[true,null]}, "u":[{"x":false}]})";
  ASSERT_EQ(ErrorOf(record), "");
  for (std::size_t size = 0; size < record.size(); ++size) {
    EXPECT_NE(ErrorOf(record.substr(0, size)), "") << record.substr(0, size);
    // The same cut where the next bytes in memory would complete the record.
    auto decoder = DecoderOf(kColumns);
    RecordBlockBuilder builder({"t", Partition(0)});
    builder.Append(Offset(0), 0, {}, BytesView::Of(record));
    const auto whole = builder.Finish();
    RecordBlockBuilder cut({"t", Partition(0)});
    cut.Append(Offset(0), 0, {}, BytesView::Of(record.substr(0, size)));
    cut.Append(Offset(1), 0, {}, BytesView::Of(record.substr(size)));
    const auto decoded = decoder->Decode(*cut.Finish());
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(decoded->errors.size() + static_cast<std::size_t>(decoded->rows->num_rows()), 2U);
    ASSERT_FALSE(decoded->errors.empty()) << size;
    EXPECT_EQ(decoded->errors[0].row, 0) << size;
  }
}

TEST(JsonHostile, AnyByteReplacedNeverBreaksTheNeighbours) {
  const std::string record =
      R"({"price":12.5e1,"n":-12,"s":"a\"\u00e9é","l":[1,22],"j":{"k":[true]},"u":null})";
  for (std::size_t at = 0; at < record.size(); ++at) {
    for (const char byte : std::string("\"\\{}[]:,0-e.tfn u\x01\x80\xFF\0", 22)) {
      std::string broken = record;
      broken[at] = byte;
      ErrorOf(broken);
    }
  }
}

TEST(JsonHostile, HugeRecordsTakeTimeInProportionToTheirBytes) {
  const auto start = std::chrono::steady_clock::now();
  const std::string ten_megabytes(10'000'000, 'x');
  EXPECT_EQ(ErrorOf("{\"s\":\"" + ten_megabytes + "\"}"), "");
  EXPECT_EQ(ErrorOf("{\"unknown\":\"" + ten_megabytes + "\"}"), "");
  EXPECT_THAT(ErrorOf("{\"n\":\"" + ten_megabytes + "\"}"), HasSubstr("found string \"xxx"));
  EXPECT_EQ(ErrorOf("{\"" + ten_megabytes + "\":1}"), "");
  std::string keys = "{";
  for (int i = 0; i < 1'000'000; ++i) keys += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  keys += "\"n\":1}";
  EXPECT_EQ(ErrorOf(keys), "");
  EXPECT_EQ(ErrorOf("{" + Repeat("\"n\":1,", 1'000'000) + "\"n\":2}"), "");
  EXPECT_EQ(ErrorOf("{\"l\":[" + Repeat("1,", 1'000'000) + "1]}"), "");
  // Generous: a quadratic step would need minutes.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(JsonHostile, AMapWithManyRepeatedKeysIsReadInProportion) {
  auto decoder = DecoderOf({{"m", "map<string, int64>"}});
  std::string record = "{\"m\":{";
  for (int i = 0; i < 500'000; ++i)
    record += "\"k" + std::to_string(i % 250'000) + "\":" + std::to_string(i) + ",";
  record += "\"k0\":-1}}";
  const DecodedBlock decoded = DecodeAll(*decoder, {record});
  ASSERT_TRUE(decoded.errors.empty());
  const auto& map = static_cast<const arrow::MapArray&>(*decoded.rows->column(0));
  EXPECT_EQ(map.value_length(0), 250'000);
}

TEST(JsonHostile, EmptyObjectsInAListOfWideStructsCannotEatAllMemory) {
  std::string type = "list<struct<";
  for (int i = 0; i < 100; ++i) type += (i > 0 ? ", f" : "f") + std::to_string(i) + ": int64";
  auto decoder = DecoderOf({{"l", type + ">>"}});
  const DecodedBlock decoded =
      DecodeAll(*decoder, {"{\"l\":[" + Repeat("{},", 300'000) + "{}]}", "{\"l\":[{}]}"});
  ASSERT_EQ(decoded.errors.size(), 1U);
  EXPECT_THAT(decoded.errors[0].message, HasSubstr("makes more than 16000000 values"));
  EXPECT_EQ(decoded.rows->num_rows(), 1);
}

}  // namespace
}  // namespace millrace
