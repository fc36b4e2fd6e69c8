#include "expr/user_aggregate_type.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <arrow/type.h>
#include <arrow/type_traits.h>

#include "columnar/schema_text.h"
#include "expr/function.h"

namespace millrace {
namespace {

Status CheckName(const std::string& name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz_";
  constexpr std::string_view kMore = "abcdefghijklmnopqrstuvwxyz_0123456789";
  const bool is_name = !name.empty() && kLetters.find(name.front()) != std::string_view::npos &&
                       name.find_first_not_of(kMore) == std::string::npos;
  if (!is_name) {
    return Status::InvalidArgument("'" + name +
                                   "' cannot be the name of an aggregate; name it in lower-case letters, "
                                   "digits and _, beginning with a letter");
  }
  const auto& built_in = expr_internal::AggregateFunctionNames();
  if (std::find(built_in.begin(), built_in.end(), expr_internal::CanonicalAggregate(name)) == built_in.end())
    return Status::Ok();
  return Status::InvalidArgument("'" + name + "' is a built-in aggregate; give yours another kName");
}

bool Takes(UserValueType wanted, const arrow::DataType& type) {
  switch (wanted) {
    case UserValueType::kBool:
      return type.id() == arrow::Type::BOOL;
    case UserValueType::kInt64:
      return arrow::is_integer(type.id()) && type.id() != arrow::Type::UINT64;
    case UserValueType::kFloat64:
      return arrow::is_integer(type.id()) || type.id() == arrow::Type::FLOAT ||
             type.id() == arrow::Type::DOUBLE;
    case UserValueType::kString:
      return arrow::is_base_binary_like(type.id());
  }
  return false;
}

std::string_view NeededText(UserValueType wanted) {
  switch (wanted) {
    case UserValueType::kBool:
      return "bool";
    case UserValueType::kInt64:
      return "an integer that fits into int64";
    case UserValueType::kFloat64:
      return "an integer or double";
    case UserValueType::kString:
      return "a string";
  }
  return "";
}

std::shared_ptr<arrow::DataType> TypeOf(UserValueType type) {
  switch (type) {
    case UserValueType::kBool:
      return arrow::boolean();
    case UserValueType::kInt64:
      return arrow::int64();
    case UserValueType::kFloat64:
      return arrow::float64();
    case UserValueType::kString:
      return arrow::utf8();
  }
  return nullptr;
}

}  // namespace

Result<std::shared_ptr<arrow::DataType>> UserAggregateResultType(
    const UserAggregate& user, const std::shared_ptr<arrow::DataType>& argument) {
  const UserAggregate::Traits& traits = user.traits();
  MR_RETURN_IF_ERROR(CheckName(traits.name));
  if (argument != nullptr && Takes(traits.argument, *argument)) return TypeOf(traits.result);
  return Status::InvalidArgument(traits.name + "() takes " + std::string(NeededText(traits.argument)) +
                                 ", not " + (argument == nullptr ? "nothing" : TypeText(*argument)) +
                                 "; cast the argument");
}

}  // namespace millrace
