#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"
#include "expr/expr.h"

namespace millrace {
namespace {

struct Column {
  const char* name;
  const char* type;
  const char* json;
};

std::shared_ptr<arrow::RecordBatch> Batch(const std::vector<Column>& columns) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  for (const Column& column : columns) {
    fields.push_back(*ParseField(column.name, column.type));
    arrays.push_back(*arrow::json::ArrayFromJSONString(fields.back()->type(), column.json));
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), arrays[0]->length(), arrays);
}

std::string TextOf(const arrow::Array& values) {
  std::string out;
  for (std::int64_t i = 0; i < values.length(); ++i) {
    const auto scalar = *values.GetScalar(i);
    out += (i > 0 ? " " : "") + (scalar->is_valid ? scalar->ToString() : "null");
  }
  return out;
}

class Evaluate : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitializeExpressions().ok()); }

  static Result<ExprValues> On(const std::string& text, const arrow::RecordBatch& batch) {
    const auto expr = ParseExpr(text);
    if (!expr.ok()) return expr.status();
    const auto bound = BoundExpr::Bind(*expr, batch.schema());
    if (!bound.ok()) return bound.status();
    return bound->Evaluate(batch);
  }

  /// "values | row:class row:class"
  static std::string Text(const std::string& text, const arrow::RecordBatch& batch) {
    const auto result = On(text, batch);
    if (!result.ok()) return result.status().message();
    std::string out = TextOf(*result->values);
    if (!result->errors.empty()) out += " |";
    for (const ExprRowError& error : result->errors)
      out += " " + std::to_string(error.row) + ":" + error.error_class;
    return out;
  }
};

TEST_F(Evaluate, ComputesColumnsRowByRow) {
  const auto batch = Batch({{"a", "int64", "[1, 2, null, 4]"},
                            {"b", "int64", "[4, 0, 2, -3]"},
                            {"s", "string", R"(["x", null, "yy", "z"])"},
                            {"t", "timestamp[ms]", "[0, 86400000, null, -1]"},
                            {"l", "list<int64>", "[[1, 2], [], null, [3]]"},
                            {"n", "struct<u: string, v: int64>",
                             R"([{"u": "p", "v": 1}, {"u": null, "v": 2}, null, {"u": "q", "v": null}])"}});
  struct Case {
    const char* text;
    const char* values;
  };
  const Case cases[] = {
      {"a", "1 2 null 4"},
      {"a + b", "5 2 null 1"},
      {"7", "7 7 7 7"},
      {"null", "null null null null"},
      {"a > 1 and b > 0", "false false null false"},
      {"a > 1 or s = 'x'", "true true null true"},
      {"s is null", "false true false false"},
      {"upper(s) || a", "X1 null null Z4"},
      {"a in (1, 4)", "true false null true"},
      {"a in (b, 2)", "false true null false"},
      {"case when a = 1 then s when b = 2 then 'two' end", "x null two null"},
      {"case when b <> 0 then a / b else -1 end", "0 -1 null -1"},
      {"if(b = 0, 0, a / b)", "0 0 null -1"},
      {"b <> 0 and a / b = 0", "true false null false"},
      {"b = 0 or a / b = 0", "true true null false"},
      {"coalesce(a, b)", "1 2 2 4"},
      {"coalesce(a, 10 / b)", "1 2 5 4"},
      {"l[0]", "1 null null 3"},
      {"length(l)", "2 0 null 1"},
      {"list_sum(l)", "3 null null 3"},
      {"contains(l, a)", "true false null false"},
      {"list(a, b)[1]", "4 0 2 -3"},
      {"n.u", "p null null q"},
      {"n.v + 1", "2 3 null null"},
      {"hour(t)", "0 0 null 23"},
      {"t >= timestamp '1970-01-01T00:00:00Z'", "true true null false"},
      {"substring(s, a)", "x null null "},
      {"case s when 'x' then l else [9] end",
       "list<item: int64>[1, 2] list<item: int64>[9] list<item: int64>[9] "
       "list<item: int64>[9]"},
  };
  for (const Case& c : cases) EXPECT_EQ(Text(c.text, *batch), c.values) << c.text;
}

TEST_F(Evaluate, ReportsFailingRowsAndKeepsTheOthers) {
  const auto batch = Batch({{"a", "int64", "[10, 20, 9223372036854775807, 40, null]"},
                            {"b", "int64", "[2, 0, 1, 0, 0]"},
                            {"s", "string", R"(["1", "x", null, "", "5"])"}});
  struct Case {
    const char* text;
    const char* values;
  };
  const Case cases[] = {
      {"a / b", "5 null 9223372036854775807 null null | 1:divide_by_zero 3:divide_by_zero"},
      {"a % b", "0 null 0 null null | 1:divide_by_zero 3:divide_by_zero"},
      {"a + 1", "11 21 null 41 null | 2:overflow"},
      {"cast(s as int64)", "1 null null null 5 | 1:cast 3:cast"},
      {"try_cast(s as int64)", "1 null null null 5"},
      {"try_cast(s as int64) is null", "false true true true false"},
      {"cast(s as int64) + a / b", "6 null null null null | 1:cast 3:cast"},
      {"coalesce(cast(s as int64), 0)", "1 null 0 null 5 | 1:cast 3:cast"},
      {"try_cast(cast(a / b as string) as int64)",
       "5 null 9223372036854775807 null null | 1:divide_by_zero "
       "3:divide_by_zero"},
      {"case when b = 0 then 0 else a + 1 end", "11 0 null 0 0 | 2:overflow"},
      {"case when a > 30 then a + 1 when a / b = 5 then 1 end",
       "1 null null 41 null | 1:divide_by_zero 2:overflow"},
      {"1 / 0",
       "null null null null null | 0:divide_by_zero 1:divide_by_zero 2:divide_by_zero 3:divide_by_zero "
       "4:divide_by_zero"},
      {"if(b = 0, 1 / 0, 5)", "5 null 5 null null | 1:divide_by_zero 3:divide_by_zero 4:divide_by_zero"},
      {"case when b = 2 then case when s = '1' then a / (b - 2) end end",
       "null null null null null | 0:divide_by_zero"},
  };
  for (const Case& c : cases) EXPECT_EQ(Text(c.text, *batch), c.values) << c.text;
}

TEST_F(Evaluate, NamesTheExpressionInTheMessage) {
  const auto batch = Batch({{"a", "int64", "[1, 9223372036854775807]"}, {"s", "string", R"(["1", "ab"])"}});
  EXPECT_EQ(On("2 * (a + 1)", *batch)->errors[0].message, "a + 1: overflow");
  EXPECT_EQ(On("cast(s as int64)", *batch)->errors[0].message, "cast(s as int64): cannot read 'ab' as int64");
  EXPECT_EQ(On("cast(s as date)", *batch)->errors[1].message, "cast(s as date): cannot read 'ab' as date");
}

TEST_F(Evaluate, KeepsMessagesShort) {
  const std::string json = "[\"" + std::string(100'000, 'x') + "\"]";
  const auto batch = Batch({{"s", "string", json.c_str()}});
  const auto result = On("cast(s as int64)", *batch);
  ASSERT_EQ(result->errors.size(), 1U);
  EXPECT_LT(result->errors[0].message.size(), 300U);
}

TEST_F(Evaluate, ComparesUnsignedAndSignedNumbersByValue) {
  const auto batch = Batch({{"u", "uint64", "[18446744073709551615, 1, 0, 9223372036854775808]"},
                            {"i", "int64", "[-1, 1, -5, -9223372036854775808]"}});
  EXPECT_EQ(Text("u = i", *batch), "false true false false");
  EXPECT_EQ(Text("u > i", *batch), "true false true true");
  EXPECT_EQ(Text("u > -1", *batch), "true true true true");
  EXPECT_EQ(Text("u in (1, -1)", *batch), "false true false false");
  EXPECT_EQ(Text("u + i", *batch), "null 2 -5 null | 0:overflow 3:overflow");
  EXPECT_EQ(Text("u + 1", *batch), "null 2 1 9223372036854775809 | 0:overflow");
  EXPECT_EQ(Text("-u", *batch), "null -1 0 null | 0:overflow 3:overflow");
}

TEST_F(Evaluate, NeverWrapsNarrowIntegers) {
  const auto batch = Batch({{"a", "int8", "[127, -128]"}, {"b", "uint32", "[4294967295, 0]"}});
  EXPECT_EQ(Text("a + a", *batch), "254 -256");
  EXPECT_EQ(Text("a * b", *batch), "545460846465 0");
  EXPECT_EQ(Text("-b", *batch), "-4294967295 0");
  EXPECT_EQ(Text("abs(a)", *batch), "127 128");
  EXPECT_EQ(Text("a = 1000", *batch), "false false");
  EXPECT_EQ(Text("case when a > 0 then a else 1000 end", *batch), "127 1000");
}

TEST_F(Evaluate, RoundsDecimalsIntoADigitMore) {
  const auto batch = Batch({{"d", "decimal(4, 2)", R"(["99.99", "-99.99", null, "1.50", "0.00"])"}});
  EXPECT_EQ(Text("round(d)", *batch), "100.00 -100.00 null 2.00 0.00");
  EXPECT_EQ(Text("floor(d)", *batch), "99.00 -100.00 null 1.00 0.00");
  EXPECT_EQ(Text("ceil(d)", *batch), "100.00 -99.00 null 2.00 0.00");
}

TEST_F(Evaluate, FoldsListsOfUnsignedNumbers) {
  const auto batch =
      Batch({{"l", "list<uint64>", "[[18446744073709551615], [1, 2], [18446744073709551615, 1], []]"}});
  EXPECT_EQ(Text("list_min(l)", *batch), "18446744073709551615 1 1 null");
  EXPECT_EQ(Text("list_sum(l)", *batch), "18446744073709551615 3 null null | 2:overflow");
  EXPECT_EQ(Text("list_sum(l)", *batch->Slice(1, 1)), "3");
}

TEST_F(Evaluate, ReadsDictionariesAndLargeStringsLikeStrings) {
  const auto plain = *arrow::json::ArrayFromJSONString(arrow::utf8(), R"(["a", null, "b"])");
  const auto dictionary = (*arrow::compute::DictionaryEncode(plain)).make_array();
  const auto large = *arrow::compute::Cast(*plain, arrow::large_utf8());
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("d", dictionary->type()), arrow::field("l", large->type())}), 3,
      {dictionary, large});
  EXPECT_EQ(Text("upper(d)", *batch), "A null B");
  EXPECT_EQ(Text("d = l", *batch), "true null true");
  EXPECT_EQ(Text("l in ('a')", *batch), "true null false");
  EXPECT_EQ(Text("l || d", *batch), "aa null bb");
  EXPECT_EQ(On("d", *batch)->values->type_id(), arrow::Type::DICTIONARY);
}

TEST_F(Evaluate, WorksOnBatchesWithoutRowsAndOnSlices) {
  const auto batch =
      Batch({{"a", "int64", "[5, 0, 1, 0, 2]"}, {"l", "list<string>", R"([["x"], [], ["y"], null, ["z"]])"}});
  const auto empty = batch->Slice(0, 0);
  for (const char* text : {"10 / a", "1 / 0", "case when a = 0 then 1 / a end", "l[0]", "coalesce(a / a, 1)",
                           "a > 1 and 1 / a = 1"}) {
    const auto result = On(text, *empty);
    ASSERT_TRUE(result.ok()) << text << result.status().message();
    EXPECT_EQ(result->values->length(), 0) << text;
    EXPECT_TRUE(result->errors.empty()) << text;
  }
  const auto slice = batch->Slice(2, 3);
  EXPECT_EQ(Text("10 / a", *slice), "10 null 5 | 1:divide_by_zero");
  EXPECT_EQ(Text("l[0]", *slice), "y null z");
  EXPECT_EQ(Text("join(l, '-')", *slice), "y null z");
  EXPECT_EQ(Text("contains(l, 'z')", *slice), "false null true");
  EXPECT_EQ(Text("case when a <> 0 then l[0] else 'none' end", *slice), "y none z");
}

TEST_F(Evaluate, FindsEveryFailingRowBeyondTheBisectionBound) {
  constexpr std::int64_t kRows = 5'000;
  arrow::Int64Builder builder;
  for (std::int64_t i = 0; i < kRows; ++i) ASSERT_TRUE(builder.Append(i % 3).ok());
  const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("a", arrow::int64())}), kRows,
                                              {*builder.Finish()});
  const auto result = On("6 / a", *batch);
  ASSERT_TRUE(result.ok());
  std::size_t next = 0;
  for (std::int64_t row = 0; row < kRows; ++row) {
    if (row % 3 == 0) {
      ASSERT_LT(next, result->errors.size());
      EXPECT_EQ(result->errors[next].row, row);
      ++next;
      EXPECT_TRUE(result->values->IsNull(row));
    } else {
      EXPECT_EQ(static_cast<const arrow::Int64Array&>(*result->values).Value(row), 6 / (row % 3));
    }
  }
  EXPECT_EQ(next, result->errors.size());
}

TEST_F(Evaluate, TreatsABatchOfAnotherSchemaAsABug) {
  const auto batch = Batch({{"a", "int64", "[1]"}});
  const auto other = Batch({{"a", "string", R"(["1"])"}});
  const auto bound = BoundExpr::Bind(*ParseExpr("a + 1"), batch->schema());
  ASSERT_TRUE(bound.ok());
  const auto result = bound->Evaluate(*other);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().error_class(), ErrorClass::kBug);
}

}  // namespace
}  // namespace millrace
