#pragma once

#include <functional>
#include <memory>

#include <arrow/type_fwd.h>

#include "plan/node_errors.h"
#include "plan/plan.h"

namespace millrace {

/// The type of an expression over the rows of a sink; UnknownType after a mistake, which it reports.
using TypeOfExpression = std::function<std::shared_ptr<arrow::DataType>(const PlanExpr&)>;

/// What is wrong with a sink for Snapchat, beside its `consent`. `node` is its own.
void CheckSnapchatSink(const SnapchatConversionsSink& sink, const PlanNode& node,
                       const TypeOfExpression& type_of, NodeErrors* errors);
void CheckSnapchatSink(const SnapchatAudienceSink& sink, const PlanNode& node,
                       const TypeOfExpression& type_of, NodeErrors* errors);

/// Events without an id of their own are called after the place of their record (topic, partition, offset):
/// wrong where rows have none, or several have the same. `input`: the columns of the rows.
void CheckEventIds(const Plan& plan, NodeId sink, const arrow::Schema& input, NodeErrors* errors);

}  // namespace millrace
