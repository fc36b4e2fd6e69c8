#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/ids.h"
#include "base/result.h"
#include "ops/operator.h"
#include "plan/plan.h"
#include "state/state_store.h"

namespace millrace {

/// The operator of one plan node. `input`: the schema it receives. `store`: the task's state, null only while
/// trying whether a stateless node compiles. `origin`: of rows that it makes of its state. Errors: user
/// error; the caller adds the location.
Result<std::unique_ptr<Operator>> MakeOperator(const PlanNode& node,
                                               const std::shared_ptr<arrow::Schema>& input, StateStore* store,
                                               const TopicPartition& origin);

/// What makes partial aggregates for a window node (K2a). Precondition: WindowPartialLayout is not "".
Result<std::unique_ptr<Operator>> MakeWindowPartials(const PlanNode& node,
                                                     const std::shared_ptr<arrow::Schema>& input,
                                                     std::int64_t most_key_bytes);
/// PartialLayout of a window node.
Result<std::string> WindowPartialLayout(const PlanNode& node, const std::shared_ptr<arrow::Schema>& input);

/// One line of StateStoreOptions::layout for a stateful node, "" for others: what must stay the same for its
/// rows on disk to be readable (K4).
Result<std::string> StateLayout(const PlanNode& node, const std::shared_ptr<arrow::Schema>& input);

}  // namespace millrace
