#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "plan/plan.h"

namespace millrace {

/// What is known of the columns between two nodes. After a mistake, columns may be of UnknownType.
struct Columns {
  std::shared_ptr<arrow::Schema> schema;
  bool open = false;  ///< there may be others: only after a mistake, or for a source without a schema

  bool AllKnown() const;
};

/// The columns after one node, whose input has the columns `input` (none for a source) and the key of
/// `group_columns` (see key_columns.h). Mistakes are appended to `mistakes`; what follows from those of the
/// nodes before is none.
Columns ColumnsAfter(const PlanNode& node, const Columns& input,
                     const std::vector<std::string>& group_columns, std::vector<PlacedMessage>* mistakes);

}  // namespace millrace
