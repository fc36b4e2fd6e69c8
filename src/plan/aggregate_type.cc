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

bool IsNumber(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || type.id() == arrow::Type::FLOAT ||
         type.id() == arrow::Type::DOUBLE || arrow::is_decimal(type.id());
}

bool IsOrdered(const arrow::DataType& type) {
  return IsNumber(type) || arrow::is_base_binary_like(type.id()) || arrow::is_temporal(type.id()) ||
         type.id() == arrow::Type::BOOL;
}

std::shared_ptr<arrow::DataType> SumType(const arrow::DataType& type) {
  if (arrow::is_integer(type.id())) return arrow::int64();
  if (type.id() == arrow::Type::DECIMAL128) {
    return arrow::decimal128(38, static_cast<const arrow::DecimalType&>(type).scale());
  }
  if (type.id() == arrow::Type::DECIMAL256) {
    return arrow::decimal256(76, static_cast<const arrow::DecimalType&>(type).scale());
  }
  return arrow::float64();
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
  if (function == "sum") {
    if (!IsNumber(*input)) return WrongType(function, *input, "a number");
    return SumType(*input);
  }
  if (function == "mean") {
    if (!IsNumber(*input)) return WrongType(function, *input, "a number");
    return arrow::float64();
  }
  if (!IsOrdered(*input)) return WrongType(function, *input, "a number, string, date, timestamp or bool");
  return input;
}

}  // namespace millrace
