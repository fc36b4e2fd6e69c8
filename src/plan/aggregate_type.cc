#include "plan/aggregate_type.h"

#include <algorithm>

#include <arrow/type.h>
#include <arrow/type_traits.h>

#include "base/suggest.h"
#include "columnar/schema_text.h"

namespace millrace {
namespace {

Status WrongType(std::string_view function, const arrow::DataType& type, std::string_view needed) {
  return Status::InvalidArgument(std::string(function) + "() takes " + std::string(needed) + ", not " +
                                 TypeText(type));
}

bool IsIntegerOrDouble(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || type.id() == arrow::Type::FLOAT || type.id() == arrow::Type::DOUBLE;
}

bool IsOrdered(const arrow::DataType& type) {
  return IsIntegerOrDouble(type) || arrow::is_base_binary_like(type.id()) || arrow::is_temporal(type.id()) ||
         type.id() == arrow::Type::BOOL || type.id() == arrow::Type::DECIMAL128;
}

}  // namespace

Result<std::shared_ptr<arrow::DataType>> AggregateResultType(std::string_view function,
                                                             const std::shared_ptr<arrow::DataType>& input) {
  if (function == "count") return arrow::int64();
  const std::string kNames[] = {"count", "sum", "mean", "min", "max", "first", "last"};
  const bool known = std::find(std::begin(kNames), std::end(kNames), function) != std::end(kNames);
  if (!known) {
    return Status::InvalidArgument("a window cannot compute '" + std::string(function) + "'" +
                                   DidYouMean(function, kNames));
  }
  if (input == nullptr) {
    return Status::InvalidArgument(std::string(function) + "() needs an expression, such as " +
                                   std::string(function) + "(price)");
  }
  if (function == "sum" || function == "mean") {
    if (!IsIntegerOrDouble(*input)) return WrongType(function, *input, "an integer or double");
    return function == "sum" && arrow::is_integer(input->id()) ? arrow::int64() : arrow::float64();
  }
  if (!IsOrdered(*input)) return WrongType(function, *input, "a number, string, date, timestamp or bool");
  return input;
}

}  // namespace millrace
