#include "columnar/row_text.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"

namespace millrace {
namespace {

std::shared_ptr<arrow::Schema> SchemaOf(const std::vector<std::pair<const char*, const char*>>& columns) {
  arrow::FieldVector fields;
  for (const auto& [name, type] : columns) fields.push_back(*ParseField(name, type));
  return arrow::schema(fields);
}

TEST(RowText, ReadsEveryKindOfValue) {
  const auto row = ParseTextRow(
      R"(  k=a t=-1 price=2.5e3 name="x \"y\"\u00e9\n" n=null b=true tags=[1, "]"] u={"a": [1]} "odd name"=x # not this)");
  ASSERT_TRUE(row.ok()) << row.status().ToString();
  using Kind = TextCell::Kind;
  const std::tuple<const char*, Kind, const char*> expected[] = {{"k", Kind::kWord, "a"},
                                                                 {"t", Kind::kInteger, "-1"},
                                                                 {"price", Kind::kNumber, "2.5e3"},
                                                                 {"name", Kind::kText, "x \"y\"é\n"},
                                                                 {"n", Kind::kNull, "null"},
                                                                 {"b", Kind::kBool, "true"},
                                                                 {"tags", Kind::kJson, "[1, \"]\"]"},
                                                                 {"u", Kind::kJson, "{\"a\": [1]}"},
                                                                 {"odd name", Kind::kWord, "x"}};
  ASSERT_EQ(row->size(), std::size(expected));
  for (std::size_t i = 0; i < row->size(); ++i) {
    EXPECT_EQ(std::tuple((*row)[i].name, (*row)[i].kind, (*row)[i].text), expected[i]) << i;
  }
  EXPECT_TRUE(ParseTextRow("   # only a comment")->empty());
  EXPECT_TRUE(ParseTextRow("")->empty());
}

TEST(RowText, BadLinesAreErrorsWithAPosition) {
  const std::pair<const char*, const char*> cases[] = {{"k", "expected '=' after 'k' at character 2"},
                                                       {"k=", "expected a value"},
                                                       {"k=a k=b", "'k' appears twice"},
                                                       {"k=\"a", "closing quote"},
                                                       {"k=[1", "closing bracket"},
                                                       {"k=\"\\q\"", "unknown escape"},
                                                       {"k=\"\\u00g0\"", "hexadecimal"},
                                                       {"=a", "expected name=value"},
                                                       {"k=\"a\"b", "expected a space"}};
  for (const auto& [line, expected] : cases) {
    const Status status = ParseTextRow(line).status();
    EXPECT_NE(status.message().find(expected), std::string::npos) << line << ": " << status.message();
  }
}

TEST(RowText, RowsOfEveryTypeReadBackFromTheirText) {
  const auto schema = SchemaOf({{"b", "bool"},
                                {"i", "int8"},
                                {"u", "uint64"},
                                {"f", "float32"},
                                {"d", "float64"},
                                {"s", "string"},
                                {"x", "binary"},
                                {"day", "date"},
                                {"ts", "timestamp[ms]"},
                                {"tz", "timestamp[us, UTC]"},
                                {"tm", "time[ms]"},
                                {"m", "decimal(10, 2)"},
                                {"j", "json"},
                                {"l", "list<string>"},
                                {"o", "struct<a: int64, b: list<float64>>"},
                                {"p", "map<string, int64>"}});
  for (
      const char* line :
      {R"(b=true i=-5 u=18446744073709551615 f=2.5 d=-inf s=word x="a b" day=2024-02-29 ts=-1 tz=5 tm=7 m=-12.50 j="{\"a\":1}" l=["x", null, "a \"q\""] o={"a": 1, "b": [1.5, null]} p=[["k", 1]])",
       R"(b=null i=null u=null f=null d=null s=null x=null day=null ts=null tz=null tm=null m=null j=null l=null o=null p=null)",
       R"(b=false i=127 u=0 f=1.0 d=1e+300 s="5" x="" day=1969-12-31 ts=0 tz=0 tm=0 m=0.00 j="[]" l=[] o={"a": null, "b": null} p=[])"}) {
    const std::vector<TextRow> rows = {*ParseTextRow(line)};
    const auto batch = RowsFromText(rows, schema);
    ASSERT_TRUE(batch.ok()) << batch.status().ToString();
    ASSERT_TRUE((*batch)->ValidateFull().ok());
    EXPECT_EQ(RowText(**batch, 0), line);
  }
}

TEST(RowText, ShorthandsAreAcceptedWhereTheColumnIsTyped) {
  const auto schema = SchemaOf(
      {{"s", "string"}, {"d", "float64"}, {"m", "decimal(10, 2)"}, {"ts", "timestamp[ms]"}, {"k", "json"}});
  const std::vector<TextRow> rows = {*ParseTextRow("s=5 d=2 m=3 ts=1970-01-01T00:00:01Z k={\"a\":1}"),
                                     *ParseTextRow("m=1.5")};
  const auto batch = RowsFromText(rows, schema);
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();
  EXPECT_EQ(RowText(**batch, 0), R"(s="5" d=2.0 m=3.00 ts=1000 k="{\"a\":1}")");
  EXPECT_EQ(RowText(**batch, 1), "s=null d=null m=1.50 ts=null k=null");
}

TEST(RowText, AValueThatDoesNotFitNamesRowColumnAndType) {
  const auto schema = SchemaOf({{"i", "int8"}, {"day", "date"}});
  const std::vector<TextRow> good_then_bad = {*ParseTextRow("i=1"), *ParseTextRow("i=128")};
  const Status status = RowsFromText(good_then_bad, schema).status();
  EXPECT_NE(status.message().find("row 2: '128' is no value of column 'i' (int8)"), std::string::npos)
      << status.message();
  EXPECT_FALSE(RowsFromText(std::vector<TextRow>{*ParseTextRow("day=yesterday")}, schema).ok());
  EXPECT_FALSE(RowsFromText(std::vector<TextRow>{*ParseTextRow("i=\"1\"")}, schema).ok());
  EXPECT_NE(RowsFromText(std::vector<TextRow>{*ParseTextRow("dya=1")}, schema)
                .status()
                .message()
                .find("did you mean 'day'"),
            std::string::npos);
}

TEST(RowText, InfersTypesFromWhatIsWritten) {
  const std::vector<TextRow> rows = {*ParseTextRow("a=1 b=1 c=x d=true e=null f=[1] g=1"),
                                     *ParseTextRow("b=2.5 a=null g=x h=\"5\"")};
  EXPECT_EQ(SchemaText(**InferTextSchema(rows)),
            "{a: int64, b: float64, c: string, d: bool, e: string, f: json, g: string, h: string}");
}

}  // namespace
}  // namespace millrace
