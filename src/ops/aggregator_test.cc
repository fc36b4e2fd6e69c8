// What every aggregate must do whatever it computes: merged parts give what the whole gives, and a state
// comes back from its bytes.

#include <random>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/row_text.h"
#include "ops/group_rows.h"

namespace millrace {
namespace {

using testing::ElementsAre;

struct Case {
  const char* function;
  const char* type;
  std::optional<double> parameter = std::nullopt;
  bool approximate = false;  // merging may change the result a little
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.function << "(" << c.type << ")"; }

std::shared_ptr<arrow::DataType> TypeOf(std::string_view name) {
  if (name == "int64") return arrow::int64();
  if (name == "double") return arrow::float64();
  return arrow::utf8();
}

AggregatorKind KindOf(const Case& c) {
  const bool ordered = std::string_view(c.function).starts_with("arg");
  return {.function = c.function,
          .argument = TypeOf(c.type),
          .order = ordered ? arrow::int64() : nullptr,
          .parameter = c.parameter};
}

/// Rows of one group: some nulls, repeats, times out of order.
struct Rows {
  std::shared_ptr<arrow::Array> values;
  std::shared_ptr<arrow::Array> order;
  std::vector<std::int64_t> times;
  std::vector<std::int64_t> offsets;
};

Rows RandomRows(std::mt19937_64& random, const std::string& type, int n) {
  arrow::Int64Builder integers;
  arrow::DoubleBuilder doubles;
  arrow::StringBuilder strings;
  arrow::Int64Builder order;
  Rows rows;
  const auto ok = [](const arrow::Status& status) { ASSERT_TRUE(status.ok()) << status.ToString(); };
  for (int i = 0; i < n; ++i) {
    const auto number = static_cast<std::int64_t>(random() % 500) - 250;
    const bool null = random() % 7 == 0;
    ok(null ? integers.AppendNull() : integers.Append(number));
    ok(null ? doubles.AppendNull() : doubles.Append(static_cast<double>(number) / 8));
    ok(null ? strings.AppendNull() : strings.Append("s" + std::to_string(number)));
    ok(random() % 9 == 0 ? order.AppendNull() : order.Append(static_cast<std::int64_t>(random() % 50)));
    rows.times.push_back(static_cast<std::int64_t>(random() % 100));
    rows.offsets.push_back(i);
  }
  std::shared_ptr<arrow::Array> made[3];
  ok(integers.Finish(&made[0]));
  ok(doubles.Finish(&made[1]));
  ok(strings.Finish(&made[2]));
  ok(order.Finish(&rows.order));
  rows.values = made[type == "int64" ? 0 : type == "double" ? 1 : 2];
  return rows;
}

/// One aggregator and its groups.
struct Groups {
  explicit Groups(const Case& c) : rows(Made(c)) {
    rows.Resize(8);
    for (std::uint32_t slot = 0; slot < 8; ++slot) rows.Clear(slot);
  }
  static std::vector<std::unique_ptr<Aggregator>> Made(const Case& c) {
    std::vector<std::unique_ptr<Aggregator>> made;
    auto aggregator = MakeAggregator(KindOf(c));
    EXPECT_TRUE(aggregator.ok()) << aggregator.status().ToString();
    made.push_back(*std::move(aggregator));
    return made;
  }
  void Add(std::uint32_t slot, const Rows& all, std::int64_t first, std::int64_t n) {
    const auto values = all.values->Slice(first, n);
    const auto order = all.order->Slice(first, n);
    const std::vector<std::uint32_t> slots(static_cast<std::size_t>(n), slot);
    std::vector<std::byte*> groups;
    rows.Groups(slots, &groups);
    ASSERT_TRUE(rows.aggregator(0).Update({.groups = groups,
                                           .state_at = 0,
                                           .values = values.get(),
                                           .order = order.get(),
                                           .event_times_ms = all.times.data() + first,
                                           .offsets = all.offsets.data() + first,
                                           .origin = 7}));
  }
  std::shared_ptr<arrow::Scalar> ResultOf(std::uint32_t slot) {
    EXPECT_TRUE(rows.AppendResults(slot).ok());
    auto column = rows.aggregator(0).Finish();
    EXPECT_TRUE(column.ok()) << column.status().ToString();
    EXPECT_EQ((*column)->length(), 1);
    EXPECT_TRUE((*column)->ValidateFull().ok());
    EXPECT_TRUE((*column)->type()->Equals(rows.aggregator(0).type()));
    return *(*column)->GetScalar(0);
  }
  std::string BytesOf(std::uint32_t slot) const {
    std::string bytes;
    rows.Encode(slot, &bytes);
    return bytes;
  }

  GroupRows rows;
};

void ExpectSame(const arrow::Scalar& a, const arrow::Scalar& b, bool approximate) {
  if (!approximate) {
    EXPECT_TRUE(a.Equals(b)) << a.ToString() << " and " << b.ToString();
    return;
  }
  const auto number = [](const arrow::Scalar& scalar) {
    return std::static_pointer_cast<arrow::DoubleScalar>(*scalar.CastTo(arrow::float64()))->value;
  };
  ASSERT_EQ(a.is_valid, b.is_valid);
  if (a.is_valid) {
    EXPECT_NEAR(number(a), number(b), 1e-9 + std::abs(number(a)) * 0.05);
  }
}

class AggregatorTest : public testing::TestWithParam<Case> {};

// W6
TEST_P(AggregatorTest, MergedPartsGiveWhatTheWholeGives) {
  const Case& c = GetParam();
  for (const int n : {0, 1, 2, 40, 900}) {
    std::mt19937_64 random(static_cast<std::uint64_t>(n) + 1);
    const Rows all = RandomRows(random, c.type, n);
    Groups groups(c);
    Groups others(c);
    groups.Add(0, all, 0, n);
    groups.Add(1, all, 0, n / 3);
    others.Add(5, all, n / 3, n / 2);
    groups.Add(2, all, n / 3 + n / 2, n - n / 3 - n / 2);
    groups.rows.Merge(1, others.rows, 5);
    groups.rows.Merge(1, groups.rows, 2);
    groups.rows.Merge(3, groups.rows, 0);
    SCOPED_TRACE(std::to_string(n) + " rows");
    ExpectSame(*groups.ResultOf(0), *groups.ResultOf(1), c.approximate);
    ExpectSame(*groups.ResultOf(0), *groups.ResultOf(3), false);
  }
}

// K3
TEST_P(AggregatorTest, StateComesBackFromItsBytesAndGoesOn) {
  const Case& c = GetParam();
  std::mt19937_64 random(3);
  const Rows all = RandomRows(random, c.type, 1200);
  Groups groups(c);
  groups.Add(0, all, 0, 700);
  const std::string bytes = groups.BytesOf(0);
  Groups restored(c);
  ASSERT_TRUE(restored.rows.Decode(4, bytes).ok());
  EXPECT_EQ(restored.BytesOf(4), bytes);
  groups.Add(0, all, 700, 500);
  restored.Add(4, all, 700, 500);
  EXPECT_EQ(restored.BytesOf(4), groups.BytesOf(0));
  ExpectSame(*groups.ResultOf(0), *restored.ResultOf(4), false);
  for (const std::size_t cut : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    EXPECT_FALSE(restored.rows.Decode(5, std::string_view(bytes).substr(0, cut)).ok()) << "cut at " << cut;
  }
  groups.rows.Clear(0);
  EXPECT_EQ(groups.BytesOf(0), Groups(c).BytesOf(0));
}

// T5
TEST_P(AggregatorTest, BatchesMayBeCutAnywhere) {
  const Case& c = GetParam();
  std::mt19937_64 random(4);
  const Rows all = RandomRows(random, c.type, 1200);
  Groups groups(c);
  groups.Add(0, all, 0, 1200);
  for (std::int64_t row = 0; row < 1200; ++row) groups.Add(1, all, row, 1);
  // A state may know its slot, but its bytes must not.
  EXPECT_EQ(groups.BytesOf(0), groups.BytesOf(1));
}

INSTANTIATE_TEST_SUITE_P(
    Functions, AggregatorTest,
    testing::Values(Case{"count", "int64"}, Case{"sum", "int64"}, Case{"sum", "double"},
                    Case{"mean", "int64"}, Case{"mean", "double"}, Case{"min", "int64"},
                    Case{"max", "double"}, Case{"min", "string"}, Case{"first", "int64"},
                    Case{"last", "string"}, Case{"earliest", "double"}, Case{"latest", "int64"},
                    Case{"variance", "int64", std::nullopt, true},
                    Case{"stddev", "double", std::nullopt, true}, Case{"count_distinct", "string"},
                    Case{"count_distinct", "double"}, Case{"approx_count_distinct", "int64"},
                    Case{"quantile", "double", 0.9, true}, Case{"quantile", "int64", 0.0, true},
                    Case{"median", "int64", std::nullopt, true}, Case{"top_k", "int64", 3},
                    Case{"top_k", "string", 500}, Case{"collect", "double"}, Case{"collect", "string", 10},
                    Case{"argmin", "string"}, Case{"argmax", "int64"}));

/// The result of one aggregate over all of `values`, which are a JSON-like list.
std::string ResultOver(const Case& c, const std::shared_ptr<arrow::Array>& values,
                       const std::shared_ptr<arrow::Array>& order = nullptr) {
  Groups groups(c);
  Rows rows;
  rows.values = values;
  rows.order = order != nullptr ? order : *arrow::MakeArrayOfNull(arrow::int64(), values->length());
  for (std::int64_t i = 0; i < values->length(); ++i) {
    rows.times.push_back(0);
    rows.offsets.push_back(i);
  }
  groups.Add(0, rows, 0, values->length());
  const auto result = groups.ResultOf(0);
  if (!result->is_valid) return "null";
  if (result->type->id() != arrow::Type::LIST) return result->ToString();
  std::string text;
  const auto& list = *static_cast<const arrow::ListScalar&>(*result).value;
  for (std::int64_t i = 0; i < list.length(); ++i)
    text += (i == 0 ? "" : " ") + (*list.GetScalar(i))->ToString();
  return "[" + text + "]";
}

std::shared_ptr<arrow::Array> Integers(const std::vector<std::int64_t>& values) {
  arrow::Int64Builder builder;
  std::shared_ptr<arrow::Array> array;
  EXPECT_TRUE(builder.AppendValues(values).ok() && builder.Finish(&array).ok());
  return array;
}

// W6
TEST(Aggregator, ResultsAreThoseOfTheirDefinition) {
  const auto values = Integers({4, 2, 9, 2, 5});
  const auto order = Integers({3, 1, 1, 7, 7});
  EXPECT_EQ(ResultOver({"variance", "int64"}, values), "8.3");
  EXPECT_EQ(ResultOver({"stddev", "int64"}, Integers({2, 4})), "1.4142135623730951");
  EXPECT_EQ(ResultOver({"variance", "int64"}, Integers({2})), "null");
  EXPECT_EQ(ResultOver({"count_distinct", "int64"}, values), "4");
  EXPECT_EQ(ResultOver({"approx_count_distinct", "int64"}, values), "4");
  EXPECT_EQ(ResultOver({"median", "int64"}, values), "4");
  EXPECT_EQ(ResultOver({"median", "int64"}, Integers({1, 2})), "1.5");
  EXPECT_EQ(ResultOver({"quantile", "int64", 1.0}, values), "9");
  EXPECT_EQ(ResultOver({"quantile", "int64", 0.25}, values), "2");
  EXPECT_EQ(ResultOver({"quantile", "int64", 0.5}, Integers({})), "null");
  EXPECT_EQ(ResultOver({"top_k", "int64", 3}, values), "[9 5 4]");
  EXPECT_EQ(ResultOver({"collect", "int64"}, values), "[4 2 9 2 5]");
  EXPECT_EQ(ResultOver({"collect", "int64", 2}, values), "[4 2]");
  EXPECT_EQ(ResultOver({"collect", "int64"}, Integers({})), "[]");
  EXPECT_EQ(ResultOver({"argmin", "int64"}, values, order), "2");
  EXPECT_EQ(ResultOver({"argmax", "int64"}, values, order), "2");
  EXPECT_EQ(ResultOver({"argmax", "int64"}, Integers({}), Integers({})), "null");
}

// W6
TEST(Aggregator, SketchesStayNearTheTruth) {
  std::vector<std::int64_t> many;
  for (std::int64_t i = 0; i < 100'000; ++i) many.push_back(i * 7919 % 100'003);
  const auto near = [](const std::string& text, double truth, double part) {
    EXPECT_NEAR(std::stod(text), truth, truth * part) << text;
  };
  near(ResultOver({"approx_count_distinct", "int64"}, Integers(many)), 100'000, 0.05);
  near(ResultOver({"quantile", "int64", 0.5}, Integers(many)), 50'000, 0.02);
  near(ResultOver({"quantile", "int64", 0.99}, Integers(many)), 99'000, 0.005);
  near(ResultOver({"quantile", "int64", 0.001}, Integers(many)), 100, 0.2);
}

// W6
TEST(Aggregator, TooManyValuesHaveNoResultAndSayWhatToUse) {
  std::vector<std::int64_t> many;
  for (std::int64_t i = 0; i < 65'537; ++i) many.push_back(i);
  for (const char* function : {"count_distinct", "collect"}) {
    Groups groups({function, "int64"});
    Rows rows;
    rows.values = Integers(many);
    rows.order = rows.values;
    rows.times.assign(many.size(), 0);
    rows.offsets = many;
    groups.Add(0, rows, 0, 10'000);
    std::size_t aggregate = 9;
    EXPECT_EQ(groups.rows.Unrepresentable(0, &aggregate), "");
    groups.Add(0, rows, 10'000, 65'537 - 10'000);
    EXPECT_THAT(groups.rows.Unrepresentable(0, &aggregate), testing::HasSubstr("has more than"));
    EXPECT_EQ(aggregate, 0U);
    EXPECT_TRUE(groups.rows.bounded());
  }
}

}  // namespace
}  // namespace millrace
