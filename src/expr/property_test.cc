#include <bit>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "expr/builder.h"
#include "expr/node.h"

namespace millrace {
namespace {

using expr_internal::MakeCast;
using expr_internal::MakeExpr;
using expr_internal::Node;
using expr_internal::NodeKind;

/// Fixed, so that a failure repeats; printed with every failure.
constexpr std::uint32_t kSeed = 20'240'229;

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}

  std::size_t Below(std::size_t limit) { return engine_() % limit; }
  std::int64_t Integer() {
    const std::int64_t special[] = {0, 1, -1, std::numeric_limits<std::int64_t>::max(),
                                    std::numeric_limits<std::int64_t>::min()};
    if (Below(3) == 0) return special[Below(5)];
    return static_cast<std::int64_t>(engine_()) - (std::int64_t{1} << 31U);
  }
  template <typename T, std::size_t N>
  const T& OneOf(const T (&choices)[N]) {
    return choices[Below(N)];
  }
  double Double() {
    const auto bits = (static_cast<std::uint64_t>(engine_()) << 32U) | engine_();
    return std::bit_cast<double>(bits);
  }

 private:
  std::mt19937 engine_;
};

/// Any tree that the builder can make, whether its types fit or not.
Expr AnyTree(Random& random, int depth);

std::vector<Expr> AnyTrees(Random& random, std::size_t count, int depth) {
  std::vector<Expr> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(AnyTree(random, depth));
  return out;
}

Expr AnyLeaf(Random& random) {
  const std::string_view names[] = {"a",    "end",       "user", "case", "odd \"name", "ä",
                                    "null", "timestamp", "x1",   "a.b",  "IN"};
  const std::string_view texts[] = {"", "it's", "a\nb", "ü", "\"", "--"};
  switch (random.Below(6)) {
    case 0:
      return Lit(random.Integer());
    case 1:
      return Lit(random.Double());
    case 2:
      return Lit(random.OneOf(texts));
    case 3:
      return random.Below(2) == 0 ? NullLit() : Lit(random.Below(2) == 0);
    default:
      return Col(random.OneOf(names));
  }
}

Expr AnyCase(Random& random, int depth) {
  Node node;
  node.kind = NodeKind::kCase;
  node.has_operand = random.Below(2) == 0;
  node.has_else = random.Below(2) == 0;
  node.children = AnyTrees(
      random, 2 * (1 + random.Below(2)) + (node.has_operand ? 1 : 0) + (node.has_else ? 1 : 0), depth);
  return MakeExpr(std::move(node));
}

Expr AnyTree(Random& random, int depth) {
  const std::string_view binary[] = {"+",
                                     "-",
                                     "*",
                                     "/",
                                     "%",
                                     "=",
                                     "<>",
                                     "<",
                                     "<=",
                                     ">",
                                     ">=",
                                     "and",
                                     "or",
                                     "||",
                                     "like",
                                     "ilike",
                                     "is distinct from"};
  const std::string_view unary[] = {"not", "-", "is null", "is not null"};
  const std::string_view functions[] = {"upper", "coalesce", "element", "list", "if", "f_1"};
  const std::string_view types[] = {"int64", "timestamp[ms]", "decimal(10, 2)", "list<string>", "float64"};
  if (depth <= 0) return AnyLeaf(random);
  switch (random.Below(9)) {
    case 0:
      return AnyLeaf(random);
    case 1:
      return Unary(random.OneOf(unary), AnyTree(random, depth - 1));
    case 2:
      return Call(random.OneOf(functions), AnyTrees(random, random.Below(4), depth - 1));
    case 3:
      return AnyCase(random, depth - 1);
    case 4:
      return MakeCast(AnyTree(random, depth - 1), std::string(random.OneOf(types)), random.Below(2) == 0);
    case 5:
      return Field(AnyTree(random, depth - 1), random.Below(2) == 0 ? "f" : "odd field");
    case 6:
      return Call(random.Below(2) == 0 ? "in" : "between", AnyTrees(random, 3, depth - 1));
    default:
      return Binary(random.OneOf(binary), AnyTree(random, depth - 1), AnyTree(random, depth - 1));
  }
}

TEST(Property, EveryTreeIsReadBackFromItsText) {
  Random random(kSeed);
  for (int i = 0; i < 20'000; ++i) {
    const Expr tree = AnyTree(random, 5);
    const std::string text = tree.ToString();
    const auto parsed = ParseExpr(text);
    ASSERT_TRUE(parsed.ok()) << "seed " << kSeed << " tree " << i << ": " << text << ": "
                             << parsed.status().message();
    ASSERT_TRUE(expr_internal::Equal(tree, *parsed))
        << "seed " << kSeed << " tree " << i << ": " << text << "\n"
        << parsed->ToString();
  }
}

/// A tree over the columns of RandomBatch that type-checks; `kind` is i(nteger), b(ool) or s(tring).
Expr TypedTree(Random& random, char kind, int depth) {
  const auto sub = [&](char wanted) { return TypedTree(random, wanted, depth - 1); };
  const std::string_view arithmetic[] = {"+", "-", "*", "/", "%"};
  const std::string_view comparison[] = {"=", "<>", "<", ">="};
  if (depth <= 0) {
    if (kind == 's') return random.Below(3) == 0 ? Lit(std::string_view("7")) : Col("s");
    if (kind == 'b') return random.Below(3) == 0 ? Lit(random.Below(2) == 0) : Col("ok");
    return random.Below(3) == 0 ? Lit(static_cast<std::int64_t>(random.Below(4)))
                                : Col(random.Below(2) == 0 ? "a" : "b");
  }
  switch (random.Below(kind == 's' ? 4 : 6)) {
    case 0:
      return Call("coalesce", {sub(kind), sub(kind)});
    case 1: {
      Node node;
      node.kind = NodeKind::kCase;
      node.children = {sub('b'), sub(kind), sub('b'), sub(kind)};
      return MakeExpr(std::move(node));
    }
    case 2:
      if (kind == 'i') return CastTo(sub('s'), "int64");
      return kind == 's' ? CastTo(sub('i'), "string") : Unary("not", sub('b'));
    case 3:
      return Call("if", {sub('b'), sub(kind), sub(kind)});
    default:
      if (kind == 'i') return Binary(random.OneOf(arithmetic), sub('i'), sub('i'));
      if (random.Below(2) == 0) return Binary(random.Below(2) == 0 ? "and" : "or", sub('b'), sub('b'));
      return Binary(random.OneOf(comparison), sub('i'), sub('i'));
  }
}

std::shared_ptr<arrow::RecordBatch> RandomBatch(Random& random, std::int64_t rows) {
  arrow::Int64Builder a;
  arrow::Int64Builder b;
  arrow::BooleanBuilder ok;
  arrow::StringBuilder s;
  const std::string_view texts[] = {"1", "2", "x", "", "9223372036854775807"};
  for (std::int64_t i = 0; i < rows; ++i) {
    EXPECT_TRUE((random.Below(8) == 0 ? a.AppendNull() : a.Append(random.Integer())).ok());
    EXPECT_TRUE(
        (random.Below(8) == 0 ? b.AppendNull() : b.Append(static_cast<std::int64_t>(random.Below(3)))).ok());
    EXPECT_TRUE((random.Below(8) == 0 ? ok.AppendNull() : ok.Append(random.Below(2) == 0)).ok());
    EXPECT_TRUE((random.Below(8) == 0 ? s.AppendNull() : s.Append(random.OneOf(texts))).ok());
  }
  const auto schema = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("b", arrow::int64()),
                                     arrow::field("ok", arrow::boolean()), arrow::field("s", arrow::utf8())});
  return arrow::RecordBatch::Make(schema, rows, {*a.Finish(), *b.Finish(), *ok.Finish(), *s.Finish()});
}

TEST(Property, AWholeBatchGivesWhatItsRowsGiveOneByOne) {
  ASSERT_TRUE(InitializeExpressions().ok());
  Random random(kSeed);
  std::size_t failures = 0;
  for (int i = 0; i < 200; ++i) {
    const Expr tree = TypedTree(random, "ibs"[random.Below(3)], 1 + static_cast<int>(random.Below(4)));
    const auto batch =
        RandomBatch(random, 1 + static_cast<std::int64_t>(random.Below(i % 10 == 0 ? 400 : 40)));
    SCOPED_TRACE("seed " + std::to_string(kSeed) + " tree " + std::to_string(i) + ": " + tree.ToString());
    const auto bound = BoundExpr::Bind(tree, batch->schema());
    ASSERT_TRUE(bound.ok()) << bound.status().message();
    const auto whole = bound->Evaluate(*batch);
    ASSERT_TRUE(whole.ok()) << whole.status().message();
    ASSERT_EQ(whole->values->length(), batch->num_rows());
    ASSERT_TRUE(whole->values->ValidateFull().ok());
    auto next = whole->errors.begin();
    for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
      const auto single = bound->Evaluate(*batch->Slice(row, 1));
      ASSERT_TRUE(single.ok()) << single.status().message();
      ASSERT_TRUE(whole->values->Slice(row, 1)->Equals(*single->values)) << "row " << row;
      const bool failed = next != whole->errors.end() && next->row == row;
      ASSERT_EQ(single->errors.size(), failed ? 1U : 0U) << "row " << row;
      if (!failed) continue;
      EXPECT_EQ(single->errors[0].error_class, next->error_class);
      EXPECT_EQ(single->errors[0].message, next->message);
      ++failures;
      ++next;
    }
    ASSERT_EQ(next, whole->errors.end());
  }
  EXPECT_GT(failures, 500U);
}

}  // namespace
}  // namespace millrace
