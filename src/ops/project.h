#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "expr/expr.h"
#include "ops/operator.h"

namespace millrace {

/// One output column: an input column by index, or an expression bound to WithTombstoneField(input).
struct Projection {
  std::string name;
  std::variant<int, BoundExpr> value;
};

/// Computes exactly these columns, in this order: with, select, drop, rename and cast are all this. Rows on
/// which an expression fails are dead-lettered, the others go on; tombstones keep all columns null (R2).
/// Columns taken by index cost nothing.
Result<std::unique_ptr<Operator>> MakeProject(std::vector<Projection> columns, const arrow::Schema& input);

}  // namespace millrace
