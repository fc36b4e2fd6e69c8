#include "expr/number_compare.h"

#include <algorithm>
#include <concepts>
#include <cstring>
#include <type_traits>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "base/check.h"

namespace millrace::expr_internal {
namespace {

using arrow::Datum;

// An integer beside a double. Rounding keeps the order, so where the rounded integer differs from the double
// it decides; where it is the same, the double is whole, and is an integer of the type unless it is the first
// number beyond it.

template <std::integral Integer>
constexpr double kBeyond = std::is_signed_v<Integer> ? 0x1p63 : 0x1p64;

template <std::integral Integer>
bool LessWhenRoundedEqual(Integer left, double right) {
  return right >= kBeyond<Integer> || left < static_cast<Integer>(right);
}

template <std::integral Integer>
bool GreaterWhenRoundedEqual(Integer left, double right) {
  return right < kBeyond<Integer> && left > static_cast<Integer>(right);
}

template <std::integral Integer>
bool Less(Integer left, double right) {
  const auto rounded = static_cast<double>(left);
  return rounded < right || (rounded == right && LessWhenRoundedEqual(left, right));
}

template <std::integral Integer>
bool LessEqual(Integer left, double right) {
  const auto rounded = static_cast<double>(left);
  return rounded < right || (rounded == right && !GreaterWhenRoundedEqual(left, right));
}

template <std::integral Integer>
bool Greater(Integer left, double right) {
  const auto rounded = static_cast<double>(left);
  return rounded > right || (rounded == right && GreaterWhenRoundedEqual(left, right));
}

template <std::integral Integer>
bool GreaterEqual(Integer left, double right) {
  const auto rounded = static_cast<double>(left);
  return rounded > right || (rounded == right && !LessWhenRoundedEqual(left, right));
}

template <std::integral Integer>
bool Equal(Integer left, double right) {
  return static_cast<double>(left) == right && right < kBeyond<Integer> &&
         left == static_cast<Integer>(right);
}

// The other combinations.

template <std::integral Integer>
bool Less(double left, Integer right) {
  return Greater(right, left);
}
template <std::integral Integer>
bool LessEqual(double left, Integer right) {
  return GreaterEqual(right, left);
}
template <std::integral Integer>
bool Equal(double left, Integer right) {
  return Equal(right, left);
}
bool Less(std::int64_t left, std::uint64_t right) { return std::cmp_less(left, right); }
bool Less(std::uint64_t left, std::int64_t right) { return std::cmp_less(left, right); }
bool LessEqual(std::int64_t left, std::uint64_t right) { return std::cmp_less_equal(left, right); }
bool LessEqual(std::uint64_t left, std::int64_t right) { return std::cmp_less_equal(left, right); }
bool Equal(std::int64_t left, std::uint64_t right) { return std::cmp_equal(left, right); }
bool Equal(std::uint64_t left, std::int64_t right) { return std::cmp_equal(left, right); }

/// One bit per row.
template <typename Test>
arrow::Result<std::shared_ptr<arrow::Buffer>> Bits(std::int64_t rows, Test test) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> out, arrow::AllocateBitmap(rows));
  std::uint8_t* byte = out->mutable_data();
  std::memset(byte, 0, static_cast<std::size_t>(out->size()));
  for (std::int64_t begin = 0; begin < rows; begin += 8, ++byte) {
    const auto count = static_cast<int>(std::min<std::int64_t>(8, rows - begin));
    unsigned bits = 0;
    for (int i = 0; i < count; ++i) bits |= (test(begin + i) ? 1U : 0U) << i;
    *byte = static_cast<std::uint8_t>(bits);
  }
  return out;
}

/// The raw values of one operand; a scalar is repeated.
template <typename Type>
struct Operand {
  using Value = typename Type::c_type;
  using ArrayType = typename arrow::TypeTraits<Type>::ArrayType;

  static arrow::Result<Operand> Make(const Datum& value) {
    Operand operand;
    if (value.is_scalar()) {
      ARROW_ASSIGN_OR_RAISE(auto one, arrow::MakeArrayFromScalar(*value.scalar(), 1));
      operand.array = std::static_pointer_cast<ArrayType>(one);
      operand.stride = 0;
    } else {
      operand.array = std::static_pointer_cast<ArrayType>(value.make_array());
    }
    operand.values = operand.array->raw_values();
    return operand;
  }

  Value operator[](std::int64_t row) const { return values[row * stride]; }
  bool IsValid(std::int64_t row) const { return array->IsValid(row * stride); }

  std::shared_ptr<ArrayType> array;
  const Value* values = nullptr;
  std::int64_t stride = 1;
};

template <typename Left, typename Right>
arrow::Result<std::shared_ptr<arrow::Buffer>> Compare(Comparison comparison, const Left& left,
                                                      const Right& right, std::int64_t rows) {
  switch (comparison) {
    case Comparison::kEqual:
      return Bits(rows, [&](std::int64_t i) { return Equal(left[i], right[i]); });
    case Comparison::kNotEqual:
      return Bits(rows, [&](std::int64_t i) { return !Equal(left[i], right[i]); });
    case Comparison::kLess:
      return Bits(rows, [&](std::int64_t i) { return Less(left[i], right[i]); });
    case Comparison::kLessEqual:
      return Bits(rows, [&](std::int64_t i) { return LessEqual(left[i], right[i]); });
    case Comparison::kGreater:
      return Bits(rows, [&](std::int64_t i) { return Less(right[i], left[i]); });
    case Comparison::kGreaterEqual:
      return Bits(rows, [&](std::int64_t i) { return LessEqual(right[i], left[i]); });
  }
  MR_CHECK(false) << "no comparison " << static_cast<int>(comparison);
  return nullptr;
}

/// Arrow's function for two columns of one type.
const char* FunctionOf(Comparison comparison) {
  switch (comparison) {
    case Comparison::kEqual:
      return "equal";
    case Comparison::kNotEqual:
      return "not_equal";
    case Comparison::kLess:
      return "less";
    case Comparison::kLessEqual:
      return "less_equal";
    case Comparison::kGreater:
      return "greater";
    case Comparison::kGreaterEqual:
      return "greater_equal";
  }
  return "";
}

template <typename LeftType, typename RightType>
arrow::Result<Datum> CompareMixed(Comparison comparison, const Datum& left, const Datum& right,
                                  std::int64_t rows) {
  ARROW_ASSIGN_OR_RAISE(const auto a, Operand<LeftType>::Make(left));
  ARROW_ASSIGN_OR_RAISE(const auto b, Operand<RightType>::Make(right));
  ARROW_ASSIGN_OR_RAISE(auto values, Compare(comparison, a, b, rows));
  std::shared_ptr<arrow::Buffer> validity;
  if (a.array->null_count() > 0 || b.array->null_count() > 0) {
    ARROW_ASSIGN_OR_RAISE(validity, Bits(rows, [&](std::int64_t i) { return a.IsValid(i) && b.IsValid(i); }));
  }
  return Datum(arrow::ArrayData::Make(arrow::boolean(), rows, {std::move(validity), std::move(values)}));
}

}  // namespace

arrow::Result<Datum> CompareNumbers(Comparison comparison, const Datum& left, const Datum& right,
                                    std::int64_t num_rows) {
  if (left.type()->Equals(*right.type()))
    return arrow::compute::CallFunction(FunctionOf(comparison), {left, right});
  const auto is = [&](arrow::Type::type a, arrow::Type::type b) {
    return left.type()->id() == a && right.type()->id() == b;
  };
  using arrow::DoubleType;
  using arrow::Int64Type;
  using arrow::UInt64Type;
  using Id = arrow::Type;
  if (is(Id::INT64, Id::DOUBLE))
    return CompareMixed<Int64Type, DoubleType>(comparison, left, right, num_rows);
  if (is(Id::DOUBLE, Id::INT64))
    return CompareMixed<DoubleType, Int64Type>(comparison, left, right, num_rows);
  if (is(Id::UINT64, Id::DOUBLE))
    return CompareMixed<UInt64Type, DoubleType>(comparison, left, right, num_rows);
  if (is(Id::DOUBLE, Id::UINT64))
    return CompareMixed<DoubleType, UInt64Type>(comparison, left, right, num_rows);
  if (is(Id::INT64, Id::UINT64))
    return CompareMixed<Int64Type, UInt64Type>(comparison, left, right, num_rows);
  if (is(Id::UINT64, Id::INT64))
    return CompareMixed<UInt64Type, Int64Type>(comparison, left, right, num_rows);
  return arrow::Status::TypeError("no comparison of ", left.type()->ToString(), " with ",
                                  right.type()->ToString());
}

Kernel NumberComparison(Comparison comparison) {
  return [comparison](const KernelCall& call) {
    return CompareNumbers(comparison, call.arguments[0], call.arguments[1], call.num_rows);
  };
}

}  // namespace millrace::expr_internal
