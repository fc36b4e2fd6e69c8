#include <gmock/gmock.h>

#include "codec/json/json_test_support.h"

namespace millrace {
namespace {

using testing::HasSubstr;

std::string Inferred(const std::vector<std::string>& values, std::int64_t max_rows = 10'000) {
  std::vector<BytesView> views;
  for (const std::string& value : values)
    views.push_back(value == "<null>" ? BytesView{} : BytesView::Of(value));
  const auto schema = InferJsonSchema(views, {.max_rows = max_rows});
  return schema.ok() ? SchemaText(**schema) : schema.status().message();
}

TEST(JsonInference, R7TypesAreTheNarrowestThatTakeEveryValue) {
  struct Case {
    std::vector<std::string> values;
    const char* type;
  };
  for (const Case& c : {
           Case{{"1", "-2"}, "int64"},
           {{"1", "2.5"}, "float64"},
           {{"1e2"}, "float64"},
           {{"1", "\"x\""}, "string"},
           {{"1.5", "\"x\"", "true"}, "string"},
           {{"true", "null"}, "bool"},
           {{"true", "1"}, "string"},
           {{"null"}, "string"},
           {{"9223372036854775807"}, "int64"},
           {{"9223372036854775808"}, "string"},
           {{"[1]", "[2.5,null]"}, "list<float64>"},
           {{"[]"}, "list<string>"},
           {{"[[1],[]]"}, "list<list<int64>>"},
           {{"{\"a\":1}", "{\"b\":\"x\"}"}, "struct<a: int64, b: string>"},
           {{"[{\"a\":1},{\"a\":null,\"b\":true}]"}, "list<struct<a: int64, b: bool>>"},
           {{"{}"}, "json"},
           {{"{\"a\":1}", "[1]"}, "json"},
           {{"{\"a\":1}", "2"}, "json"},
           {{"[1]", "\"x\""}, "json"},
       }) {
    std::vector<std::string> records;
    for (const std::string& value : c.values) records.push_back("{\"f\":" + value + "}");
    EXPECT_EQ(Inferred(records), std::string("{f: ") + c.type + "}") << c.values[0];
    // What was sampled must decode.
    std::vector<BytesView> views;
    for (const std::string& record : records) views.push_back(BytesView::Of(record));
    auto decoder = *MakeJsonDecoder({.schema = *InferJsonSchema(views, {})});
    EXPECT_TRUE(DecodeAll(*decoder, records).errors.empty()) << c.type;
  }
}

TEST(JsonInference, R7FieldsKeepTheOrderOfTheirFirstAppearance) {
  EXPECT_EQ(Inferred({R"({"b":1,"a":"x"})", R"({"c":true,"a":"y","b":2.5,"\u0064":null})"}),
            "{b: float64, a: string, c: bool, d: string}");
}

TEST(JsonInference, R7ValuesThatAreNoObjectsAreSkipped) {
  EXPECT_EQ(Inferred({"<null>", "", "[1]", "{\"a\":", R"({"a":1})", R"({"a":"\ud800"})"}), "{a: int64}");
  EXPECT_EQ(Inferred({R"({"a":1})", R"({"a":"x"})"}, 1), "{a: int64}");
}

TEST(JsonInference, WithoutAnyObjectTheErrorSaysWhatWasThere) {
  EXPECT_THAT(
      Inferred({"<null>", "[1]"}),
      HasSubstr("none of 2 values is a JSON object (the value is no JSON object: it begins with '[1]')"));
  EXPECT_THAT(Inferred({}), HasSubstr("declare the schema"));
}

TEST(JsonInference, AnObjectWithThousandsOfKeysIsDataNotStructure) {
  std::string object;
  for (int i = 0; i < 1500; ++i) object += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
  EXPECT_EQ(Inferred({"{\"m\":{" + object + "}}"}), "{m: json}");
}

}  // namespace
}  // namespace millrace
