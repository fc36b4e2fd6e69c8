#include <set>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "expr/expr.h"

namespace millrace {
namespace {

class Functions : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitializeExpressions().ok()); }

  /// The value of an expression without columns, as text; "error <class>" when it fails.
  static std::string Value(const std::string& text) {
    const auto expr = ParseExpr(text);
    if (!expr.ok()) return expr.status().message();
    const auto schema = arrow::schema({});
    const auto bound = BoundExpr::Bind(*expr, schema);
    if (!bound.ok()) return bound.status().message();
    const auto batch = arrow::RecordBatch::Make(schema, 1, std::vector<std::shared_ptr<arrow::Array>>{});
    const auto result = bound->Evaluate(*batch);
    if (!result.ok()) return result.status().message();
    if (!result->errors.empty()) return "error " + result->errors[0].error_class;
    const auto scalar = *result->values->GetScalar(0);
    return scalar->is_valid ? scalar->ToString() : "null";
  }
};

TEST_F(Functions, EveryExampleOfTheRegistryHolds) {
  ASSERT_GT(AllFunctions().size(), 70U);
  for (const FunctionInfo& function : AllFunctions()) {
    if (function.group == "aggregate") {
      const auto call = ParseAggregateCall(function.example);
      ASSERT_TRUE(call.ok()) << function.example;
      EXPECT_EQ(call->function, function.name);
      continue;
    }
    EXPECT_EQ(Value(function.example), "true") << function.name << ": " << function.example;
    EXPECT_NE(function.example.find(function.name + "("), std::string::npos) << function.name;
  }
}

TEST_F(Functions, RegistryEntriesAreCompleteAndNamedOnce) {
  std::set<std::string> names;
  for (const FunctionInfo& function : AllFunctions()) {
    EXPECT_TRUE(names.insert(function.name).second) << function.name;
    EXPECT_TRUE(function.signature.starts_with(function.name + "(")) << function.signature;
    EXPECT_TRUE(function.summary.ends_with(".")) << function.name;
    EXPECT_FALSE(function.group.empty());
  }
}

TEST_F(Functions, GiveTheDocumentedValues) {
  struct Case {
    const char* text;
    const char* value;
  };
  const Case cases[] = {
      // strings
      {"substring('abcdef', 0, 3)", "ab"},
      {"substring('abcdef', -5)", "abcdef"},
      {"substring('äöü', 2, 1)", "ö"},
      {"substring('abc', 9, 2)", ""},
      {"substring('abc', 2, 9223372036854775807)", "bc"},
      {"left('äöü', -1)", "äö"},
      {"right('äöü', 2)", "öü"},
      {"right('abc', -1)", "bc"},
      {"right('abc', 9)", "abc"},
      {"left('abc', -9)", ""},
      {"lpad('äö', 5, 'xy')", "xyxäö"},
      {"lpad('abc', 2)", "ab"},
      {"rpad('a', 4, 'é')", "aééé"},
      {"lpad('a', 99999999999)", "error overflow"},
      {"repeat('ab', 99999999999)", "error overflow"},
      {"repeat('ab', -1)", ""},
      {"replace('aaa', 'a', 'aa')", "aaaaaa"},
      {"replace('abc', '', 'x')", "abc"},
      {"split_part('a,b', ',', 3)", ""},
      {"join(split('a--b----c', '--'), '|')", "a|b||c"},
      {"trim('xxaxx', 'x')", "a"},
      {"position('añb', 'b')", "3"},
      {"position('abc', 'z')", "0"},
      {"'a' || 1 || true || 2.5", "a1true2.5"},
      {"'a' || null", "null"},
      {"concat('a', null, 'b')", "ab"},
      {"contains('stream', 'rea')", "true"},
      {"upper(null)", "null"},
      {"'50%' like '50\\%'", "true"},
      {"'Abc' like 'a_c'", "false"},
      {"'Abc' ilike 'a_c'", "true"},
      {"'abc' regexp '^b'", "false"},
      {"regexp_extract('k=v; x=y', '(\\w)=(\\w); x', 2)", "v"},
      {"regexp_extract('a]b(c', '[](]+[b]')", "]b"},
      {"regexp_extract('abc', 'z')", "null"},
      {"regexp_replace('ab', '(a)(b)', '\\\\2\\\\1')", "\\2\\1"},
      {"regexp_replace('ab', '(a)(b)', '\\2\\1')", "ba"},
      // numbers
      {"7 / 2", "3"},
      {"-7 / 2", "-3"},
      {"-7 % 3", "-1"},
      {"7.5 % 2", "1.5"},
      {"1 / 0", "error divide_by_zero"},
      {"1 % 0", "error divide_by_zero"},
      {"1.0 / 0", "inf"},
      {"-9223372036854775808 / -1", "error overflow"},
      {"-9223372036854775808 % -1", "0"},
      {"9223372036854775807 + 1", "error overflow"},
      {"-9223372036854775807 - 2", "error overflow"},
      {"9223372036854775807 * 2", "error overflow"},
      {"-(-9223372036854775808)", "error overflow"},
      {"abs(-9223372036854775808)", "error overflow"},
      {"round(-2.5)", "-3"},
      {"round(1234, -2)", "1200"},
      {"round(2.345, 2)", "2.35"},
      {"power(2, 63)", "error overflow"},
      {"power(2.0, -1)", "0.5"},
      {"sqrt(-1)", "error domain"},
      {"ln(0)", "error domain"},
      {"greatest(1, 2.5)", "2.5"},
      {"least(null, null)", "null"},
      {"cast('1.25' as decimal(10, 2)) * 4", "5.00"},
      // casts
      {"cast('42' as int64) + 1", "43"},
      {"cast('x' as int64)", "error cast"},
      {"try_cast('x' as int64)", "null"},
      {"cast(1.5 as int64)", "error cast"},
      {"cast(300 as int8)", "error cast"},
      {"cast(-1 as uint64)", "error cast"},
      {"-128::int8", "-128"},
      {"cast('true' as bool)", "true"},
      {"cast(2 as string) || 'x'", "2x"},
      {"cast(null as int64)", "null"},
      {"cast('2024-02-30' as date)", "error cast"},
      {"epoch_ms(cast('2024-01-01T01:00:00.5+01:00' as timestamp[ms]))", "1704067200500"},
      {"cast(timestamp '2024-01-01T00:00:00Z' as string)", "2024-01-01 00:00:00.000"},
      {"cast(timestamp '2024-01-01T00:00:00Z' as int64)", "1704067200000"},
      {"date '2024-01-01' < timestamp '2024-01-01T00:00:00.000001Z'", "true"},
      {"timestamp '2024-01-01T00:00:01Z' - timestamp '2024-01-01T00:00:00.9999Z'", "0"},
      {"timestamp '1969-12-31T23:59:59.9999Z' - timestamp '1970-01-01T00:00:00Z'", "-1"},
      {"date '2024-03-01' - date '2024-02-01'", "29"},
      // dates
      {"date_trunc('week', timestamp '2024-02-29T13:45:10Z') = date '2024-02-26'", "true"},
      {"date_trunc('month', timestamp '1969-02-28T13:45:10Z') = date '1969-02-01'", "true"},
      {"date_trunc('hours', timestamp '1969-12-31T23:59:59Z') = timestamp '1969-12-31T23:00:00Z'", "true"},
      {"date_add('month', -1, timestamp '2024-03-31T10:00:00Z') = timestamp '2024-02-29T10:00:00Z'", "true"},
      {"date_add('day', 9223372036854775807, date '2024-01-01')", "error overflow"},
      {"date_add('year', 9223372036854775807, date '2024-01-01')", "error overflow"},
      {"date_diff('month', date '2023-11-30', date '2024-02-01')", "3"},
      {"date_diff('hour', timestamp '2024-01-01T00:59:00Z', timestamp '2024-01-01T01:01:00Z')", "1"},
      {"day_of_week(date '2024-03-03')", "7"},
      {"epoch_s(timestamp '1969-12-31T23:59:59.5Z')", "-1"},
      {"strftime(timestamp '2024-02-29T13:45:10.75Z', '%H:%M:%S')", "13:45:10"},
      {"strftime(timestamp '1969-12-31T23:59:59.5Z', '%H:%M:%S')", "23:59:59"},
      {"strptime('never', '%Y')", "error cast"},
      // lists, structs
      {"element([1, 2], 2)", "null"},
      {"[1, 2][-3]", "null"},
      {"list_sum([9223372036854775807, 1])", "error overflow"},
      {"list_sum([1.5, null, 2])", "3.5"},
      {"list_max(cast(null as list<int64>))", "null"},
      {"contains([1, 2], 2.0)", "true"},
      {"contains(['a'], 'b')", "false"},
      {"contains([1], null)", "null"},
      {"length([])", "0"},
      {"struct('a', struct('b', 2)).a.b", "2"},
      // nulls and logic
      {"null and false", "false"},
      {"null or true", "true"},
      {"null and true", "null"},
      {"not null", "null"},
      {"null = null", "null"},
      {"null is null", "true"},
      {"1 in (2, null)", "null"},
      {"1 in (1, null)", "true"},
      {"null in (1)", "null"},
      {"1 not in (2, 3)", "true"},
      {"1 is distinct from null", "true"},
      {"null is distinct from null", "false"},
      {"2 between 1 and null", "null"},
      {"2 between 3 and null", "false"},
      {"nullif(1, 2)", "1"},
      {"nullif(1, null)", "1"},
      {"if(null, 1, 2)", "2"},
      {"if(false, 1)", "null"},
      {"coalesce(1, 1 / 0)", "1"},
      {"false and 1 / 0 = 1", "false"},
      {"true or 1 / 0 = 1", "true"},
      {"case when true then 1 else 1 / 0 end", "1"},
      {"case 2 when 1 then 'a' when 2 then 'b' end", "b"},
      {"case null when null then 1 else 2 end", "2"},
      {"case when 1 / 0 = 1 then 1 else 2 end", "error divide_by_zero"},
      {"coalesce(1 / 0, 5)", "error divide_by_zero"},
  };
  for (const Case& c : cases) EXPECT_EQ(Value(c.text), c.value) << c.text;
}

}  // namespace
}  // namespace millrace
