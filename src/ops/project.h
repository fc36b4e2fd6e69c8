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

/// What expressions are in tombstones.
enum class TombstoneValues {
  kNull,  ///< the payload of a tombstone is null (R2)
  kMade,  ///< what they make of the columns that it has: its key. Null where one fails. For a sink that
          ///< deletes
};

/// Computes exactly these columns, in this order: with, select, drop, rename and cast are all this. Rows on
/// which an expression fails are dead-lettered, the others go on. Columns taken by index cost nothing.
Result<std::unique_ptr<Operator>> MakeProject(std::vector<Projection> columns, const arrow::Schema& input,
                                              TombstoneValues tombstones = TombstoneValues::kNull);

}  // namespace millrace
