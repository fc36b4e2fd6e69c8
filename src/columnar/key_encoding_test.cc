#include "columnar/key_encoding.h"

#include <cmath>
#include <limits>

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"

namespace millrace {
namespace {

std::shared_ptr<arrow::Array> Column(std::string_view type, std::string_view json) {
  return arrow::json::ArrayFromJSONString(*ParseType(type), json).ValueOrDie();
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4U];
    hex += kDigits[static_cast<unsigned char>(c) & 15U];
  }
  return hex;
}

std::shared_ptr<arrow::Field> FieldOf(const std::shared_ptr<arrow::Array>& array) {
  return arrow::field("", array->type());
}

TEST(KeyEncoding, BytesOfEveryTypeAreAsDocumented) {
  struct Case {
    const char* type;
    const char* json;
    const char* hex;
  };
  const Case cases[] = {
      {"bool", "[true]", "0101"},
      {"int64", "[5]", "018000000000000005"},
      {"int64", "[-1]", "017fffffffffffffff"},
      {"int8", "[5]", "018000000000000005"},
      {"uint32", "[5]", "010000000000000005"},
      {"float64", "[1.0]", "01bff0000000000000"},
      {"float64", "[-0.0]", "018000000000000000"},
      {"float32", "[1.0]", "01bff0000000000000"},
      {"string", "[\"ab\"]", "016162"},
      {"string", "[\"\"]", "01"},
      {"string", "[null]", "00"},
      {"date", "[1]", "018000000000000001"},
      {"timestamp[ms]", "[1]", "018000000000000001"},
      {"decimal(5, 2)", "[\"0.01\"]", "0180000000000000000000000000000001"},
  };
  for (const Case& c : cases) {
    const auto column = Column(c.type, c.json);
    KeyBuffer keys;
    ASSERT_TRUE(EncodeKeys(std::vector{column}, &keys).ok()) << c.type;
    EXPECT_EQ(Hex(keys[0]), c.hex) << c.type << " " << c.json;
  }
}

TEST(KeyEncoding, AStringThatIsNotLastIsEscapedAndTerminated) {
  KeyBuffer keys;
  const std::vector columns = {Column("string", R"(["a\u0000b"])"), Column("string", R"(["a\u0000b"])")};
  ASSERT_TRUE(EncodeKeys(columns, &keys).ok());
  EXPECT_EQ(Hex(keys[0]),
            "016100ff620000"
            "01610062");
}

TEST(KeyEncoding, KeysSortAsTheirValuesWithNullsFirst) {
  const std::pair<const char*, const char*> ascending[] = {
      {"bool", "[null, false, true]"},
      {"int64", "[null, -9223372036854775808, -256, -1, 0, 1, 255, 256, 9223372036854775807]"},
      {"int16", "[null, -32768, -1, 0, 1, 32767]"},
      {"uint64", "[null, 0, 1, 9223372036854775808, 18446744073709551615]"},
      {"float64", "[null, -Inf, -1e300, -1.5, -1e-300, 0, 1e-300, 1.5, 1e300, Inf, NaN]"},
      {"float32", "[null, -2.5, 0, 2.5]"},
      {"string",
       R"([null, "", "\u0000", "\u0000a", "a", "a\u0000", "a\u0000\u0000", "a\u0001", "aa", "b", "é"])"},
      {"date", "[null, -1, 0, 20000]"},
      {"timestamp[us, UTC]", "[null, -5, 0, 7]"},
      {"time[ms]", "[null, 0, 5]"},
      {"decimal(10, 2)", R"([null, "-12345678.90", "-0.01", "0.00", "0.01", "99.99", "12345678.90"])"},
      {"decimal(50, 0)", R"([null, "-10000000000000000000000000000000000000000", "0", "7"])"},
  };
  for (const auto& [type, json] : ascending) {
    const auto column = Column(type, json);
    for (const bool last : {true, false}) {
      std::vector<std::shared_ptr<arrow::Array>> columns = {column};
      if (!last)
        columns.push_back(arrow::MakeArrayFromScalar(arrow::Int64Scalar(7), column->length()).ValueOrDie());
      KeyBuffer keys;
      ASSERT_TRUE(EncodeKeys(columns, &keys).ok());
      for (std::size_t i = 1; i < static_cast<std::size_t>(column->length()); ++i) {
        EXPECT_LT(keys[i - 1], keys[i]) << type << " row " << i << " last=" << last;
      }
    }
  }
}

TEST(KeyEncoding, SeveralColumnsCompareFirstColumnFirstAndNeverCollide) {
  const std::vector columns = {Column("string", R"(["a", "a", "a", "ab", "ab", "b"])"),
                               Column("string", R"([null, "", "bc", null, "c", "a"])")};
  KeyBuffer keys;
  ASSERT_TRUE(EncodeKeys(columns, &keys).ok());
  for (std::size_t i = 1; i < 6; ++i) EXPECT_LT(keys[i - 1], keys[i]) << i;
}

TEST(KeyEncoding, EveryTypeReadsBackAlsoFromASlice) {
  const std::vector columns = {
      Column("bool", "[true, null, false]"),
      Column("int8", "[-128, null, 127]"),
      Column("uint16", "[0, null, 65535]"),
      Column("float32", "[-1.5, null, 2.5]"),
      Column("float64", "[-1e300, null, Inf]"),
      Column("string", R"(["x\u0000y", null, ""])"),
      Column("binary", R"(["x", null, "z"])"),
      Column("date", "[-3, null, 9]"),
      Column("time[us]", "[3, null, 9]"),
      Column("timestamp[ns, UTC]", "[-3, null, 9]"),
      Column("decimal(10, 2)", R"(["-1.25", null, "3.50"])"),
      Column("decimal(50, 1)", R"(["-1.5", null, "3.5"])"),
      Column("string", R"(["last", null, "one\u0000"])"),
  };
  for (const std::int64_t start : {0, 1}) {
    std::vector<std::shared_ptr<arrow::Array>> sliced;
    arrow::FieldVector fields;
    for (const auto& column : columns) {
      sliced.push_back(column->Slice(start));
      fields.push_back(FieldOf(column));
    }
    KeyBuffer keys;
    ASSERT_TRUE(EncodeKeys(sliced, &keys).ok());
    const auto read = DecodeKeys(keys.data(), keys.offsets(), fields);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      EXPECT_TRUE((*read)[i]->Equals(sliced[i])) << columns[i]->type()->ToString();
    }
  }
}

TEST(KeyEncoding, DirectPathsGiveTheSameBytesAsTheGeneralOne) {
  for (const auto& column : {Column("int64", "[3, -1, 7]"), Column("string", R"(["a", null, "c"])"),
                             Column("string", R"(["a", "", "c"])")->Slice(1)}) {
    KeyBuffer direct;
    ASSERT_TRUE(EncodeKeys(std::vector{column}, &direct).ok());
    KeyBuffer general;
    const std::vector two = {
        arrow::MakeArrayFromScalar(arrow::BooleanScalar(true), column->length()).ValueOrDie(), column};
    ASSERT_TRUE(EncodeKeys(two, &general).ok());
    for (std::size_t i = 0; i < static_cast<std::size_t>(column->length()); ++i) {
      EXPECT_EQ(direct[i], general[i].substr(2)) << i;
    }
  }
}

TEST(KeyEncoding, ABufferIsReusedAppendedToAndHandedOver) {
  KeyBuffer keys;
  ASSERT_TRUE(EncodeKeys(std::vector{Column("int64", "[1, 2, 3]")}, &keys).ok());
  ASSERT_TRUE(EncodeKeys(std::vector{Column("string", R"(["x"])")}, &keys).ok());
  EXPECT_EQ(keys.num_rows(), 1);
  keys.Append("\x01y");
  const auto array = std::move(keys).ToBinaryArray();
  EXPECT_EQ(array->length(), 2);
  EXPECT_EQ(array->GetView(0), "\x01x");
  EXPECT_EQ(array->GetView(1), "\x01y");
  EXPECT_TRUE(array->ValidateFull().ok());
  EXPECT_EQ(keys.num_rows(), 0);  // NOLINT(bugprone-use-after-move): documented
  ASSERT_TRUE(EncodeKeys(std::vector{Column("int64", "[]")}, &keys).ok());
  EXPECT_EQ(keys.num_rows(), 0);
}

TEST(KeyEncoding, DamagedKeysAreCorruptAndNeverReadPastTheirEnd) {
  const std::vector<std::pair<std::string, const char*>> cases = {
      {"", "int64"},
      {std::string("\x01\x00", 2), "int64"},
      {"\x02", "int64"},
      {std::string("\x01\x80\0\0\0\0\0\0\5x", 10), "int64"},
      {std::string("\x00x", 2), "string"}};
  for (const auto& [bytes, type] : cases) {
    KeyBuffer keys;
    keys.Append(bytes);
    const arrow::FieldVector fields = {*ParseField("k", type)};
    EXPECT_EQ(DecodeKeys(keys.data(), keys.offsets(), fields).status().code(), StatusCode::kCorrupt)
        << Hex(bytes);
  }
  KeyBuffer unterminated;
  unterminated.Append("\x01xy");
  const arrow::FieldVector two = {*ParseField("a", "string"), *ParseField("b", "string")};
  EXPECT_FALSE(DecodeKeys(unterminated.data(), unterminated.offsets(), two).ok());
}

TEST(KeyEncoding, NestedTypesAreRefusedByName) {
  KeyBuffer keys;
  const Status status = EncodeKeys(std::vector{Column("list<int64>", "[[1]]")}, &keys);
  EXPECT_NE(status.message().find("list<item: int64> cannot be a key"), std::string::npos)
      << status.message();
  EXPECT_FALSE(IsKeyType(*arrow::list(arrow::int64())));
  EXPECT_TRUE(IsKeyType(*arrow::utf8()));
}

TEST(KeyEncoding, RowsWithNullNamesThemOrSaysThereAreNone) {
  const std::vector columns = {Column("int64", "[1, null, 3]"), Column("string", R"(["a", "b", null])")};
  const auto rows = *RowsWithNull(columns);
  EXPECT_FALSE(rows->Value(0));
  EXPECT_TRUE(rows->Value(1));
  EXPECT_TRUE(rows->Value(2));
  EXPECT_EQ(*RowsWithNull(std::vector{Column("int64", "[1]")}), nullptr);
}

}  // namespace
}  // namespace millrace
