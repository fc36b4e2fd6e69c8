#include <limits>
#include <numbers>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "expr/function.h"
#include "expr/operator_kernels.h"

namespace millrace::expr_internal {
namespace {

using arrow::Datum;
using arrow::compute::CallFunction;

bool IsWhole(const Datum& value) { return arrow::is_integer(value.type()->id()); }

/// A decimal with room for the digit that rounding may add: Arrow's kernels can lose that overflow and give
/// 0.
arrow::Result<Datum> WithRoomToRound(const Datum& value) {
  if (!arrow::is_decimal(value.type()->id())) return value;
  const auto& type = static_cast<const arrow::DecimalType&>(*value.type());
  const std::int32_t precision = type.precision() + 1;
  if (precision > arrow::Decimal256Type::kMaxPrecision) {
    return arrow::Status::TypeError("a decimal of 76 digits has no room to be rounded");
  }
  const auto wider = precision > arrow::Decimal128Type::kMaxPrecision
                         ? arrow::decimal256(precision, type.scale())
                         : arrow::decimal128(precision, type.scale());
  return arrow::compute::Cast(value, wider);
}

/// Half away from zero, as in SQL.
arrow::Result<Datum> Round(const KernelCall& call) {
  const std::int64_t digits = call.arguments.size() > 1 ? OptionInt(call.arguments[1]) : 0;
  if (IsWhole(call.arguments[0]) && digits >= 0) return call.arguments[0];
  const arrow::compute::RoundOptions options(digits, arrow::compute::RoundMode::HALF_TOWARDS_INFINITY);
  ARROW_ASSIGN_OR_RAISE(const Datum value, WithRoomToRound(call.arguments[0]));
  return CallFunction("round", {value}, &options);
}

/// A rounding that leaves integers alone.
Kernel RoundKernel(std::string function) {
  return [function = std::move(function)](const KernelCall& call) -> arrow::Result<Datum> {
    if (IsWhole(call.arguments[0])) return call.arguments[0];
    ARROW_ASSIGN_OR_RAISE(const Datum value, WithRoomToRound(call.arguments[0]));
    return CallFunction(function, {value});
  };
}

/// Doubles by the rules of IEEE 754, everything else checked.
Kernel CheckedKernel(std::string function) {
  return [function = std::move(function)](const KernelCall& call) {
    const bool real = arrow::is_floating(call.arguments[0].type()->id());
    const std::vector<Datum> arguments(call.arguments.begin(), call.arguments.end());
    return CallFunction(real ? function : function + "_checked", arguments);
  };
}

arrow::Result<Datum> Sign(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const Datum sign, CallFunction("sign", {call.arguments[0]}));
  return IsWhole(sign) ? arrow::compute::Cast(sign, arrow::int64()) : sign;
}

Kernel ConstantKernel(double value) {
  return [value](const KernelCall& /*call*/) -> arrow::Result<Datum> { return Datum(value); };
}

ScalarFunction OfDouble(std::string name, std::string summary, std::string example, std::string kernel,
                        std::string_view error_class = "") {
  std::string signature = name + "(number) -> float64";
  return {std::move(name),
          std::move(signature),
          std::move(summary),
          std::move(example),
          {Param::kDouble},
          1,
          false,
          ArrowKernel(std::move(kernel)),
          error_class};
}

std::vector<ScalarFunction> RoundingFunctions() {
  using P = Param;
  return {
      {"abs",
       "abs(number) -> number",
       "Without its sign.",
       "abs(-3) = 3",
       {P::kNumber},
       1,
       false,
       CheckedKernel("abs"),
       "overflow"},
      {"sign", "sign(number) -> number", "-1, 0 or 1.", "sign(-2.5) = -1", {P::kNumber}, 1, false, Sign},
      {"round",
       "round(number [, constant digits]) -> number",
       "Rounded to that many digits after the point, halves away from zero.",
       "round(2.5) = 3",
       {P::kNumber, P::kOptionInt},
       1,
       false,
       Round,
       "overflow"},
      {"floor",
       "floor(number) -> number",
       "The next whole number towards minus infinity.",
       "floor(-1.5) = -2",
       {P::kNumber},
       1,
       false,
       RoundKernel("floor"),
       "overflow"},
      {"ceil",
       "ceil(number) -> number",
       "The next whole number towards infinity.",
       "ceil(1.2) = 2",
       {P::kNumber},
       1,
       false,
       RoundKernel("ceil"),
       "overflow"},
      {"trunc",
       "trunc(number) -> number",
       "Without the digits after the point.",
       "trunc(-1.9) = -1",
       {P::kNumber},
       1,
       false,
       RoundKernel("trunc"),
       "overflow"},
  };
}

std::vector<ScalarFunction> ArithmeticFunctions() {
  using P = Param;
  return {
      {"mod",
       "mod(a, b) -> number",
       "The rest of a / b with the sign of a; the same as a % b.",
       "mod(-7, 3) = -1",
       {P::kCommonNumber, P::kCommonNumber},
       2,
       false,
       Modulo,
       "divide_by_zero"},
      {"power",
       "power(base, exponent) -> number",
       "base to the power of exponent; integers give integers and refuse negative exponents.",
       "power(2, 10) = 1024",
       {P::kCommonNumber, P::kCommonNumber},
       2,
       false,
       CheckedKernel("power"),
       "overflow"},
      {"greatest",
       "greatest(value, ...) -> value",
       "The greatest of the values that are not null.",
       "greatest(1, null, 3) = 3",
       {P::kCommon},
       1,
       true,
       ArrowKernel("max_element_wise")},
      {"least",
       "least(value, ...) -> value",
       "The least of the values that are not null.",
       "least(2, null, 3) = 2",
       {P::kCommon},
       1,
       true,
       ArrowKernel("min_element_wise")},
  };
}

std::vector<ScalarFunction> RealFunctions() {
  using P = Param;
  return {
      OfDouble("sqrt", "Square root; negative numbers fail.", "sqrt(9) = 3", "sqrt_checked", "domain"),
      OfDouble("exp", "e to that power.", "exp(0) = 1", "exp"),
      OfDouble("ln", "Natural logarithm; zero and negative numbers fail.", "ln(1) = 0", "ln_checked",
               "domain"),
      OfDouble("log10", "Logarithm to base 10; zero and negative numbers fail.", "log10(1000) = 3",
               "log10_checked", "domain"),
      OfDouble("log2", "Logarithm to base 2; zero and negative numbers fail.", "log2(8) = 3", "log2_checked",
               "domain"),
      OfDouble("sin", "Sine of an angle in radians.", "sin(0) = 0", "sin"),
      OfDouble("cos", "Cosine of an angle in radians.", "cos(0) = 1", "cos"),
      OfDouble("tan", "Tangent of an angle in radians.", "tan(0) = 0", "tan"),
      OfDouble("asin", "Arc sine in radians.", "asin(0) = 0", "asin_checked", "domain"),
      OfDouble("acos", "Arc cosine in radians.", "acos(1) = 0", "acos_checked", "domain"),
      OfDouble("atan", "Arc tangent in radians.", "atan(0) = 0", "atan"),
      {"atan2",
       "atan2(y, x) -> float64",
       "Angle of the point (x, y) in radians.",
       "atan2(0, 1) = 0",
       {P::kDouble, P::kDouble},
       2,
       false,
       ArrowKernel("atan2")},
      {"pi",
       "pi() -> float64",
       "The ratio of a circle's circumference to its diameter.",
       "round(pi(), 2) = 3.14",
       {},
       0,
       false,
       ConstantKernel(std::numbers::pi)},
      {"nan",
       "nan() -> float64",
       "The double that is not a number.",
       "is_nan(nan())",
       {},
       0,
       false,
       ConstantKernel(std::numeric_limits<double>::quiet_NaN())},
      {"infinity",
       "infinity() -> float64",
       "The infinite double.",
       "infinity() > 1e308",
       {},
       0,
       false,
       ConstantKernel(std::numeric_limits<double>::infinity())},
      {"is_nan",
       "is_nan(number) -> bool",
       "Whether a double is not a number.",
       "not is_nan(1.0)",
       {P::kDouble},
       1,
       false,
       ArrowKernel("is_nan")},
      {"is_finite",
       "is_finite(number) -> bool",
       "Whether a double is neither infinite nor not a number.",
       "not is_finite(1.0 / 0.0)",
       {P::kDouble},
       1,
       false,
       ArrowKernel("is_finite")},
  };
}

std::vector<ScalarFunction> BitFunctions() {
  using P = Param;
  return {
      {"bit_and",
       "bit_and(a, b) -> int64",
       "The bits set in both.",
       "bit_and(6, 3) = 2",
       {P::kInt, P::kInt},
       2,
       false,
       ArrowKernel("bit_wise_and")},
      {"bit_or",
       "bit_or(a, b) -> int64",
       "The bits set in one or both.",
       "bit_or(6, 3) = 7",
       {P::kInt, P::kInt},
       2,
       false,
       ArrowKernel("bit_wise_or")},
      {"bit_xor",
       "bit_xor(a, b) -> int64",
       "The bits set in just one.",
       "bit_xor(6, 3) = 5",
       {P::kInt, P::kInt},
       2,
       false,
       ArrowKernel("bit_wise_xor")},
  };
}

}  // namespace

std::vector<ScalarFunction> MathFunctions() {
  return Concatenated({RoundingFunctions(), ArithmeticFunctions(), RealFunctions(), BitFunctions()});
}

}  // namespace millrace::expr_internal
