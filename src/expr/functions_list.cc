#include <cmath>
#include <cstddef>
#include <limits>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "expr/function.h"
#include "expr/number_compare.h"
#include "expr/types.h"

namespace millrace::expr_internal {
namespace {

using arrow::Datum;

/// A list argument as an array; scalars are repeated.
arrow::Result<std::shared_ptr<arrow::ListArray>> Lists(const KernelCall& call, std::size_t index = 0) {
  const Datum& value = call.arguments[index];
  std::shared_ptr<arrow::Array> array;
  if (value.is_scalar()) {
    ARROW_ASSIGN_OR_RAISE(array, arrow::MakeArrayFromScalar(*value.scalar(), call.num_rows));
  } else {
    array = value.make_array();
  }
  return std::static_pointer_cast<arrow::ListArray>(array);
}

arrow::Result<Datum> Element(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const auto lists, Lists(call));
  ARROW_ASSIGN_OR_RAISE(const auto wanted, Argument<arrow::Int64Type>::Make(call.arguments[1]));
  arrow::Int64Builder rows;
  ARROW_RETURN_NOT_OK(rows.Reserve(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (lists->IsNull(row) || wanted.IsNull(row)) {
      rows.UnsafeAppendNull();
      continue;
    }
    const std::int64_t length = lists->value_length(row);
    const std::int64_t index = wanted[row] < 0 ? length + wanted[row] : wanted[row];
    if (index < 0 || index >= length) {
      rows.UnsafeAppendNull();
    } else {
      rows.UnsafeAppend(lists->value_offset(row) + index);
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto indices, rows.Finish());
  ARROW_ASSIGN_OR_RAISE(auto out, arrow::compute::Take(*lists->values(), *indices));
  return Datum(out);
}

// Each fold takes one more value into the total of those before it; false when the total overflows.
struct SumFold {
  template <typename Value>
  static bool Step(Value value, Value* total) {
    if constexpr (std::is_floating_point_v<Value>) {
      *total += value;
      return true;
    } else {
      return !__builtin_add_overflow(*total, value, total);
    }
  }
};

struct MinFold {
  template <typename Value>
  static bool Step(Value value, Value* total) {
    if (value < *total) *total = value;
    return true;
  }
};

struct MaxFold {
  template <typename Value>
  static bool Step(Value value, Value* total) {
    if (*total < value) *total = value;
    return true;
  }
};

/// What the values of one list come to. The fold starts from nothing: a list without values has no total.
enum class FoldResult { kNothing, kTotal, kOverflow };

template <typename Fold, typename Array, typename Value>
FoldResult FoldList(const arrow::ListArray& lists, const Array& values, std::int64_t row, Value* total) {
  if (lists.IsNull(row)) return FoldResult::kNothing;
  std::int64_t i = lists.value_offset(row);
  const std::int64_t end = i + lists.value_length(row);
  while (i < end && values.IsNull(i)) ++i;
  if (i == end) return FoldResult::kNothing;
  *total = values.GetView(i);
  for (++i; i < end; ++i) {
    if (values.IsValid(i) && !Fold::Step(values.GetView(i), total)) return FoldResult::kOverflow;
  }
  return FoldResult::kTotal;
}

template <typename Fold, typename Type, typename Builder>
arrow::Result<Datum> FoldLists(const KernelCall& call, const arrow::ListArray& lists,
                               const typename arrow::TypeTraits<Type>::ArrayType& values, Builder* out) {
  ARROW_RETURN_NOT_OK(out->Reserve(call.num_rows));
  ARROW_RETURN_NOT_OK(ForEachRow(call, [&](std::int64_t row) {
    decltype(values.GetView(0)) total{};
    const FoldResult result = FoldList<Fold>(lists, values, row, &total);
    if (result == FoldResult::kOverflow) call.Fail(row, "overflow", "overflow");
    return result == FoldResult::kTotal ? out->Append(total) : out->AppendNull();
  }));
  ARROW_ASSIGN_OR_RAISE(auto array, out->Finish());
  return Datum(array);
}

template <typename Fold>
arrow::Result<Datum> FoldNumbers(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const auto lists, Lists(call));
  const auto& type = *lists->value_type();
  if (type.id() == arrow::Type::STRING && !std::is_same_v<Fold, SumFold>) {
    arrow::StringBuilder out;
    const auto& texts = static_cast<const arrow::StringArray&>(*lists->values());
    if constexpr (!std::is_same_v<Fold, SumFold>)
      return FoldLists<Fold, arrow::StringType>(call, *lists, texts, &out);
  }
  if (type.id() == arrow::Type::UINT64) {
    arrow::UInt64Builder out;
    const auto& numbers = static_cast<const arrow::UInt64Array&>(*lists->values());
    return FoldLists<Fold, arrow::UInt64Type>(call, *lists, numbers, &out);
  }
  if (IsInteger(type)) {
    ARROW_ASSIGN_OR_RAISE(const Datum numbers, arrow::compute::Cast(Datum(lists->values()), arrow::int64()));
    const auto array = std::static_pointer_cast<arrow::Int64Array>(numbers.make_array());
    arrow::Int64Builder out;
    return FoldLists<Fold, arrow::Int64Type>(call, *lists, *array, &out);
  }
  if (IsFloat(type)) {
    ARROW_ASSIGN_OR_RAISE(const Datum numbers,
                          arrow::compute::Cast(Datum(lists->values()), arrow::float64()));
    const auto array = std::static_pointer_cast<arrow::DoubleArray>(numbers.make_array());
    arrow::DoubleBuilder out;
    return FoldLists<Fold, arrow::DoubleType>(call, *lists, *array, &out);
  }
  return arrow::Status::TypeError("a list of ", TypeName(type), " is not supported here");
}

arrow::Result<Datum> ListMean(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const auto lists, Lists(call));
  if (!IsNumeric(*lists->value_type())) {
    return arrow::Status::TypeError("a list of ", TypeName(*lists->value_type()), " has no mean");
  }
  arrow::compute::CastOptions rounded = arrow::compute::CastOptions::Safe(arrow::float64());
  rounded.allow_float_truncate = true;
  ARROW_ASSIGN_OR_RAISE(const Datum numbers, arrow::compute::Cast(Datum(lists->values()), rounded));
  const auto values = std::static_pointer_cast<arrow::DoubleArray>(numbers.make_array());
  arrow::DoubleBuilder out;
  ARROW_RETURN_NOT_OK(out.Reserve(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    double sum = 0;
    std::int64_t count = 0;
    const std::int64_t begin = lists->IsValid(row) ? lists->value_offset(row) : 0;
    const std::int64_t end = lists->IsValid(row) ? begin + lists->value_length(row) : 0;
    for (std::int64_t i = begin; i < end; ++i) {
      if (values->IsNull(i)) continue;
      sum += values->Value(i);
      ++count;
    }
    count > 0 ? out.UnsafeAppend(sum / static_cast<double>(count)) : out.UnsafeAppendNull();
  }
  ARROW_ASSIGN_OR_RAISE(auto array, out.Finish());
  return Datum(array);
}

/// contains(string, string).
arrow::Result<Datum> TextContains(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const auto texts, Argument<arrow::StringType>::Make(call.arguments[0]));
  ARROW_ASSIGN_OR_RAISE(const auto parts, Argument<arrow::StringType>::Make(call.arguments[1]));
  arrow::BooleanBuilder out;
  ARROW_RETURN_NOT_OK(out.Reserve(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (texts.IsNull(row) || parts.IsNull(row)) {
      out.UnsafeAppendNull();
    } else {
      out.UnsafeAppend(texts[row].find(parts[row]) != std::string_view::npos);
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto array, out.Finish());
  return Datum(array);
}

/// In the common type, but 64-bit integers beside doubles as they are.
arrow::Result<Datum> ToCompare(const Datum& value, const std::shared_ptr<arrow::DataType>& common) {
  const arrow::Type::type id = value.type()->id();
  const bool wide = id == arrow::Type::INT64 || id == arrow::Type::UINT64;
  if (wide && common->id() == arrow::Type::DOUBLE) return value;
  arrow::compute::CastOptions options = arrow::compute::CastOptions::Safe(common);
  options.allow_float_truncate = true;
  return arrow::compute::Cast(value, options);
}

/// The row that each element belongs to, of `num_elements` in lists that are not null.
arrow::Result<std::shared_ptr<arrow::Int64Array>> OwnersOfElements(const arrow::ListArray& lists,
                                                                   std::int64_t num_elements) {
  arrow::Int64Builder owners;
  ARROW_RETURN_NOT_OK(owners.Reserve(num_elements));
  for (std::int64_t row = 0; row < lists.length(); ++row) {
    const std::int64_t length = lists.IsValid(row) ? lists.value_length(row) : 0;
    for (std::int64_t i = 0; i < length; ++i) owners.UnsafeAppend(row);
  }
  std::shared_ptr<arrow::Int64Array> array;
  ARROW_RETURN_NOT_OK(owners.Finish(&array));
  return array;
}

/// contains(list, value): compares every element with its row's value in one kernel call.
arrow::Result<Datum> Contains(const KernelCall& call) {
  if (call.arguments[0].type()->id() == arrow::Type::STRING) {
    if (call.arguments[1].type()->id() == arrow::Type::STRING) return TextContains(call);
    return arrow::Status::TypeError("a string contains strings, not ", TypeName(*call.arguments[1].type()));
  }
  ARROW_ASSIGN_OR_RAISE(const auto lists, Lists(call));
  const std::shared_ptr<arrow::DataType> common =
      CommonType(Plain(lists->value_type()), Plain(call.arguments[1].type()), Purpose::kCompare);
  if (common == nullptr) {
    return arrow::Status::TypeError("a list of ", TypeName(*lists->value_type()), " does not contain ",
                                    TypeName(*call.arguments[1].type()));
  }
  ARROW_ASSIGN_OR_RAISE(const auto elements, lists->Flatten());
  ARROW_ASSIGN_OR_RAISE(const auto owners, OwnersOfElements(*lists, elements->length()));
  Datum values = call.arguments[1];
  if (values.is_array()) {
    ARROW_ASSIGN_OR_RAISE(values, arrow::compute::Take(values, Datum(owners)));
  }
  ARROW_ASSIGN_OR_RAISE(values, ToCompare(values, common));
  ARROW_ASSIGN_OR_RAISE(const Datum plain, ToCompare(Datum(elements), common));
  ARROW_ASSIGN_OR_RAISE(const Datum equal,
                        CompareNumbers(Comparison::kEqual, plain, values, elements->length()));
  const auto matches = std::static_pointer_cast<arrow::BooleanArray>(equal.make_array());
  std::vector<bool> found(static_cast<std::size_t>(call.num_rows), false);
  for (std::int64_t i = 0; i < matches->length(); ++i) {
    if (matches->IsValid(i) && matches->Value(i)) found[static_cast<std::size_t>(owners->Value(i))] = true;
  }
  const bool no_value = call.arguments[1].is_scalar() && !call.arguments[1].scalar()->is_valid;
  const auto row_values = call.arguments[1].is_array() ? call.arguments[1].make_array() : nullptr;
  arrow::BooleanBuilder out;
  ARROW_RETURN_NOT_OK(out.Reserve(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (lists->IsNull(row) || no_value || (row_values != nullptr && row_values->IsNull(row))) {
      out.UnsafeAppendNull();
    } else {
      out.UnsafeAppend(found[static_cast<std::size_t>(row)]);
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto array, out.Finish());
  return Datum(array);
}

/// The elements of one list that are not null, with `separator` between them.
std::string JoinedRow(const arrow::ListArray& lists, const arrow::StringArray& items, std::int64_t row,
                      std::string_view separator) {
  std::string joined;
  bool first = true;
  for (std::int64_t i = 0; i < lists.value_length(row); ++i) {
    const std::int64_t item = lists.value_offset(row) + i;
    if (items.IsNull(item)) continue;
    if (!first) joined += separator;
    joined += items.GetView(item);
    first = false;
  }
  return joined;
}

arrow::Result<Datum> Join(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const auto lists, Lists(call));
  ARROW_ASSIGN_OR_RAISE(const Datum texts, arrow::compute::Cast(Datum(lists->values()), arrow::utf8()));
  const auto items = std::static_pointer_cast<arrow::StringArray>(texts.make_array());
  ARROW_ASSIGN_OR_RAISE(const auto separators, Argument<arrow::StringType>::Make(call.arguments[1]));
  arrow::StringBuilder out;
  ARROW_RETURN_NOT_OK(ForEachRow(call, [&](std::int64_t row) {
    const bool null = lists->IsNull(row) || separators.IsNull(row);
    return null ? out.AppendNull() : out.Append(JoinedRow(*lists, *items, row, separators[row]));
  }));
  ARROW_ASSIGN_OR_RAISE(auto array, out.Finish());
  return Datum(array);
}

/// list(a, b, ...): the n arguments of each row become a list of n.
arrow::Result<Datum> MakeList(const KernelCall& call) {
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (const Datum& value : call.arguments) {
    ARROW_ASSIGN_OR_RAISE(
        auto column, value.is_scalar() ? arrow::MakeArrayFromScalar(*value.scalar(), call.num_rows)
                                       : arrow::Result<std::shared_ptr<arrow::Array>>(value.make_array()));
    columns.push_back(std::move(column));
  }
  const auto width = static_cast<std::int64_t>(columns.size());
  if (width == 0) columns.push_back(std::make_shared<arrow::NullArray>(0));
  ARROW_ASSIGN_OR_RAISE(const auto joined, arrow::Concatenate(columns));
  arrow::Int64Builder order;
  ARROW_RETURN_NOT_OK(order.Reserve(call.num_rows * width));
  arrow::Int32Builder offsets;
  ARROW_RETURN_NOT_OK(offsets.Reserve(call.num_rows + 1));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    offsets.UnsafeAppend(static_cast<std::int32_t>(row * width));
    for (std::int64_t i = 0; i < width; ++i) order.UnsafeAppend(i * call.num_rows + row);
  }
  offsets.UnsafeAppend(static_cast<std::int32_t>(call.num_rows * width));
  ARROW_ASSIGN_OR_RAISE(const auto indices, order.Finish());
  ARROW_ASSIGN_OR_RAISE(const auto items, arrow::compute::Take(*joined, *indices));
  ARROW_ASSIGN_OR_RAISE(const auto bounds, offsets.Finish());
  ARROW_ASSIGN_OR_RAISE(auto lists, arrow::ListArray::FromArrays(*bounds, *items));
  return Datum(lists);
}

std::vector<ScalarFunction> FoldFunctions() {
  using P = Param;
  return {
      {"list_sum",
       "list_sum(list of numbers) -> int64 or float64",
       "Sum of the elements that are not null.",
       "list_sum([1, 2, 3]) = 6",
       {P::kList},
       1,
       false,
       FoldNumbers<SumFold>,
       "overflow"},
      {"list_min",
       "list_min(list of numbers or strings) -> value",
       "The least element that is not null.",
       "list_min([3, 1, 2]) = 1",
       {P::kList},
       1,
       false,
       FoldNumbers<MinFold>},
      {"list_max",
       "list_max(list of numbers or strings) -> value",
       "The greatest element that is not null.",
       "list_max(['a', 'c', 'b']) = 'c'",
       {P::kList},
       1,
       false,
       FoldNumbers<MaxFold>},
      {"list_mean",
       "list_mean(list of numbers) -> float64",
       "Mean of the elements that are not null.",
       "list_mean([1, 2]) = 1.5",
       {P::kList},
       1,
       false,
       ListMean},
  };
}

std::vector<ScalarFunction> WholeListFunctions() {
  using P = Param;
  return {
      {"list",
       "list(value, ...) -> list",
       "The values of the row as a list; also written [a, b].",
       "list(1, 2)[0] = 1",
       {P::kCommon},
       0,
       true,
       MakeList},
      {"element",
       "element(list, int64 index) -> value",
       "The element at the index from 0, from the end for negative ones, null beyond; also written l[i].",
       "element([4, 5, 6], -1) = 6",
       {P::kList, P::kInt},
       2,
       false,
       Element},
      {"contains",
       "contains(list, value) or contains(string, string) -> bool",
       "Whether the list has such an element, or the text such a part.",
       "contains([1, 2], 2)",
       {P::kStringOrList, P::kAny},
       2,
       false,
       Contains},
      {"join",
       "join(list, string separator) -> string",
       "The elements that are not null as one text.",
       "join(['a', null, 'b'], '-') = 'a-b'",
       {P::kList, P::kString},
       2,
       false,
       Join},
      {"struct",
       "struct(constant name, value, ...) -> struct",
       "A struct of those fields.",
       "struct('a', 1, 'b', 'x').b = 'x'",
       {P::kAny},
       2,
       true,
       nullptr},
  };
}

}  // namespace

std::vector<ScalarFunction> ListFunctions() { return Concatenated({FoldFunctions(), WholeListFunctions()}); }

}  // namespace millrace::expr_internal
