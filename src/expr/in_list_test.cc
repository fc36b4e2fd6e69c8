#include <algorithm>
#include <ctime>
#include <limits>
#include <string>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"
#include "expr/expr.h"

namespace millrace {
namespace {

// An expression may have 65,536 bytes, which is 10,000 short numbers.
constexpr int kMany = 10'000;
constexpr int kManyLonger = 8'000;
constexpr int kTimesAsMany = 10;
constexpr double kMostTimesAsLong = 30;  // ten times the items take about ten times as long, not a hundred
constexpr int kRounds = 3;
constexpr std::int64_t kRows = 64;

struct ListCase {
  const char* name;
  const char* left;
  const char* type;
  const char* before;  // around each number of the list
  const char* after;
  const char* first;  // of the list
  int many = kMany;
};

const ListCase kCases[] = {
    {"Int64InIntegers", "x", "int64", "", "", ""},
    {"Int32InIntegers", "x", "int32", "", "", ""},
    {"DoubleInIntegers", "x", "double", "", "", ""},
    {"Int64InDoubles", "x", "int64", "", ".5", "", kManyLonger},
    {"DecimalInIntegers", "x", "decimal(20, 2)", "", "", ""},
    {"TextInTexts", "x", "string", "'", "'", "", kManyLonger},
    {"Int64InNegatives", "x", "int64", "-", "", ""},
    {"Int64InIntegersAndNull", "x", "int64", "", "", "null, "},
    {"Int64InIntegersAndAColumn", "x", "int64", "", "", "x + 1, "},
};

class InList : public testing::TestWithParam<ListCase> {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitializeExpressions().ok()); }

  static std::string ListOf(int count) {
    std::string text = std::string(GetParam().left) + " in (" + GetParam().first;
    for (int i = 0; i < count; ++i) {
      text += (i > 0 ? "," : "") + std::string(GetParam().before) + std::to_string(i) + GetParam().after;
    }
    return text + ")";
  }

  static std::shared_ptr<arrow::RecordBatch> Rows() {
    const auto schema = arrow::schema({*ParseField("x", GetParam().type)});
    return arrow::RecordBatch::Make(schema, kRows,
                                    {*arrow::MakeArrayOfNull(schema->field(0)->type(), kRows)});
  }

  /// Reads, binds and evaluates it once, as at the start of a pipeline.
  static Status Use(const std::string& text, const arrow::RecordBatch& rows) {
    MR_ASSIGN_OR_RETURN(const Expr expr, ParseExpr(text));
    MR_ASSIGN_OR_RETURN(const BoundExpr bound, BoundExpr::Bind(expr, rows.schema()));
    return bound.Evaluate(rows).status();
  }

  /// In seconds of CPU: other processes do not count.
  static double Fastest(int count, const arrow::RecordBatch& rows) {
    const std::string text = ListOf(count);
    double fastest = std::numeric_limits<double>::infinity();
    for (int round = 0; round < kRounds; ++round) {
      const std::clock_t begin = std::clock();
      const Status used = Use(text, rows);
      EXPECT_TRUE(used.ok()) << used.message().substr(0, 300);
      fastest = std::min(fastest, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    }
    return fastest;
  }
};

TEST_P(InList, TakesTimeInProportionToItsLength) {
  const auto rows = Rows();
  const int many = GetParam().many;
  const double few_s = Fastest(many / kTimesAsMany, *rows);
  const double many_s = Fastest(many, *rows);
  EXPECT_LT(many_s / few_s, kMostTimesAsLong)
      << many << " items take " << many_s << " s, a tenth of them " << few_s << " s";
  RecordProperty("few_us", static_cast<int>(few_s * 1e6));
  RecordProperty("many_us", static_cast<int>(many_s * 1e6));
}

TEST(InListOfColumns, FindsEachOfItsItemsAndNoOther) {
  ASSERT_TRUE(InitializeExpressions().ok());
  arrow::Int64Builder numbers;
  constexpr int kMost = 9;
  for (int i = 0; i <= kMost; ++i) ASSERT_TRUE(numbers.Append(i).ok());
  const auto rows = arrow::RecordBatch::Make(arrow::schema({arrow::field("x", arrow::int64())}), kMost + 1,
                                             {numbers.Finish().ValueOrDie()});
  std::string items;
  for (int count = 1; count <= kMost; ++count) {
    // Each item is a number, and none a constant.
    items += (count > 1 ? ", " : "") + std::string("x - x + ") + std::to_string(count - 1);
    const auto expr = ParseExpr("x in (" + items + ")");
    ASSERT_TRUE(expr.ok()) << expr.status().message();
    const auto bound = BoundExpr::Bind(*expr, rows->schema());
    ASSERT_TRUE(bound.ok()) << bound.status().message();
    const auto found = bound->Evaluate(*rows);
    ASSERT_TRUE(found.ok()) << found.status().message();
    const auto& truth = static_cast<const arrow::BooleanArray&>(*found->values);
    for (int row = 0; row <= kMost; ++row)
      EXPECT_EQ(truth.Value(row), row < count) << count << " items, " << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, InList, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace millrace
