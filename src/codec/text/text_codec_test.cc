#include "codec/text/text_codec.h"

#include <arrow/api.h>
#include <gmock/gmock.h>

#include "codec/json/json_codec.h"
#include "columnar/schema_text.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Columns = std::vector<std::pair<std::string, std::string>>;

std::shared_ptr<arrow::Schema> SchemaOf(const Columns& columns) {
  arrow::FieldVector fields;
  for (const auto& [name, type] : columns) fields.push_back(*ParseField(name, type));
  return arrow::schema(fields);
}

/// Records with these keys and values; "<null>" is null.
std::shared_ptr<const RecordBlock> BlockOf(const std::vector<std::string>& keys,
                                           const std::vector<std::string>& values) {
  RecordBlockBuilder builder({"t", Partition(0)});
  const auto view = [](const std::string& text) {
    return text == "<null>" ? BytesView{} : BytesView::Of(text);
  };
  for (std::size_t i = 0; i < keys.size(); ++i) {
    builder.Append(Offset(static_cast<std::int64_t>(i)), 0, view(keys[i]), view(values[i]));
  }
  return builder.Finish();
}

/// Keys of rows given as JSON; "<null>" for a null key.
std::vector<std::string> Keys(KeyFormat format, const Columns& columns,
                              const std::vector<std::string>& rows) {
  auto decoder = *MakeJsonDecoder({.schema = SchemaOf(columns)});
  const auto decoded = decoder->Decode(*BlockOf(rows, rows));
  EXPECT_TRUE(decoded->errors.empty());
  auto encoder = MakeKeyEncoder(format, SchemaOf(columns));
  EXPECT_TRUE(encoder.ok()) << encoder.status().ToString();
  EncodedRows encoded;
  EXPECT_TRUE((*encoder)->Encode(*decoded->rows, &encoded).ok());
  std::vector<std::string> keys;
  for (std::int64_t i = 0; i < encoded.num_rows(); ++i) {
    keys.push_back(encoded.row(i).is_null() ? "<null>" : std::string(encoded.row(i).view()));
  }
  return keys;
}

/// The column that keys (or values) become, as text, then the messages of errors.
std::vector<std::string> Column(Decoder& decoder, const std::vector<std::string>& keys,
                                const std::vector<std::string>& values) {
  const auto decoded = decoder.Decode(*BlockOf(keys, values));
  EXPECT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_TRUE(decoded->rows->ValidateFull().ok());
  std::vector<std::string> out;
  for (std::int64_t i = 0; i < decoded->rows->num_rows(); ++i) {
    out.push_back((*decoded->rows->column(0)->GetScalar(i))->ToString());
  }
  for (const RowError& error : decoded->errors)
    out.push_back(std::to_string(error.row) + " " + error.message);
  return out;
}

TEST(KeyEncoder, OneColumnIsItsTextOrItsJson) {
  const std::vector<std::string> rows = {R"({"c":"a\"b"})", R"({"c":null})", R"({"c":""})"};
  EXPECT_THAT(Keys(KeyFormat::kString, {{"c", "string"}}, rows), ElementsAre("a\"b", "<null>", ""));
  EXPECT_THAT(Keys(KeyFormat::kJson, {{"c", "string"}}, rows), ElementsAre(R"("a\"b")", "<null>", "\"\""));
  EXPECT_THAT(Keys(KeyFormat::kBytes, {{"c", "string"}}, rows), ElementsAre("a\"b", "<null>", ""));
  EXPECT_THAT(Keys(KeyFormat::kBytes, {{"c", "binary"}}, {R"({"c":"AAE="})"}),
              ElementsAre(std::string("\0\1", 2)));
}

TEST(KeyEncoder, EveryKeyTypeHasAText) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"int64", "-12", "-12"},
      {"uint8", "255", "255"},
      {"bool", "true", "true"},
      {"timestamp[ms]", "1700000000000", "1700000000000"},
      {"date", "\"2024-01-31\"", "2024-01-31"},
      {"decimal(6, 2)", "\"12.5\"", "12.50"},
      {"timestamp[s, rfc3339]", "\"2024-01-31T00:00:00Z\"", "2024-01-31T00:00:00Z"}};
  for (const auto& [type, value, key] : cases) {
    EXPECT_THAT(Keys(KeyFormat::kString, {{"c", type}}, {std::string("{\"c\":") + value + "}"}),
                ElementsAre(key))
        << type;
  }
}

TEST(KeyEncoder, SeveralColumnsAreAJsonArray) {
  const Columns columns = {{"a", "string"}, {"b", "int64"}, {"c", "date"}};
  for (const KeyFormat format : {KeyFormat::kString, KeyFormat::kJson}) {
    EXPECT_THAT(Keys(format, columns, {R"({"a":"x","b":1,"c":"2024-01-31"})", R"({"a":null,"b":2})"}),
                ElementsAre(R"(["x",1,"2024-01-31"])", "[null,2,null]"));
  }
}

TEST(KeyEncoder, TypesWithoutAKeyFormAreUserErrors) {
  for (const char* type : {"float64", "float32", "list<int64>", "struct<a: int64>", "map<string, int64>"}) {
    const auto encoder = MakeKeyEncoder(KeyFormat::kString, SchemaOf({{"c", type}}));
    ASSERT_FALSE(encoder.ok()) << type;
    EXPECT_THAT(encoder.status().message(), HasSubstr("column 'c'")) << type;
  }
  EXPECT_FALSE(MakeKeyEncoder(KeyFormat::kBytes, SchemaOf({{"c", "int64"}})).ok());
  EXPECT_FALSE(MakeKeyEncoder(KeyFormat::kBytes, SchemaOf({{"a", "string"}, {"b", "string"}})).ok());
  EXPECT_FALSE(MakeKeyEncoder(KeyFormat::kString, arrow::schema({})).ok());
}

TEST(KeyDecoder, KeysReadAsTheTypeOfTheColumnOrAreRowErrors) {
  const std::vector<std::string> values = {"v", "v", "v", "v"};
  auto text = *MakeKeyDecoder(KeyFormat::kString, *ParseField("k", "string"));
  EXPECT_THAT(Column(*text, {"a", "", "<null>", "\xFF"}, values),
              ElementsAre("a", "", "null", "3 column 'k': the key is not UTF-8 text"));
  auto number = *MakeKeyDecoder(KeyFormat::kString, *ParseField("k", "int8"));
  EXPECT_THAT(Column(*number, {"-128", "128", "<null>", "1x"}, values),
              ElementsAre("-128", "null", "1 column 'k': the key does not read as int8",
                          "3 column 'k': the key does not read as int8"));
  auto big = *MakeKeyDecoder(KeyFormat::kString, *ParseField("k", "uint64"));
  EXPECT_THAT(Column(*big, {"18446744073709551615", "-1"}, values),
              ElementsAre("18446744073709551615", "1 column 'k': the key does not read as uint64"));
  auto bytes = *MakeKeyDecoder(KeyFormat::kBytes, *ParseField("k", "binary"));
  EXPECT_THAT(Column(*bytes, {"\xFF", "<null>"}, values), ElementsAre("\xFF", "null"));
}

TEST(KeyDecoder, AnIntegerKeyEndsWhereItsBytesEndAndNotWhereTheValueBesideItDoes) {
  auto number = *MakeKeyDecoder(KeyFormat::kString, *ParseField("k", "int64"));
  const std::vector<std::string> keys = {"5",
                                         "007",
                                         "-3",
                                         "9223372036854775807",
                                         "",
                                         "12x",
                                         "1.5",
                                         "-",
                                         "<null>",
                                         "0",
                                         "-0",
                                         "-9223372036854775808",
                                         "9223372036854775808"};
  // Values follow their keys in memory.
  const std::vector<std::string> values(keys.size(), "678");
  const std::string reason = " column 'k': the key does not read as int64";
  EXPECT_THAT(Column(*number, keys, values),
              ElementsAre("5", "7", "-3", "9223372036854775807", "null", "0", "0", "-9223372036854775808",
                          "4" + reason, "5" + reason, "6" + reason, "7" + reason, "12" + reason));
}

TEST(KeyDecoder, JsonKeysAreOneJsonValue) {
  const std::vector<std::string> values(6, "v");
  auto text = *MakeKeyDecoder(KeyFormat::kJson, *ParseField("k", "string"));
  EXPECT_THAT(Column(*text, {R"("a\n")", " \"b\" ", "<null>", "null", "\"a\" 1", "\"a"}, values),
              ElementsAre("a\n", "b", "null", "null", HasSubstr("4 column 'k': bad JSON at byte 4"),
                          HasSubstr("5 column 'k': bad JSON at byte 0: a string that does not end")));
  auto number = *MakeKeyDecoder(KeyFormat::kJson, *ParseField("k", "int64"));
  EXPECT_THAT(Column(*number, {"12", "1,\"k\":2", "1}", "", "\"1\""}, values),
              ElementsAre("12", HasSubstr("1 column"), HasSubstr("2 column"), HasSubstr("3 column"),
                          "4 column 'k': expected int64, found string \"1\""));
}

TEST(KeyDecoder, ANullKeyIsAnErrorOnlyWhereDeclaredNotNull) {
  auto decoder = *MakeKeyDecoder(KeyFormat::kString, *ParseField("k", "string not null"));
  const auto decoded = decoder->Decode(*BlockOf({"a", "<null>"}, {"v", "v"}));
  ASSERT_EQ(decoded->errors.size(), 1U);
  EXPECT_EQ(decoded->errors[0].error_class, "not_null");
  EXPECT_EQ(decoded->tombstone, nullptr);
}

TEST(KeyDecoder, TypesAKeyCannotBecomeAreUserErrors) {
  EXPECT_FALSE(MakeKeyDecoder(KeyFormat::kString, *ParseField("k", "float64")).ok());
  EXPECT_FALSE(MakeKeyDecoder(KeyFormat::kString, *ParseField("k", "list<string>")).ok());
  EXPECT_FALSE(MakeKeyDecoder(KeyFormat::kBytes, *ParseField("k", "int64")).ok());
}

TEST(KeyFormat, NamesAreThoseOfTheYaml) {
  EXPECT_EQ(*ParseKeyFormat("string"), KeyFormat::kString);
  EXPECT_EQ(*ParseKeyFormat("json"), KeyFormat::kJson);
  EXPECT_EQ(*ParseKeyFormat("bytes"), KeyFormat::kBytes);
  EXPECT_THAT(ParseKeyFormat("avro").status().message(), HasSubstr("string, json or bytes"));
}

TEST(StringCodec, ValuesAreOneColumnAndBack) {
  auto text = *MakeStringDecoder(*ParseField("value", "string"));
  const std::vector<std::string> keys(4, "k");
  EXPECT_THAT(Column(*text, keys, {"line", "", "<null>", "\xC3"}),
              ElementsAre("line", "", "null", "3 column 'value': the value is not UTF-8 text"));
  const auto decoded = text->Decode(*BlockOf({"k", "k"}, {"a\"b", "<null>"}));
  ASSERT_NE(decoded->tombstone, nullptr);
  EXPECT_TRUE(decoded->tombstone->Value(1));
  auto encoder = *MakeStringEncoder(decoded->rows->schema());
  EncodedRows encoded;
  ASSERT_TRUE(encoder->Encode(*decoded->rows, &encoded).ok());
  EXPECT_EQ(encoded.row(0).view(), "a\"b");
  EXPECT_TRUE(encoded.row(1).is_null());
  EXPECT_FALSE(MakeStringEncoder(SchemaOf({{"a", "int64"}})).ok());
  EXPECT_FALSE(MakeStringDecoder(*ParseField("a", "int64")).ok());
}

}  // namespace
}  // namespace millrace
