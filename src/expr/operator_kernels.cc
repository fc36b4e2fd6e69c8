#include "expr/operator_kernels.h"

#include <cmath>
#include <limits>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/time_unit.h"
#include "expr/number_compare.h"

namespace millrace::expr_internal {
namespace {

using arrow::Datum;
using arrow::compute::CallFunction;

template <typename Type>
arrow::Result<Datum> ModuloOf(const KernelCall& call) {
  using Value = typename Type::c_type;
  ARROW_ASSIGN_OR_RAISE(const auto left, Argument<Type>::Make(call.arguments[0]));
  ARROW_ASSIGN_OR_RAISE(const auto right, Argument<Type>::Make(call.arguments[1]));
  typename arrow::TypeTraits<Type>::BuilderType builder;
  ARROW_RETURN_NOT_OK(builder.Reserve(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (left.IsNull(row) || right.IsNull(row)) {
      builder.UnsafeAppendNull();
      continue;
    }
    const Value a = left[row];
    const Value b = right[row];
    if constexpr (std::is_floating_point_v<Value>) {
      builder.UnsafeAppend(std::fmod(a, b));
    } else if (b == 0) {
      builder.UnsafeAppendNull();
      call.Fail(row, "divide_by_zero", "divide by zero");
    } else if (std::is_signed_v<Value> && b == static_cast<Value>(-1)) {
      builder.UnsafeAppend(Value{0});  // min % -1 traps although its result is 0
    } else {
      builder.UnsafeAppend(static_cast<Value>(a % b));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto out, builder.Finish());
  return Datum(out);
}

/// floor(value / divisor) for a positive divisor.
std::int64_t FloorDivide(std::int64_t value, std::int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

}  // namespace

arrow::Result<Datum> AsInt64(const Datum& value) {
  const arrow::Type::type id = value.type()->id();
  const bool narrow = id == arrow::Type::DATE32 || id == arrow::Type::TIME32 || id == arrow::Type::INT32;
  const auto layout = narrow ? arrow::int32() : arrow::int64();
  std::shared_ptr<arrow::Array> array;
  if (value.is_scalar()) {
    ARROW_ASSIGN_OR_RAISE(array, arrow::MakeArrayFromScalar(*value.scalar(), 1));
  } else {
    array = value.make_array();
  }
  ARROW_ASSIGN_OR_RAISE(auto numbers, array->View(layout));
  if (narrow) {
    ARROW_ASSIGN_OR_RAISE(const Datum wide, arrow::compute::Cast(Datum(numbers), arrow::int64()));
    numbers = wide.make_array();
  }
  if (!value.is_scalar()) return Datum(numbers);
  ARROW_ASSIGN_OR_RAISE(auto scalar, numbers->GetScalar(0));
  return Datum(scalar);
}

arrow::Result<Datum> Modulo(const KernelCall& call) {
  switch (call.arguments[0].type()->id()) {
    case arrow::Type::INT64:
      return ModuloOf<arrow::Int64Type>(call);
    case arrow::Type::UINT64:
      return ModuloOf<arrow::UInt64Type>(call);
    case arrow::Type::FLOAT:
      return ModuloOf<arrow::FloatType>(call);
    case arrow::Type::DOUBLE:
      return ModuloOf<arrow::DoubleType>(call);
    default:
      return arrow::Status::TypeError("% takes integers and doubles, not ",
                                      call.arguments[0].type()->ToString());
  }
}

arrow::Result<Datum> MillisecondsBetween(const KernelCall& call) {
  const auto unit = static_cast<const arrow::TimestampType&>(*call.arguments[0].type()).unit();
  const std::int64_t per_second = UnitsPerSecond(unit);
  ARROW_ASSIGN_OR_RAISE(const Datum left_numbers, AsInt64(call.arguments[0]));
  ARROW_ASSIGN_OR_RAISE(const Datum right_numbers, AsInt64(call.arguments[1]));
  ARROW_ASSIGN_OR_RAISE(const auto left, Argument<arrow::Int64Type>::Make(left_numbers));
  ARROW_ASSIGN_OR_RAISE(const auto right, Argument<arrow::Int64Type>::Make(right_numbers));
  arrow::Int64Builder builder;
  ARROW_RETURN_NOT_OK(builder.Reserve(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (left.IsNull(row) || right.IsNull(row)) {
      builder.UnsafeAppendNull();
      continue;
    }
    std::int64_t difference = 0;
    bool overflow = __builtin_sub_overflow(left[row], right[row], &difference);
    if (per_second < 1'000) {
      overflow = __builtin_mul_overflow(difference, 1'000 / per_second, &difference) || overflow;
    } else {
      difference = FloorDivide(difference, per_second / 1'000);
    }
    if (overflow) {
      builder.UnsafeAppendNull();
      call.Fail(row, "overflow", "overflow");
    } else {
      builder.UnsafeAppend(difference);
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto out, builder.Finish());
  return Datum(out);
}

arrow::Result<Datum> DaysBetween(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const Datum left, AsInt64(call.arguments[0]));
  ARROW_ASSIGN_OR_RAISE(const Datum right, AsInt64(call.arguments[1]));
  return CallFunction("subtract_checked", {left, right});
}

arrow::Result<Datum> Between(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const Datum above, CompareNumbers(Comparison::kGreaterEqual, call.arguments[0],
                                                          call.arguments[1], call.num_rows));
  ARROW_ASSIGN_OR_RAISE(const Datum below, CompareNumbers(Comparison::kLessEqual, call.arguments[0],
                                                          call.arguments[2], call.num_rows));
  return CallFunction("and_kleene", {above, below});
}

arrow::Result<Datum> IsDistinctFrom(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const Datum different, CompareNumbers(Comparison::kNotEqual, call.arguments[0],
                                                              call.arguments[1], call.num_rows));
  ARROW_ASSIGN_OR_RAISE(const Datum left, CallFunction("is_valid", {call.arguments[0]}));
  ARROW_ASSIGN_OR_RAISE(const Datum right, CallFunction("is_valid", {call.arguments[1]}));
  ARROW_ASSIGN_OR_RAISE(const Datum one_null, CallFunction("xor", {left, right}));
  return CallFunction("coalesce", {different, one_null});
}

arrow::Result<Datum> NullWhere(const KernelCall& call) {
  const Datum nothing(arrow::MakeNullScalar(call.arguments[1].type()));
  ARROW_ASSIGN_OR_RAISE(const Datum known, CallFunction("coalesce", {call.arguments[0], Datum(false)}));
  return CallFunction("if_else", {known, nothing, call.arguments[1]});
}

}  // namespace millrace::expr_internal
