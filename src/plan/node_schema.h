#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "plan/plan.h"

namespace millrace {

/// The columns after one node, whose input has the columns `input` (null for a source) and the key of
/// `group_columns` (see key_columns.h). Nullptr after an error; errors are appended to `errors`, with their
/// place.
std::shared_ptr<arrow::Schema> SchemaAfter(const PlanNode& node, std::shared_ptr<arrow::Schema> input,
                                           const std::vector<std::string>& group_columns,
                                           std::vector<std::string>* errors);

}  // namespace millrace
