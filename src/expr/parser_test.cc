#include <gtest/gtest.h>

#include "expr/builder.h"
#include "expr/node.h"

namespace millrace {
namespace {

TEST(Parser, WritesTheTreeBackWithTheBracketsItNeeds) {
  struct Case {
    const char* text;
    const char* canonical;
  };
  const Case cases[] = {
      {"price > 50 and symbol in ('A','B')", "price > 50 and symbol in ('A', 'B')"},
      {"a + b * c", "a + b * c"},
      {"(a + b) * c", "(a + b) * c"},
      {"a - (b - c)", "a - (b - c)"},
      {"not a = b and c", "not a = b and c"},
      {"a or b and c", "a or b and c"},
      {"(a or b) and c", "(a or b) and c"},
      {"-a * b", "-a * b"},
      {"-(a * b)", "-(a * b)"},
      {"-5 :: int32", "cast(-5 as int32)"},
      {"- 5", "-5"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"a.b.c[0].d", "element(a.b.c, 0).d"},
      {"x::int64 < 5", "cast(x as int64) < 5"},
      {"x::list<struct<a: int64>>[1]", "element(cast(x as list<struct<a: int64>>), 1)"},
      {"x :: timestamp[ms]", "cast(x as timestamp[ms])"},
      {"user = order AND end IS NOT NULL", "user = order and end is not null"},
      {"a == b or a != b", "a = b or a <> b"},
      {"a not like 'x%'", "not a like 'x%'"},
      {"a not in (1) and b not between 1 and 2", "not a in (1) and not b between 1 and 2"},
      {"case when a then end end", "case when a then end end"},
      {"case x when 1 then 'a' else 'b' end", "case x when 1 then 'a' else 'b' end"},
      {"UPPER(\"odd \"\"name\")", "upper(\"odd \"\"name\")"},
      {"`select` = 'it''s'", "select = 'it''s'"},
      {"timestamp '2024-01-01T00:00:00Z'", "cast('2024-01-01T00:00:00Z' as timestamp[ms])"},
      {"timestamp = date", "timestamp = date"},
      {"1.5e3 + .5", "1500.0 + 0.5"},
      {"[1, 2][0]", "element(list(1, 2), 0)"},
      {"\"case\" = \"when\"", "\"case\" = \"when\""},
      {"a is not distinct from b", "not a is distinct from b"},
      {"(a = b) = c", "(a = b) = c"},
      {"name regexp '^a'", "regexp_like(name, '^a')"},
  };
  for (const Case& c : cases) {
    const auto expr = ParseExpr(c.text);
    ASSERT_TRUE(expr.ok()) << c.text << ": " << expr.status().message();
    EXPECT_EQ(expr->ToString(), c.canonical) << c.text;
    const auto again = ParseExpr(expr->ToString());
    ASSERT_TRUE(again.ok()) << expr->ToString() << ": " << again.status().message();
    EXPECT_TRUE(expr_internal::Equal(*expr, *again)) << c.text;
  }
}

TEST(Parser, SaysWhatIsWrongAndWhere) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"", "expected a value but found the end of the text at character 1"},
      {"price >", "expected a value but found the end of the text at character 8"},
      {"a + * b", "expected a value but found '*' at character 5"},
      {"a b", "expected an operator or the end of the text but found 'b' at character 3"},
      {"(a", "expected ')' after the expression in brackets but found the end of the text at character 3"},
      {"'abc", "this string has no closing ' at character 1"},
      {"é + 'x", "this string has no closing ' at character 5"},
      {"9223372036854775808", "the integer 9223372036854775808 does not fit into int64 at character 1"},
      {"1e999", "the number 1e999 does not fit into a double at character 1"},
      {"a < b < c", "comparisons cannot be chained: join them with 'and', or use brackets at character 7"},
      {"a in ()", "expected a value in the list of 'in' but found ')' at character 7"},
      {"f(a,", "expected a value but found the end of the text at character 5"},
      {"a ? b", "unexpected character '?' at character 3"},
      {"case when a then 1", "expected 'end' to close 'case' but found the end of the text at character 19"},
      {"a and and b",
       "expected a value but found the keyword 'and'; write \"and\" if it is a column at character 7"},
      {"timestamp 'yesterday'",
       "cannot read 'yesterday' as a timestamp; write timestamp '2024-01-31T12:00:00Z' at character 11"},
      {"1day",
       "expected an operator after the number 1; a name that starts with a digit needs double quotes at "
       "character 2"},
      {"\xff", "the text is not valid UTF-8 at character 1"},
  };
  for (const Case& c : cases) {
    const auto expr = ParseExpr(c.text);
    ASSERT_FALSE(expr.ok()) << c.text;
    EXPECT_EQ(expr.status().message(), c.message) << c.text;
    EXPECT_EQ(expr.status().error_class(), ErrorClass::kUser);
  }
}

TEST(Parser, RefusesTreesThatAreTooDeepInEveryDirection) {
  std::string chain = "a";
  for (int i = 0; i < 300; ++i) chain += " + a";
  const std::string texts[] = {std::string(1000, '(') + "a", std::string(30000, '-') + "a", chain,
                               std::string(20000, '[')};
  for (const std::string& text : texts) {
    const auto expr = ParseExpr(text);
    ASSERT_FALSE(expr.ok());
    EXPECT_NE(expr.status().message().find("nested deeper than 200 levels"), std::string::npos)
        << expr.status().message();
  }
}

TEST(Parser, ChainsOfAndAndOrMayBeAsLongAsTheText) {
  std::string chain = "n = 0";
  for (int i = 1; i < 3'000; ++i) chain += " or n = " + std::to_string(i);
  for (const std::string& text : {chain, "x and (" + chain + ") and y"}) {
    const auto expr = ParseExpr(text);
    ASSERT_TRUE(expr.ok()) << expr.status().message();
    EXPECT_LT(expr->node().depth, 20);
    EXPECT_EQ(ParseExpr(expr->ToString())->ToString(), expr->ToString());
  }
  const auto shorter = ParseExpr("a and b and c and d");
  EXPECT_EQ(shorter->node().children[1].ToString(), "d") << "a short chain is read from the left";
}

TEST(Builder, MakesTheSameTreesAsTheText) {
  struct Case {
    Expr built;
    const char* text;
  };
  const Case cases[] = {
      {Binary(">", Binary("*", Col("price"), Lit(1.2)), Lit(std::int64_t{50})), "price * 1.2 > 50"},
      {Binary("==", Col("a b"), Lit(std::string_view("x"))), "\"a b\" = 'x'"},
      {Unary("-", Lit(std::int64_t{5})), "-5"},
      {Unary("is not null", Field(Col("a"), "b")), "a.b is not null"},
      {CastTo(Col("a"), "double"), "cast(a as double)"},
      {Call("COALESCE", {Col("a"), NullLit(), Lit(true)}), "coalesce(a, null, true)"},
  };
  for (const Case& c : cases) {
    const auto parsed = ParseExpr(c.text);
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    EXPECT_TRUE(expr_internal::Equal(c.built, *parsed)) << c.built.ToString() << " | " << parsed->ToString();
  }
}

TEST(Expr, NamesTheColumnsItReads) {
  const auto expr = ParseExpr("b + a.x + f(b, c) > case when d then 1 end");
  ASSERT_TRUE(expr.ok());
  EXPECT_EQ(expr->Columns(), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(expr->AsColumn(), "");
  EXPECT_EQ(ParseExpr("(price)")->AsColumn(), "price");
}

TEST(AggregateCall, IsAFunctionWithAnExpressionInside) {
  const auto sum = ParseAggregateCall("SUM(revenue * 2)");
  ASSERT_TRUE(sum.ok()) << sum.status().message();
  EXPECT_EQ(sum->function, "sum");
  EXPECT_EQ(sum->argument.ToString(), "revenue * 2");
  for (const char* text : {"count()", "count(*)"}) {
    const auto count = ParseAggregateCall(text);
    ASSERT_TRUE(count.ok()) << count.status().message();
    EXPECT_EQ(count->function, "count");
    EXPECT_TRUE(count->argument.empty());
  }
  EXPECT_EQ(ParseAggregateCall("avg(x)")->function, "mean");
}

TEST(AggregateCall, MayHaveASecondArgumentAndACondition) {
  for (const char* text : {"argmax(bidder, price)", "quantile(price, 0.99)", "quantile(price, 0.0)",
                           "top_k(price, 3)", "collect(price)", "collect(price, 10)",
                           "count() where price > 5", "sum(price) where state = 'paid' or free"}) {
    const auto call = ParseAggregateCall(text);
    ASSERT_TRUE(call.ok()) << call.status().message();
    EXPECT_EQ(call->ToString(), text);
  }
  EXPECT_EQ(ParseAggregateCall("argmin(a, b + 1)")->order.ToString(), "b + 1");
  EXPECT_EQ(ParseAggregateCall("quantile(a, 1)")->parameter, 1.0);
  EXPECT_EQ(ParseAggregateCall("sum(a) where b")->Filtered().ToString(), "case when b then a end");
  EXPECT_EQ(ParseAggregateCall("count() where b")->Filtered().ToString(), "case when b then true end");
  EXPECT_TRUE(ParseAggregateCall("count()")->Filtered().empty());
}

TEST(AggregateCall, RefusesWhatIsNone) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"summ(x)", "unknown aggregate function 'summ' (did you mean 'sum'?) at character 1"},
      {"sum()", "'sum' needs an argument, as in sum(price) at character 1"},
      {"min(a, b)", "'min' takes one argument; least compares the values of one row at character 1"},
      {"sum(x) + 1", "expected an operator or the end of the text but found '+' at character 8"},
      {"argmax(x)",
       "'argmax' takes two arguments: the value, and what is compared, as in argmax(user, score) at "
       "character 1"},
      {"quantile(x)", "'quantile' needs a second argument, as in quantile(x, 0.99) at character 1"},
      {"quantile(x, 95)",
       "the second argument of 'quantile' must be a number from 0 to 1, as in quantile(x, 0.99) at character "
       "13"},
      {"top_k(x, 2.5)",
       "the second argument of 'top_k' must be an integer from 1 to 10000, as in top_k(x, 3) at character "
       "10"},
      {"top_k(x, y)",
       "the second argument of 'top_k' must be an integer from 1 to 10000, as in top_k(x, 3) at character "
       "10"},
      {"x", "expected a call like sum(x) or count() at character 1"},
  };
  for (const Case& c : cases) {
    const auto call = ParseAggregateCall(c.text);
    ASSERT_FALSE(call.ok()) << c.text;
    EXPECT_EQ(call.status().message(), c.message);
  }
}

}  // namespace
}  // namespace millrace
