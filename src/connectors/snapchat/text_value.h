#pragma once

#include <optional>

#include <arrow/type_fwd.h>

#include "expr/expr.h"

namespace millrace {

/// Whether values of the type have a text of their own: numbers, texts, times, true and false.
bool HasText(const arrow::DataType& type);

/// `value`, of that type, as text; none when it has none.
std::optional<Expr> TextOf(Expr value, const arrow::DataType& type);

}  // namespace millrace
