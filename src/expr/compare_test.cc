// Comparisons of 64-bit integers with doubles: as the numbers they are, where a double has no bit left for
// the difference.

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "expr/builder.h"
#include "expr/expr.h"

namespace millrace {
namespace {

// Holds every int64, uint64 and double exactly, so that it compares them exactly.
using Exact = long double;
static_assert(std::numeric_limits<Exact>::digits >= 64);

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t k53 = std::int64_t{1} << 53;

const std::vector<std::int64_t>& Integers() {
  static const std::vector<std::int64_t> kValues = {
      kMin,    kMin + 1, kMin + 1024, -k53 - 1, -k53,    -k53 + 1,    -3,      -1,
      0,       1,        2,           3,        k53 - 1, k53,         k53 + 1, k53 + 2,
      k53 + 3, 1 << 30,  kMax - 511,  kMax - 1, kMax,    kMax - 1023, k53 * 4, k53 * 4 + 1};
  return kValues;
}

const std::vector<double>& Doubles() {
  static const std::vector<double> kValues = {-kInfinity, -0x1p64,       -0x1p63,    -0x1p63 - 2048,
                                              -0x1p53,    -0x1p53 - 2,   -2.5,       -1,
                                              -0.0,       0.0,           0.5,        1,
                                              2.5,        0x1p53,        0x1p53 - 1, 0x1p53 + 2,
                                              0x1p55,     0x1p63 - 1024, 0x1p63,     0x1p63 + 2048,
                                              0x1p64,     0x1p64 - 2048, 1e300,      kInfinity,
                                              kNan};
  return kValues;
}

/// Every pair of `left` and `right` as the columns l and r, with a null in each.
template <typename LeftBuilder, typename RightBuilder, typename Left, typename Right>
std::shared_ptr<arrow::RecordBatch> Pairs(const std::vector<Left>& left, const std::vector<Right>& right) {
  LeftBuilder l;
  RightBuilder r;
  for (const Left a : left) {
    for (const Right b : right) EXPECT_TRUE(l.Append(a).ok() && r.Append(b).ok());
  }
  EXPECT_TRUE(l.AppendNull().ok() && r.Append(right[0]).ok());
  EXPECT_TRUE(l.Append(left[0]).ok() && r.AppendNull().ok());
  const auto a = *l.Finish();
  const auto b = *r.Finish();
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("l", a->type()), arrow::field("r", b->type())}),
                                  a->length(), {a, b});
}

std::vector<std::uint64_t> Unsigned() {
  std::vector<std::uint64_t> out = {std::numeric_limits<std::uint64_t>::max(),
                                    std::numeric_limits<std::uint64_t>::max() - 2047, std::uint64_t{1} << 63,
                                    (std::uint64_t{1} << 63) + 1, (std::uint64_t{1} << 63) - 1};
  for (const std::int64_t value : Integers()) {
    if (value >= 0) out.push_back(static_cast<std::uint64_t>(value));
  }
  return out;
}

struct Operator {
  const char* text;
  std::function<bool(Exact, Exact)> holds;
};

const std::vector<Operator>& Operators() {
  static const std::vector<Operator> kOperators = {
      {"=", std::equal_to<>()}, {"<>", std::not_equal_to<>()}, {"<", std::less<>()},
      {">", std::greater<>()},  {"<=", std::less_equal<>()},   {">=", std::greater_equal<>()}};
  return kOperators;
}

class CompareNumbersTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitializeExpressions().ok()); }

  static std::shared_ptr<arrow::BooleanArray> Evaluate(const std::string& text,
                                                       const arrow::RecordBatch& batch) {
    const auto expr = ParseExpr(text);
    EXPECT_TRUE(expr.ok()) << text;
    const auto bound = BoundExpr::Bind(*expr, batch.schema());
    EXPECT_TRUE(bound.ok()) << text << ": " << bound.status().message();
    const auto result = bound->Evaluate(batch);
    EXPECT_TRUE(result.ok() && result->errors.empty()) << text;
    EXPECT_TRUE(result->values->ValidateFull().ok()) << text;
    return std::static_pointer_cast<arrow::BooleanArray>(result->values);
  }

  static std::string Texts(const std::string& text, const arrow::RecordBatch& batch) {
    const auto values = Evaluate(text, batch);
    std::string out;
    for (std::int64_t row = 0; row < values->length(); ++row) {
      out += values->IsNull(row) ? '-' : values->Value(row) ? 't' : 'f';
    }
    return out;
  }

  /// l OP r and r OP l for every row.
  template <typename Left, typename Right>
  static void ExpectExact(const arrow::RecordBatch& batch) {
    const auto& l = static_cast<const Left&>(*batch.column(0));
    const auto& r = static_cast<const Right&>(*batch.column(1));
    for (const Operator& op : Operators()) {
      const auto forth = Evaluate(std::string("l ") + op.text + " r", batch);
      const auto back = Evaluate(std::string("r ") + op.text + " l", batch);
      for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
        const bool null = l.IsNull(row) || r.IsNull(row);
        ASSERT_EQ(forth->IsNull(row), null) << op.text << " in row " << row;
        ASSERT_EQ(back->IsNull(row), null) << op.text << " in row " << row;
        if (null) continue;
        const auto a = static_cast<Exact>(l.Value(row));
        const auto b = static_cast<Exact>(r.Value(row));
        ASSERT_EQ(forth->Value(row), op.holds(a, b)) << l.Value(row) << " " << op.text << " " << r.Value(row);
        ASSERT_EQ(back->Value(row), op.holds(b, a)) << r.Value(row) << " " << op.text << " " << l.Value(row);
      }
    }
  }
};

TEST_F(CompareNumbersTest, ColumnsAreComparedWithoutRounding) {
  ExpectExact<arrow::Int64Array, arrow::DoubleArray>(
      *Pairs<arrow::Int64Builder, arrow::DoubleBuilder>(Integers(), Doubles()));
  ExpectExact<arrow::UInt64Array, arrow::DoubleArray>(
      *Pairs<arrow::UInt64Builder, arrow::DoubleBuilder>(Unsigned(), Doubles()));
  ExpectExact<arrow::UInt64Array, arrow::Int64Array>(
      *Pairs<arrow::UInt64Builder, arrow::Int64Builder>(Unsigned(), Integers()));
  std::vector<float> floats;
  for (const double value : Doubles()) floats.push_back(static_cast<float>(value));
  ExpectExact<arrow::Int64Array, arrow::FloatArray>(
      *Pairs<arrow::Int64Builder, arrow::FloatBuilder>(Integers(), floats));
}

TEST_F(CompareNumbersTest, SlicesAreComparedWithoutRounding) {
  const auto batch = Pairs<arrow::Int64Builder, arrow::DoubleBuilder>(Integers(), Doubles());
  for (const std::int64_t begin : {1, 7, 8, 13}) {
    ExpectExact<arrow::Int64Array, arrow::DoubleArray>(*batch->Slice(begin, batch->num_rows() - begin - 3));
  }
  ExpectExact<arrow::Int64Array, arrow::DoubleArray>(*batch->Slice(5, 0));
}

TEST_F(CompareNumbersTest, LiteralsAreComparedWithoutRounding) {
  const auto integers =
      Pairs<arrow::Int64Builder, arrow::Int64Builder>(Integers(), std::vector<std::int64_t>{0});
  const auto naturals =
      Pairs<arrow::UInt64Builder, arrow::UInt64Builder>(Unsigned(), std::vector<std::uint64_t>{0});
  const auto doubles = Pairs<arrow::DoubleBuilder, arrow::DoubleBuilder>(Doubles(), std::vector<double>{0});
  const auto expect = [](const auto& column, const Expr& literal, Exact value) {
    for (const Operator& op : Operators()) {
      for (const bool swapped : {false, true}) {
        const std::string l = swapped ? literal.ToString() : "l";
        const std::string r = swapped ? "l" : literal.ToString();
        const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("l", column.type())}),
                                                    column.length(), {column.Slice(0)});
        const std::string text = l + " " + op.text + " " + r;
        const auto found = Evaluate(text, *batch);
        for (std::int64_t row = 0; row < column.length(); ++row) {
          ASSERT_EQ(found->IsNull(row), column.IsNull(row)) << text << " in row " << row;
          if (column.IsNull(row)) continue;
          const auto other = static_cast<Exact>(column.Value(row));
          ASSERT_EQ(found->Value(row), swapped ? op.holds(value, other) : op.holds(other, value))
              << text << " for " << column.Value(row);
        }
      }
    }
  };
  for (const double value : Doubles()) {
    expect(static_cast<const arrow::Int64Array&>(*integers->column(0)), Lit(value), value);
    expect(static_cast<const arrow::UInt64Array&>(*naturals->column(0)), Lit(value), value);
  }
  for (const std::int64_t value : Integers()) {
    expect(static_cast<const arrow::DoubleArray&>(*doubles->column(0)), Lit(value),
           static_cast<Exact>(value));
  }
}

TEST_F(CompareNumbersTest, EveryFormOfComparisonIsExact) {
  // l and r: (2^53 + 1, 2^53), (2^63 - 1, 2^63), (-2^63, -2^63), (3, 2.5), (null, 1), (5, null), (2, NaN)
  arrow::Int64Builder l;
  arrow::DoubleBuilder r;
  const std::vector<std::int64_t> integers = {k53 + 1, kMax, kMin, 3, 0, 5, 2};
  const std::vector<double> doubles = {0x1p53, 0x1p63, -0x1p63, 2.5, 1, 0, kNan};
  ASSERT_TRUE(l.AppendValues(integers, {true, true, true, true, false, true, true}).ok());
  ASSERT_TRUE(r.AppendValues(doubles, {true, true, true, true, true, false, true}).ok());
  const auto a = *l.Finish();
  const auto b = *r.Finish();
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("l", a->type()), arrow::field("r", b->type())}), a->length(), {a, b});
  const std::pair<const char*, const char*> cases[] = {
      {"l = r", "fftf--f"},
      {"l is distinct from r", "ttftttt"},
      {"l between r and 9e18", "tftt--f"},
      {"r between l and l", "fftf--f"},
      {"l between -9223372036854775808.0 and 2.5", "fftf-ft"},
      {"l between 2.5 and 3.5", "ffft-ff"},
      {"l in (9007199254740992.0, 2.5, 3.0)", "ffft-ff"},
      {"l in (2.5, 3, null)", "---t---"},
      {"l in (2.5)", "ffff-ff"},
      {"l in (r, 5)", "fftf-tf"},
      {"r in (9007199254740993, 9223372036854775807)", "fffff-f"},
      {"r in (9007199254740993, 9007199254740992)", "tffff-f"},
      {"not r in (-9223372036854775808)", "ttftt-t"},
      {"nullif(l, r) is null", "fftftff"},
      {"case l when r then true else false end", "fftffff"},
      {"contains([r], l)", "fftf-ff"},
      {"contains([l], r)", "fftff-f"},
      {"l > nan() or l <= nan()", "ffff-ff"},
      {"l <> nan()", "tttt-tt"},
      {"l < infinity() and l > -infinity()", "tttt-tt"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(Texts(text, *batch), expected) << text;
}

}  // namespace
}  // namespace millrace
