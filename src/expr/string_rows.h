#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>
#include <utility>

#include <arrow/api.h>

#include "expr/kernel.h"

namespace millrace::expr_internal {

/// Bound on what one row of lpad, rpad and repeat may grow to.
inline constexpr std::int64_t kMaxTextBytesPerRow = 1 << 20;

/// Number of characters (code points) of valid UTF-8.
std::int64_t CountCharacters(std::string_view text);

/// Characters [first, first + count) of valid UTF-8, clipped to the text. first and count >= 0.
std::string_view Characters(std::string_view text, std::int64_t first, std::int64_t count);

namespace string_rows_internal {

template <typename Output, typename Function, typename... Types, std::size_t... I>
arrow::Status ForRows(const KernelCall& call, Output* out, const Function& function,
                      const std::tuple<Argument<Types>...>& arguments, std::index_sequence<I...> /*unused*/) {
  return ForEachRow(call, [&](std::int64_t row) {
    const bool null = (std::get<I>(arguments).IsNull(row) || ...);
    return null ? out->AppendNull() : function(row, out, std::get<I>(arguments)[row]...);
  });
}

template <typename... Types, std::size_t... I>
arrow::Result<std::tuple<Argument<Types>...>> MakeArguments(const KernelCall& call,
                                                            std::index_sequence<I...> /*unused*/) {
  std::tuple<arrow::Result<Argument<Types>>...> made(Argument<Types>::Make(call.arguments[I])...);
  arrow::Status status;
  ((status = status.ok() ? std::get<I>(made).status() : status), ...);
  ARROW_RETURN_NOT_OK(status);
  return std::tuple<Argument<Types>...>(std::move(std::get<I>(made)).ValueUnsafe()...);
}

}  // namespace string_rows_internal

/// Calls function(row, builder, values...) for every row without nulls among its arguments; the others are
/// null.
template <typename... Types, typename Function>
arrow::Result<arrow::Datum> MapToString(const KernelCall& call, const Function& function) {
  constexpr std::index_sequence_for<Types...> kIndices;
  ARROW_ASSIGN_OR_RAISE(const auto arguments, string_rows_internal::MakeArguments<Types...>(call, kIndices));
  arrow::StringBuilder out;
  ARROW_RETURN_NOT_OK(out.Reserve(call.num_rows));
  ARROW_RETURN_NOT_OK(string_rows_internal::ForRows(call, &out, function, arguments, kIndices));
  ARROW_ASSIGN_OR_RAISE(auto array, out.Finish());
  return arrow::Datum(array);
}

/// test(text, text) for every row; null when one of them is.
template <typename Test>
arrow::Result<arrow::Datum> MapStringsToBool(const KernelCall& call, const Test& test) {
  ARROW_ASSIGN_OR_RAISE(const auto left, Argument<arrow::StringType>::Make(call.arguments[0]));
  ARROW_ASSIGN_OR_RAISE(const auto right, Argument<arrow::StringType>::Make(call.arguments[1]));
  arrow::BooleanBuilder out;
  ARROW_RETURN_NOT_OK(out.Reserve(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (left.IsNull(row) || right.IsNull(row)) {
      out.UnsafeAppendNull();
    } else {
      out.UnsafeAppend(test(left[row], right[row]));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto array, out.Finish());
  return arrow::Datum(array);
}

}  // namespace millrace::expr_internal
