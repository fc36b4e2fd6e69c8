#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ops/stored_rows.h"
#include "state/row_query.h"

namespace millrace {

/// Rows of a step's state as a person names them.
struct StateSelection {
  /// Values of the key columns, in order. Fewer than there are columns, or none: all rows that begin with
  /// them.
  std::vector<std::string> key{};
  std::optional<std::string> prefix{};   ///< the beginning of the next key column, a string
  std::optional<std::int64_t> window{};  ///< the start of a tumbling window, in ms since the epoch
  std::int64_t limit = 100;
};

/// `rows`: made from the step's layout. Errors: user error that names the value and the column.
Result<RowQuery> MakeRowQuery(const StoredRows& rows, const StateSelection& selection);

}  // namespace millrace
