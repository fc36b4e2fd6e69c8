#include <arrow/api.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"
#include "expr/builder.h"

namespace millrace {
namespace {

class Bind : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitializeExpressions().ok()); }

  static std::shared_ptr<arrow::Schema> Columns() {
    const auto of = [](const char* name, const char* type) { return *ParseField(name, type); };
    return arrow::schema({of("price", "double"), of("qty", "int64"), of("small", "int32"),
                          of("big", "uint64"), of("symbol", "string"), of("ts", "timestamp[ms]"),
                          of("utc", "timestamp[us, UTC]"), of("day", "date"), of("ok", "bool"),
                          of("amount", "decimal(10, 2)"),
                          of("bid", "struct<user: string, tags: list<string>>")});
  }

  static Result<BoundExpr> Of(const std::string& text) {
    auto expr = ParseExpr(text);
    if (!expr.ok()) return expr.status();
    return BoundExpr::Bind(*expr, Columns());
  }
};

TEST_F(Bind, FindsTheTypeOfAnExpression) {
  struct Case {
    const char* text;
    const char* type;
  };
  const Case cases[] = {
      {"price", "float64"},
      {"qty + 1", "int64"},
      {"small + small", "int64"},
      {"small", "int32"},
      {"big + big", "uint64"},
      {"big + 1", "uint64"},
      {"big + qty", "int64"},
      {"-big", "int64"},
      {"qty / 2", "int64"},
      {"qty / 2.0", "float64"},
      {"qty * price", "float64"},
      {"amount + amount", "decimal(11, 2)"},
      {"amount * 2", "decimal(12, 2)"},
      {"amount * price", "float64"},
      {"price > 50 and symbol in ('A', 'B')", "bool"},
      {"ts > '2024-01-01T00:00:00Z'", "bool"},
      {"day = '2024-01-01'", "bool"},
      {"utc >= ts", "bool"},
      {"ts - utc", "int64"},
      {"day - day", "int64"},
      {"bid.user || '!'", "string"},
      {"bid.tags[0]", "string"},
      {"case when ok then 1 else 2.5 end", "float64"},
      {"case when ok then small else 1 end", "int32"},
      {"coalesce(small, 0)", "int32"},
      {"if(ok, day, ts)", "timestamp[ms]"},
      {"cast(price as int32)", "int32"},
      {"length(symbol)", "int64"},
      {"length(bid.tags)", "int64"},
      {"list(small, 1)", "list<int32>"},
      {"struct('a', qty, 'b', symbol)", "struct<a: int64, b: string>"},
      {"symbol like 'A%'", "bool"},
      {"round(price, 2)", "float64"},
      {"round(qty)", "int64"},
      {"hour(utc)", "int64"},
      {"date(utc)", "date"},
      {"abs(small)", "int64"},
      {"abs(amount)", "decimal(10, 2)"},
      {"floor(amount)", "decimal(11, 2)"},
      {"greatest(qty, price)", "float64"},
      {"qty in (1, 2, null)", "bool"},
      {"big in (1, 2)", "bool"},
      {"big = qty", "bool"},
      {"qty between 1 and 10", "bool"},
      {"null", "null"},
      {"coalesce(null, qty)", "int64"},
  };
  for (const Case& c : cases) {
    const auto bound = Of(c.text);
    ASSERT_TRUE(bound.ok()) << c.text << ": " << bound.status().message();
    EXPECT_EQ(bound->type()->id() == arrow::Type::NA ? "null" : TypeText(*bound->type()), c.type) << c.text;
  }
}

TEST_F(Bind, SaysWhatIsWrongAndWhere) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"1 + prise", "unknown column 'prise' (did you mean 'price'?) at character 5"},
      {"uper(symbol)", "unknown function 'uper' (did you mean 'upper'?) at character 1"},
      {"sum(qty) + 1",
       "'sum' is an aggregate: it stands alone in the aggregate part of a window, not inside an expression "
       "at "
       "character 1"},
      {"bid.usr", "unknown field 'usr' in 'bid' (did you mean 'user'?) at character 5"},
      {"qty.x", "'qty' is int64, not a struct, so it has no field 'x' at character 5"},
      {"upper(qty)", "'upper' needs a string as argument 1, but 'qty' is int64 at character 7"},
      {"substring(symbol)",
       "'substring' does not take 1 argument: substring(string, int64 start [, int64 length]) -> string at "
       "character 1"},
      {"qty and ok", "the operand of 'and' must be bool, but 'qty' is int64 at character 1"},
      {"not symbol", "the operand of 'not' must be bool, but 'symbol' is string at character 5"},
      {"symbol + 'x'",
       "'symbol + 'x'' needs numbers, but there is string; || joins strings, cast reads numbers at character "
       "8"},
      {"qty = 'x'",
       "cannot compare in 'qty = 'x'': int64 and string have no common type; use cast at character 5"},
      {"ts > 'yesterday'",
       "'ts > 'yesterday'': the string is no timestamp[ms]; write it like '2024-01-31T12:00:00Z' at "
       "character 4"},
      {"symbol like symbol",
       "'like' needs a constant string as argument 2, but 'symbol' is not constant at character 13"},
      {"case when qty then 1 end",
       "the condition of 'when' must be bool, but 'qty' is int64 at character 11"},
      {"cast(bid as int64)",
       "cast(bid as int64): there is no conversion from struct<user: string, tags: list<string>> to int64 at "
       "character 1"},
      {"ts + 1",
       "cannot compute 'ts + 1' of timestamp[ms] and int64; date_add('second', n, t) moves a time at "
       "character 4"},
  };
  for (const Case& c : cases) {
    const auto bound = Of(c.text);
    ASSERT_FALSE(bound.ok()) << c.text;
    EXPECT_EQ(bound.status().message(), c.message) << c.text;
  }
}

TEST_F(Bind, ReportsWhatAKernelRefusesBeforeAnythingRuns) {
  for (const char* text : {"regexp_like(symbol, '(')", "date_trunc('fortnight', ts)",
                           "regexp_extract(symbol, 'a', 2)", "date_add('nanosecond', 1, ts)",
                           "strptime(symbol, '')", "bid.tags = bid.tags", "list_sum(bid.tags)"}) {
    const auto bound = Of(text);
    ASSERT_FALSE(bound.ok()) << text;
    EXPECT_EQ(bound.status().error_class(), ErrorClass::kUser) << text;
    EXPECT_NE(bound.status().message().find(" at character "), std::string::npos) << bound.status().message();
  }
}

TEST_F(Bind, ChecksBuiltTreesLikeParsedOnes) {
  Expr deep = Col("qty");
  for (int i = 0; i < 300; ++i) deep = Binary("+", deep, Lit(std::int64_t{1}));
  EXPECT_FALSE(BoundExpr::Bind(deep, Columns()).ok());
  EXPECT_FALSE(BoundExpr::Bind(CastTo(Col("qty"), "int63"), Columns()).ok());
  EXPECT_FALSE(BoundExpr::Bind(Call("like", {Col("symbol")}), Columns()).ok());
  EXPECT_FALSE(BoundExpr::Bind(Binary("~", Col("qty"), Col("qty")), Columns()).ok());
  EXPECT_FALSE(BoundExpr::Bind(Lit(std::string_view("\xff")), Columns()).ok());
  EXPECT_FALSE(BoundExpr::Bind(Expr(), Columns()).ok());
  EXPECT_TRUE(BoundExpr::Bind(Binary(">", Lit(1.0 / 0.0), Col("price")), Columns()).ok());
}

}  // namespace
}  // namespace millrace
