#include "connectors/snapchat/text_value.h"

#include <utility>

#include <arrow/api.h>

#include "expr/builder.h"

namespace millrace {

bool HasText(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::STRING:
    case arrow::Type::BOOL:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DATE32:
      return true;
    default:
      return arrow::is_integer(type.id()) || arrow::is_floating(type.id()) || arrow::is_decimal(type.id());
  }
}

std::optional<Expr> TextOf(Expr value, const arrow::DataType& type) {
  if (!HasText(type)) return std::nullopt;
  return type.id() == arrow::Type::STRING ? std::move(value) : CastTo(std::move(value), "string");
}

}  // namespace millrace
