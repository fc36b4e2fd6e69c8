#include "columnar/schema_text.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(SchemaText, EveryTypeReadsBackFromItsOwnText) {
  for (const char* text : {"bool",
                           "int8",
                           "int16",
                           "int32",
                           "int64",
                           "uint8",
                           "uint16",
                           "uint32",
                           "uint64",
                           "float32",
                           "float64",
                           "string",
                           "binary",
                           "date",
                           "time[s]",
                           "time[ms]",
                           "time[us]",
                           "time[ns]",
                           "timestamp[s]",
                           "timestamp[ms]",
                           "timestamp[us, UTC]",
                           "timestamp[ms, rfc3339]",
                           "timestamp[ns, UTC, rfc3339]",
                           "timestamp[ms, Europe/Berlin]",
                           "decimal(10, 2)",
                           "decimal(76, 0)",
                           "json",
                           "json not null",
                           "int64 not null",
                           "list<int64>",
                           "list<string not null> not null",
                           "struct<a: int64, b: list<json>>",
                           "struct<\"odd \"\"name\"\"\": int64>",
                           "map<string, float64>",
                           "map<string, struct<a: timestamp[ms, rfc3339] not null>>"}) {
    const auto field = ParseField("c", text);
    ASSERT_TRUE(field.ok()) << text << ": " << field.status().ToString();
    EXPECT_EQ(FieldText(**field), text);
    EXPECT_EQ((*field)->name(), "c");
  }
}

TEST(SchemaText, SpacesAndTheAliasDoubleAreAccepted) {
  EXPECT_EQ(FieldText(**ParseField("c", " struct< a :double,b: decimal( 5,1 ) not  null > ")),
            "struct<a: float64, b: decimal(5, 1) not null>");
}

TEST(SchemaText, TypesAreTheArrowTypesOneExpects) {
  EXPECT_TRUE((*ParseType("date"))->Equals(arrow::date32()));
  EXPECT_TRUE((*ParseType("timestamp[ms, UTC]"))->Equals(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC")));
  EXPECT_TRUE((*ParseType("list<int64>"))->Equals(arrow::list(arrow::int64())));
  EXPECT_TRUE((*ParseType("map<string, int64>"))->Equals(arrow::map(arrow::utf8(), arrow::int64())));
  EXPECT_TRUE((*ParseType("json"))->Equals(arrow::utf8()));
}

TEST(SchemaText, ErrorsNameThePlaceAndWhatWasMeant) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "expected a type at character 1"},
      {"strng", "unknown type 'strng' (did you mean 'string'?) at character 1"},
      {"list<strng>", "at character 6"},
      {"timestamp", "expected '[' at character 10"},
      {"timestamp[min]", "expected a unit: s, ms, us or ns at character 11"},
      {"decimal(77, 0)", "precision of 1 to 76"},
      {"decimal(5, 6)", "scale is 0 to its precision"},
      {"list<int64", "expected '>' at character 11"},
      {"struct<a int64>", "expected ':'"},
      {"struct<a: int64, a: int64>", "field 'a' appears twice at character 18"},
      {"map<int64, string>", "the key of a map is a string"},
      {"int64 x", "unexpected 'x' at character 7"},
      {"int64 not nul", "unexpected 'not nul'"},
  };
  for (const auto& [text, expected] : cases) {
    const auto field = ParseField("c", text);
    ASSERT_FALSE(field.ok()) << text;
    EXPECT_NE(field.status().message().find(expected), std::string::npos) << field.status().message();
  }
}

TEST(SchemaText, ACastTargetCannotBeNotNull) { EXPECT_FALSE(ParseType("int64 not null").ok()); }

TEST(SchemaText, DeepNestingIsAnErrorNotACrash) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "list<";
  EXPECT_FALSE(ParseField("c", text).ok());
}

TEST(SchemaText, ASchemaIsWrittenAsInYaml) {
  EXPECT_EQ(SchemaText(*arrow::schema({arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MILLI)),
                                       arrow::field("a b", arrow::int64(), false)})),
            "{ts: timestamp[ms], \"a b\": int64 not null}");
}

}  // namespace
}  // namespace millrace
