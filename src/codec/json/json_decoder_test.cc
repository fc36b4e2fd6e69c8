#include <gmock/gmock.h>

#include "codec/json/json_test_support.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// One column `c` of `type`, one record {"c": value}: the value read, as the encoder writes it, or the error.
std::string Read(const std::string& type, const std::string& value) {
  auto decoder = DecoderOf({{"c", type}});
  // Neighbours on both sides must not notice what happens between them.
  const DecodedBlock decoded =
      DecodeAll(*decoder, {"{\"c\":null}", "{\"c\":" + value + "}", "{\"c\": null }"});
  if (!decoded.errors.empty()) {
    EXPECT_EQ(decoded.errors.size(), 1U);
    EXPECT_EQ(decoded.errors[0].row, 1);
    EXPECT_EQ(decoded.rows->num_rows(), 2);
    return decoded.errors[0].message;
  }
  const std::string line = Lines(*decoded.rows).at(1);
  return line.substr(5, line.size() - 6);
}

TEST(JsonDecoder, EveryTypeReadsItsForms) {
  struct Case {
    const char* type;
    const char* value;
    const char* read;
  };
  for (const Case& c : {
           Case{"bool", "true", "true"},
           {"bool", "false", "false"},
           {"int8", "-128", "-128"},
           {"int16", "32767", "32767"},
           {"int32", "-2147483648", "-2147483648"},
           {"int64", "9223372036854775807", "9223372036854775807"},
           {"int64", "-9223372036854775808", "-9223372036854775808"},
           {"int64", "12345678", "12345678"},
           {"int64", "1234567890123456", "1234567890123456"},
           {"int64", "-0", "0"},
           {"uint8", "255", "255"},
           {"uint16", "65535", "65535"},
           {"uint32", "4294967295", "4294967295"},
           {"uint64", "18446744073709551615", "18446744073709551615"},
           {"uint64", "-0", "0"},
           {"float32", "0.1", "0.1"},
           {"float32", "16777217", "16777216"},
           {"float64", "1", "1"},
           {"float64", "-0", "-0"},
           {"float64", "-0.0", "-0"},
           {"float64", "1.5e3", "1500"},
           {"float64", "0.1", "0.1"},
           {"float64", "9007199254740993", "9007199254740992"},
           {"float64", "123456789.123456789", "123456789.12345679"},
           {"float64", "1e308", "1e+308"},
           {"float64", "5e-324", "5e-324"},
           {"float64", "1e-400", "0"},
           {"string", "\"abc\"", "\"abc\""},
           {"string", "\"\"", "\"\""},
           {"string", R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")", R"("\"\\/\b\f\n\r\té😀")"},
           {"string", R"("a\u0000b")", R"("a\u0000b")"},
           {"string", "\"häßlich ü\"", "\"häßlich ü\""},
           {"string", "12.50", "\"12.50\""},
           {"string", "true", "\"true\""},
           {"binary", "\"AAEC/w==\"", "\"AAEC/w==\""},
           {"binary", R"("AAEC\/w==")", "\"AAEC/w==\""},
           {"binary", "\"\"", "\"\""},
           {"date", "\"2024-02-29\"", "\"2024-02-29\""},
           {"date", "\"0001-01-01\"", "\"0001-01-01\""},
           {"time[ms]", "86399999", "86399999"},
           {"timestamp[ms]", "-1", "-1"},
           {"timestamp[s, rfc3339]", "\"1970-01-01T00:00:01Z\"", "\"1970-01-01T00:00:01Z\""},
           {"timestamp[ms, rfc3339]", "\"2024-05-01T12:00:00.5+02:00\"", "\"2024-05-01T10:00:00.500Z\""},
           {"timestamp[ms, rfc3339]", "\"1969-12-31 23:59:59.9999z\"", "\"1969-12-31T23:59:59.999Z\""},
           {"timestamp[ns, rfc3339]", "\"2262-04-11T23:47:16.854775807Z\"",
            "\"2262-04-11T23:47:16.854775807Z\""},
           {"decimal(5, 2)", "1.5", "\"1.50\""},
           {"decimal(5, 2)", "\"-999.99\"", "\"-999.99\""},
           {"decimal(5, 2)", "1.2e1", "\"12.00\""},
           {"decimal(5, 2)", "0", "\"0.00\""},
           {"decimal(5, 2)", "1.23000", "\"1.23\""},
           {"decimal(38, 0)", "99999999999999999999999999999999999999",
            "\"99999999999999999999999999999999999999\""},
           {"decimal(40, 1)", "-123456789012345678901234567890123456789.5",
            "\"-123456789012345678901234567890123456789.5\""},
           {"list<int64>", "[1, 2 ,null]", "[1,2,null]"},
           {"list<int64>", "[ ]", "[]"},
           {"list<list<string>>", R"([["a"],[],null])", R"([["a"],[],null])"},
           {"struct<a: int64, b: string>", R"({"b":"x","a":1})", R"({"a":1,"b":"x"})"},
           {"struct<a: int64, b: string>", "{}", R"({"a":null,"b":null})"},
           {"struct<a: int64, b: string>", "null", "null"},
           {"list<struct<a: int64>>", R"([{"a":1},{},null])", R"([{"a":1},{"a":null},null])"},
           {"map<string, int64>", R"({"x":1,"y":null})", R"({"x":1,"y":null})"},
           {"map<string, int64>", R"({"x":1,"y":2,"x":3})", R"({"y":2,"x":3})"},
           {"map<string, list<int64>>", R"({"":[1]})", R"({"":[1]})"},
           {"json", R"({"a": [1.50, "x"]})", R"({"a": [1.50, "x"]})"},
           {"json", "1e400", "1e400"},
           {"json", "null", "null"},
       }) {
    EXPECT_EQ(Read(c.type, c.value), c.read) << c.type << " " << c.value;
  }
}

TEST(JsonDecoder, R3AValueThatDoesNotFitIsARowErrorThatNamesTheColumn) {
  struct Case {
    const char* type;
    const char* value;
    const char* message;
  };
  for (const Case& c : {
           Case{"float64", "\"abc\"", "column 'c': expected float64, found string \"abc\""},
           {"float64", "true", "column 'c': expected float64, found true"},
           {"float64", "NaN", "column 'c': expected float64, found NaN"},
           {"float64", "-Infinity", "column 'c': expected float64, found -Infinity"},
           {"float64", "1e400", "column 'c': the number 1e400 is beyond float64"},
           {"float64", "-1e309", "column 'c': the number -1e309 is beyond float64"},
           {"float64", "01", "column 'c': expected float64, found 01"},
           {"float64", "1.", "column 'c': expected float64, found 1."},
           {"float64", ".5", "column 'c': expected float64, found .5"},
           {"float64", "+1", "column 'c': expected float64, found +1"},
           {"float64", "1e", "column 'c': expected float64, found 1e"},
           {"float32", "1e39", "column 'c': the number 1e39 is beyond float32"},
           {"int64", "1.0", "column 'c': expected int64, found number 1.0"},
           {"int64", "1e2", "column 'c': expected int64, found number 1e2"},
           {"int64", "9223372036854775808", "column 'c': the number 9223372036854775808 is beyond int64"},
           {"int64", "-9223372036854775809", "column 'c': the number -9223372036854775809 is beyond int64"},
           {"int64", "18446744073709551616", "column 'c': the number 18446744073709551616 is beyond int64"},
           {"int64", "100000000000000000000", "column 'c': the number 100000000000000000000 is beyond int64"},
           {"int64", "\"1\"", "column 'c': expected int64, found string \"1\""},
           {"int64", "[1]", "column 'c': expected int64, found array"},
           {"int64", "{}", "column 'c': expected int64, found object"},
           {"int64", "-", "column 'c': expected int64, found -"},
           {"int64", "1 2", "column 'c': bad JSON at byte 7: expected ',' or '}', found '2}'"},
           {"int64", "nul", "column 'c': expected int64, found nul"},
           {"int64", "", "column 'c': bad JSON at byte 5: expected a JSON value, found '}'"},
           {"int8", "128", "column 'c': the number 128 is beyond int8"},
           {"uint8", "-1", "column 'c': the number -1 is beyond uint8"},
           {"uint64", "-1", "column 'c': the number -1 is beyond uint64"},
           {"uint64", "18446744073709551616", "column 'c': the number 18446744073709551616 is beyond uint64"},
           {"bool", "1", "column 'c': expected bool, found number 1"},
           {"bool", "tru", "column 'c': expected bool, found tru"},
           {"string", "{}", "column 'c': expected string, found object"},
           {"string", "[1]", "column 'c': expected string, found array"},
           {"binary", "\"AAE\"", "column 'c': expected base64 text"},
           {"binary", "\"AB==\"", "column 'c': expected base64 text"},
           {"binary", "1", "column 'c': expected binary, found number 1"},
           {"date", "\"2023-02-29\"", "column 'c': expected date, found string \"2023-02-29\""},
           {"date", "19000", "column 'c': expected date, found number 19000"},
           {"time[ms]", "86400000", "column 'c': the number 86400000 is beyond time[ms]"},
           {"timestamp[ms]", "\"2024-01-01\"",
            "column 'c': expected timestamp[ms], found string \"2024-01-01\""},
           {"timestamp[ms, rfc3339]", "5", "found number 5"},
           {"timestamp[ms, rfc3339]", "\"2024-05-01T12:00:00\"", "found string \"2024-05-01T12:00:00\""},
           {"timestamp[ms, rfc3339]", "\"2024-05-01T24:00:00Z\"", "found string"},
           {"timestamp[ns, rfc3339]", "\"9999-05-01T12:00:00Z\"", "found string"},
           {"decimal(5, 2)", "1.234", "column 'c': a number with more than 2 decimals for decimal(5, 2)"},
           {"decimal(5, 2)", "1000", "column 'c': the number 1000 is beyond decimal(5, 2)"},
           {"decimal(5, 2)", "1e999999999999",
            "column 'c': the number 1e999999999999 is beyond decimal(5, 2)"},
           {"decimal(5, 2)", "1e-999999999999", "more than 2 decimals"},
           {"decimal(5, 2)", "\"\"", "column 'c': expected decimal(5, 2), found string \"\""},
           {"list<int64>", "[1,\"x\"]", "column 'c[]': expected int64, found string \"x\""},
           {"list<int64>", "[1,]", "column 'c[]': bad JSON at byte 8: expected a JSON value, found ']}'"},
           {"list<int64>", "[1", "bad JSON at byte 7: expected ',' or ']', found '}'"},
           {"list<int64>", "{}", "column 'c': expected list<int64>, found object"},
           {"struct<a: struct<b: int64>>", R"({"a":{"b":true}})",
            "column 'c.a.b': expected int64, found true"},
           {"struct<a: int64 not null>", "{}", "column 'c.a': missing, but declared not null"},
           {"map<string, int64>", R"({"x":"y"})", "column 'c[]': expected int64, found string \"y\""},
           {"map<string, int64>", R"({1:2})", "a key in quotes"},
           {"json", "{\"a\":}", "column 'c': bad JSON at byte 10: expected a JSON value"},
       }) {
    EXPECT_THAT(Read(c.type, c.value), HasSubstr(c.message)) << c.type << " " << c.value;
  }
}

TEST(JsonDecoder, R2ATombstoneIsARowOfNullsEvenWhereNullIsNotAllowed) {
  auto decoder = DecoderOf({{"a", "int64 not null"}, {"b", "string"}});
  const DecodedBlock decoded = DecodeAll(*decoder, {R"({"a":1,"b":"x"})", "<null>", R"({"a":2})"});
  EXPECT_TRUE(decoded.errors.empty());
  EXPECT_EQ(decoded.record, nullptr);
  EXPECT_THAT(Lines(*decoded.rows),
              ElementsAre(R"({"a":1,"b":"x"})", R"({"a":null,"b":null})", R"({"a":2,"b":null})"));
  ASSERT_NE(decoded.tombstone, nullptr);
  EXPECT_FALSE(decoded.tombstone->Value(0));
  EXPECT_TRUE(decoded.tombstone->Value(1));
  EXPECT_FALSE(decoded.tombstone->Value(2));
  EXPECT_EQ(DecodeAll(*decoder, {R"({"a":1})"}).tombstone, nullptr);
}

TEST(JsonDecoder, R3TheOtherRowsOfABlockGoOn) {
  auto decoder = DecoderOf({{"s", "string"}, {"l", "list<struct<x: int64, y: string>>"}, {"n", "int64"}});
  const DecodedBlock decoded =
      DecodeAll(*decoder, {
                              R"({"s":"a","l":[{"x":1,"y":"p"}],"n":1})",
                              R"({"s":"bbbb","l":[{"x":2,"y":"q"},{"x":null,"y":7}],"n":"oops"})",
                              R"({"n":null,"s":null,"l":[{"x":3,"y":"r"},{"x":"bad"}]})",
                              R"({"s":"c","l":[null,{"y":"z"}],"n":4})",
                              "{",
                              R"({"s":"d"})",
                          });
  EXPECT_THAT(Lines(*decoded.rows), ElementsAre(R"({"s":"a","l":[{"x":1,"y":"p"}],"n":1})",
                                                R"({"s":"c","l":[null,{"x":null,"y":"z"}],"n":4})",
                                                R"({"s":"d","l":null,"n":null})"));
  ASSERT_NE(decoded.record, nullptr);
  ASSERT_EQ(decoded.record->length(), 3);
  EXPECT_EQ(decoded.record->Value(0), 0);
  EXPECT_EQ(decoded.record->Value(1), 3);
  EXPECT_EQ(decoded.record->Value(2), 5);
  ASSERT_EQ(decoded.errors.size(), 3U);
  EXPECT_EQ(decoded.errors[0].row, 1);
  EXPECT_EQ(decoded.errors[0].error_class, "decode");
  EXPECT_EQ(decoded.errors[0].message, "column 'n': expected int64, found string \"oops\"");
  EXPECT_EQ(decoded.errors[1].message, "column 'l[].x': expected int64, found string \"bad\"");
  EXPECT_EQ(decoded.errors[2].row, 4);
}

TEST(JsonDecoder, R5OfEqualKeysTheLastOneCounts) {
  auto decoder =
      DecoderOf({{"a", "int64"}, {"s", "string"}, {"l", "list<int64>"}, {"o", "struct<x: int64>"}});
  const DecodedBlock decoded = DecodeAll(
      *decoder,
      {R"({"a":1,"a":2,"s":"long text","s":"x","l":[1,2,3],"l":[4],"o":{"x":1},"o":{"x":2,"x":3}})",
       R"({"a":1,"s":"y","a":null,"l":[5],"l":null,"o":{"x":1},"o":null})", R"({"a":1,"\u0061":7})"});
  EXPECT_THAT(Lines(*decoded.rows),
              ElementsAre(R"({"a":2,"s":"x","l":[4],"o":{"x":3}})", R"({"a":null,"s":"y","l":null,"o":null})",
                          R"({"a":7,"s":null,"l":null,"o":null})"));
}

TEST(JsonDecoder, R5UnknownFieldsAreIgnoredButMustBeJson) {
  auto decoder = DecoderOf({{"a", "int64"}});
  const DecodedBlock decoded = DecodeAll(
      *decoder, {R"({"x":[1,{"a":5}],"a":1,"y":"\u00e9","z":1e400})", R"({"a":2,"x":[1,2})",
                 R"({"a":3,"x":tru})", R"({"a":4,"x":"\x"})", R"({"a":5,"x":"\ud800"})", R"({"a":6})"});
  EXPECT_THAT(Lines(*decoded.rows), ElementsAre(R"({"a":1})", R"({"a":6})"));
  EXPECT_EQ(decoded.errors.size(), 4U);
}

TEST(JsonDecoder, R5ExtraKeepCollectsUnknownFields) {
  JsonDecoderOptions options{.schema = SchemaOf({{"a", "int64"}, {"rest", "json"}}), .extra_column = "rest"};
  auto decoder = *MakeJsonDecoder(options);
  const DecodedBlock decoded =
      DecodeAll(*decoder, {R"({"x": 1 ,"a":1,"y":{"a": [2]},"x":3,"rest":4})", R"({"a":2})", "<null>",
                           R"({"x":})", R"({"x":1,"a":3})", R"({"x":2,"a":4})"});
  EXPECT_THAT(Lines(*decoded.rows), ElementsAre(R"({"a":1,"rest":{"y":{"a": [2]},"x":3,"rest":4}})",
                                                R"({"a":2,"rest":null})", R"({"a":null,"rest":null})",
                                                R"({"a":3,"rest":{"x":1}})", R"({"a":4,"rest":{"x":2}})"));
  options.extra_column = "a";
  EXPECT_FALSE(MakeJsonDecoder(options).ok());
}

TEST(JsonDecoder, R6AMissingFieldIsNullAndAnErrorWhereDeclaredNotNull) {
  auto decoder = DecoderOf({{"a", "int64 not null"}, {"b", "string"}});
  const DecodedBlock decoded =
      DecodeAll(*decoder, {R"({"a":1})", R"({"b":"x"})", R"({"a":null})", R"({"a":2})"});
  EXPECT_THAT(Lines(*decoded.rows), ElementsAre(R"({"a":1,"b":null})", R"({"a":2,"b":null})"));
  ASSERT_EQ(decoded.errors.size(), 2U);
  EXPECT_EQ(decoded.errors[0].error_class, "not_null");
  EXPECT_EQ(decoded.errors[0].message, "column 'a': missing, but declared not null");
  EXPECT_EQ(decoded.errors[1].message, "column 'a': null, but declared not null");
}

TEST(JsonDecoder, SpacesAndAnyOrderOfKeysChangeNothing) {
  auto decoder = DecoderOf({{"a", "int64"}, {"long_name_of_a_column", "float64"}, {"s", "string"}});
  const DecodedBlock decoded =
      DecodeAll(*decoder, {R"({"a":1,"long_name_of_a_column":1.5,"s":"x"})",
                           R"({"a": 1, "long_name_of_a_column": 1.5, "s": "x"})",
                           "\n\t { \"s\" :\r\n\"x\" , \"long_name_of_a_column\"\t: 1.5 ,\"a\":1 } \n",
                           R"({"s":"x","a":1,"long_name_of_a_column":1.5})",
                           R"({"s":"x","u":0,"a":1,"long_name_of_a_column":1.5,"v":0})"});
  EXPECT_TRUE(decoded.errors.empty());
  for (const std::string& line : Lines(*decoded.rows)) {
    EXPECT_EQ(line, R"({"a":1,"long_name_of_a_column":1.5,"s":"x"})");
  }
}

TEST(JsonDecoder, ManyBlocksThroughOneDecoderKeepTheirOwnRows) {
  auto decoder = DecoderOf({{"n", "int64"}, {"s", "string"}, {"l", "list<int64>"}});
  std::vector<DecodedBlock> blocks;
  for (int b = 0; b < 20; ++b) {
    std::vector<std::string> values;
    for (int i = 0; i < b * 37 % 200; ++i) {
      const std::string n = std::to_string(b * 1000 + i);
      values.push_back(i % 7 == 3 ? "{\"n\":" : R"({"n":)" + n + R"(,"s":"s)" + n + R"(","l":[)" + n + "]}");
    }
    blocks.push_back(DecodeAll(*decoder, values));
  }
  for (int b = 0; b < 20; ++b) {
    const auto& rows = *blocks[static_cast<std::size_t>(b)].rows;
    int i = 0;
    for (const std::string& line : Lines(rows)) {
      if (i % 7 == 3) ++i;
      const std::string n = std::to_string(b * 1000 + i++);
      EXPECT_EQ(line, R"({"n":)" + n + R"(,"s":"s)" + n + R"(","l":[)" + n + "]}");
    }
  }
}

TEST(JsonDecoder, ATypeWithoutAJsonFormIsAUserError) {
  const auto decoder =
      MakeJsonDecoder({.schema = arrow::schema({arrow::field("i", arrow::month_interval())})});
  ASSERT_FALSE(decoder.ok());
  EXPECT_THAT(decoder.status().message(), HasSubstr("column 'i'"));
}

}  // namespace
}  // namespace millrace
