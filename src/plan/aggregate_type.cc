#include "plan/aggregate_type.h"

#include <algorithm>
#include <vector>

#include <arrow/type.h>
#include <arrow/type_traits.h>

#include "base/suggest.h"
#include "columnar/key_encoding.h"
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

using TypePtr = std::shared_ptr<arrow::DataType>;

enum class Takes { kNumbers, kNumbersAndDecimals, kOrdered, kKeys };
enum class Gives { kInput, kInt64, kFloat64, kSum, kList };

struct Signature {
  std::string_view name;
  Takes takes;
  Gives gives;
};

constexpr Signature kSignatures[] = {
    {"approx_count_distinct", Takes::kKeys, Gives::kInt64},
    {"argmax", Takes::kKeys, Gives::kInput},
    {"argmin", Takes::kKeys, Gives::kInput},
    {"collect", Takes::kKeys, Gives::kList},
    {"count_distinct", Takes::kKeys, Gives::kInt64},
    {"earliest", Takes::kOrdered, Gives::kInput},
    {"first", Takes::kOrdered, Gives::kInput},
    {"last", Takes::kOrdered, Gives::kInput},
    {"latest", Takes::kOrdered, Gives::kInput},
    {"max", Takes::kOrdered, Gives::kInput},
    {"mean", Takes::kNumbersAndDecimals, Gives::kFloat64},
    {"median", Takes::kNumbers, Gives::kFloat64},
    {"min", Takes::kOrdered, Gives::kInput},
    {"quantile", Takes::kNumbers, Gives::kFloat64},
    {"stddev", Takes::kNumbers, Gives::kFloat64},
    {"sum", Takes::kNumbersAndDecimals, Gives::kSum},
    {"top_k", Takes::kKeys, Gives::kList},
    {"variance", Takes::kNumbers, Gives::kFloat64},
};

const Signature* FindSignature(std::string_view function) {
  const auto* found = std::find_if(std::begin(kSignatures), std::end(kSignatures),
                                   [&](const Signature& s) { return s.name == function; });
  return found == std::end(kSignatures) ? nullptr : found;
}

Status CheckTaken(const Signature& signature, const arrow::DataType& type) {
  switch (signature.takes) {
    case Takes::kNumbers:
      if (IsIntegerOrDouble(type)) return Status::Ok();
      return WrongType(signature.name, type, "an integer or double");
    case Takes::kNumbersAndDecimals:
      if (IsIntegerOrDouble(type) || type.id() == arrow::Type::DECIMAL128) return Status::Ok();
      return WrongType(signature.name, type, "an integer, double or decimal");
    case Takes::kOrdered:
      if (IsOrdered(type)) return Status::Ok();
      break;
    case Takes::kKeys:
      if (IsKeyType(type)) return Status::Ok();
      break;
  }
  return WrongType(signature.name, type, "a number, string, date, timestamp or bool");
}

TypePtr ResultOf(const Signature& signature, const TypePtr& input) {
  switch (signature.gives) {
    case Gives::kInput:
      return input;
    case Gives::kInt64:
      return arrow::int64();
    case Gives::kFloat64:
      return arrow::float64();
    case Gives::kSum:
      if (input->id() == arrow::Type::DECIMAL128) {
        return arrow::decimal128(arrow::Decimal128Type::kMaxPrecision,
                                 static_cast<const arrow::Decimal128Type&>(*input).scale());
      }
      return arrow::is_integer(input->id()) ? arrow::int64() : arrow::float64();
    case Gives::kList:
      return arrow::list(input);
  }
  return input;
}

}  // namespace

Result<TypePtr> AggregateResultType(std::string_view function, const TypePtr& input, const TypePtr& order) {
  if (function == "count") return arrow::int64();
  const Signature* const signature = FindSignature(function);
  if (signature == nullptr) {
    std::vector<std::string> names = {"count"};
    for (const Signature& known : kSignatures) names.emplace_back(known.name);
    return Status::InvalidArgument("there is no aggregate '" + std::string(function) + "'" +
                                   DidYouMean(function, names));
  }
  if (input == nullptr) {
    return Status::InvalidArgument(std::string(function) + "() needs an expression, such as " +
                                   std::string(function) + "(price)");
  }
  MR_RETURN_IF_ERROR(CheckTaken(*signature, *input));
  if (order != nullptr) MR_RETURN_IF_ERROR(CheckTaken(*signature, *order));
  return ResultOf(*signature, input);
}

}  // namespace millrace
