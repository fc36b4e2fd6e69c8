// Expression text of any kind: parsing never crashes; what parses is read back from its own text; what binds
// evaluates to one value per row, to the same values and failing rows for a batch and for its rows one by
// one.

#include <string_view>

#include <arrow/api.h>
#include <arrow/json/from_string.h>

#include "base/check.h"
#include "expr/expr.h"
#include "expr/node.h"
#include "fuzz_target.h"

namespace {

using millrace::BoundExpr;
using millrace::Expr;

std::shared_ptr<arrow::RecordBatch> MakeBatch() {
  struct Column {
    const char* name;
    std::shared_ptr<arrow::DataType> type;
    const char* json;
  };
  const auto strings = arrow::list(arrow::utf8());
  const Column columns[] = {
      {"a", arrow::int64(), "[1, 0, null, 9223372036854775807]"},
      {"b", arrow::int32(), "[-1, 2, 3, null]"},
      {"u", arrow::uint64(), "[18446744073709551615, 0, 1, null]"},
      {"x", arrow::float64(), "[1.5, -0.0, null, 1e300]"},
      {"d", arrow::decimal128(10, 2), R"(["1.25", "-99999999.99", null, "0.00"])"},
      {"s", arrow::utf8(), R"(["", "42", null, "äöü-x"])"},
      {"ok", arrow::boolean(), "[true, false, null, true]"},
      {"t", arrow::timestamp(arrow::TimeUnit::MILLI), "[0, -1, null, 1700000000000]"},
      {"z", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "[0, -1, null, 1700000000000000]"},
      {"day", arrow::date32(), "[0, -1, null, 20000]"},
      {"l", strings, R"([["a", null], [], null, ["b"]])"},
      {"n", arrow::struct_({arrow::field("v", arrow::int64()), arrow::field("w", arrow::utf8())}),
       R"([{"v": 1, "w": "p"}, {"v": null, "w": ""}, null, {"v": -5, "w": null}])"},
  };
  std::vector<std::shared_ptr<arrow::Field>> fields;
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  for (const Column& column : columns) {
    fields.push_back(arrow::field(column.name, column.type));
    arrays.push_back(arrow::json::ArrayFromJSONString(column.type, column.json).ValueOrDie());
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), arrays[0]->length(), arrays);
}

void CheckRoundTrip(const Expr& expr) {
  const std::string text = expr.ToString();
  const auto again = millrace::ParseExpr(text);
  MR_CHECK(again.ok()) << text << ": " << again.status().message();
  MR_CHECK(millrace::expr_internal::Equal(expr, *again)) << text << " was read as " << again->ToString();
}

void CheckEvaluation(const BoundExpr& bound, const arrow::RecordBatch& batch) {
  const auto whole = bound.Evaluate(batch);
  MR_CHECK(whole.ok()) << whole.status().message();
  MR_CHECK(whole->values->length() == batch.num_rows());
  MR_CHECK(whole->values->type()->Equals(*bound.type())) << whole->values->type()->ToString();
  const arrow::Status valid = whole->values->ValidateFull();
  MR_CHECK(valid.ok()) << valid.ToString();
  auto next = whole->errors.begin();
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    const auto single = bound.Evaluate(*batch.Slice(row, 1));
    MR_CHECK(single.ok()) << single.status().message();
    const bool failed = next != whole->errors.end() && next->row == row;
    MR_CHECK(single->errors.size() == (failed ? 1U : 0U)) << "row " << row;
    const auto options = arrow::EqualOptions::Defaults().nans_equal(true);
    MR_CHECK(single->values->Equals(*whole->values->Slice(row, 1), options)) << "row " << row;
    if (failed) ++next;
  }
  MR_CHECK(next == whole->errors.end());
}

std::uint64_t g_evaluated = 0;
std::uint64_t g_not_bound = 0;
std::uint64_t g_not_parsed = 0;

}  // namespace

std::string FuzzReport() {
  return std::to_string(g_evaluated) + " expressions were evaluated, " + std::to_string(g_not_bound) +
         " did not fit the columns, " + std::to_string(g_not_parsed) + " were no expression";
}

std::vector<std::string> FuzzSeeds() {
  std::vector<std::string> seeds = {"a + b * u - x / d",
                                    "a / b % 3 >= u",
                                    "s || l[0] || n.w",
                                    "case when a > 0 then 10 / a else n.v end",
                                    "case s when '42' then t else z end",
                                    "coalesce(cast(s as int64), a)",
                                    "not ok or a between b and 10",
                                    "t > '2024-01-01T00:00:00Z' and z - t > 5",
                                    "s like '%x' or s ilike 'A_' or s regexp '^[0-9]+$'",
                                    "a in (1, 2.5, null) and b not in (u, 3)",
                                    "try_cast(s as timestamp[us])",
                                    "date_trunc('hour', z) = day",
                                    "d * d * d * d",
                                    "[a, b][-1]",
                                    "struct('p', [x], 'q', n).q.v",
                                    "-a::uint64::string",
                                    "nullif(n, null) is null",
                                    "if(ok, d, a) is not distinct from x",
                                    "strftime(t, '%Y') || \"s\" || `s`"};
  for (const millrace::FunctionInfo& function : millrace::AllFunctions()) seeds.push_back(function.example);
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kReady = millrace::InitializeExpressions().ok();
  MR_CHECK(kReady);
  static const std::shared_ptr<arrow::RecordBatch> kBatch = MakeBatch();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto expr = millrace::ParseExpr(text);
  const auto call = millrace::ParseAggregateCall(text);
  if (call.ok() && !call->argument.empty()) CheckRoundTrip(call->argument);
  if (!expr.ok()) {
    ++g_not_parsed;
    MR_CHECK(expr.status().message().find(" at character ") != std::string::npos) << expr.status().message();
    return -1;
  }
  CheckRoundTrip(*expr);
  const auto bound = BoundExpr::Bind(*expr, kBatch->schema());
  if (!bound.ok()) {
    ++g_not_bound;
    MR_CHECK(bound.status().error_class() == millrace::ErrorClass::kUser) << bound.status().message();
    return -1;
  }
  ++g_evaluated;
  CheckEvaluation(*bound, *kBatch);
  return 0;
}
