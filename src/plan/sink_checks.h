#pragma once

#include <string>
#include <vector>

#include "plan/node_schema.h"
#include "plan/plan.h"

namespace millrace {

/// What is wrong with a sink whose rows have the columns `input` and the key of `group_columns` (see
/// key_columns.h) is appended to `mistakes`. `node` holds the sink.
void CheckSink(const PlanNode& node, const SinkNode& sink, const Columns& input,
               const std::vector<std::string>& group_columns, std::vector<PlacedMessage>* mistakes);

}  // namespace millrace
