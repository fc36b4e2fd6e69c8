#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/ids.h"
#include "base/result.h"
#include "ops/operator.h"
#include "ops/rekey.h"
#include "plan/plan.h"
#include "state/state_store.h"

namespace millrace {

NullKeyPolicy NullKeyPolicyOf(NullKey null_key);

/// True for the steps that keep something per key without a window: deduplicate, changes, running, latest,
/// expire, map.
bool IsKeyedStep(const PlanNode& node);

/// MakeOperator for these. Precondition: IsKeyedStep(node).
Result<std::unique_ptr<Operator>> MakeKeyedStep(const PlanNode& node,
                                                const std::shared_ptr<arrow::Schema>& input,
                                                StateStore* store, const TopicPartition& origin);

/// StateLayout for these. Precondition: IsKeyedStep(node).
Result<std::string> KeyedStepLayout(const PlanNode& node, const std::shared_ptr<arrow::Schema>& input);

}  // namespace millrace
