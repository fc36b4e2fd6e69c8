#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/access.h"

namespace millrace::api_internal {

/// Adds a step behind `inputs`.
class StepAdder {
 public:
  StepAdder(Graph& graph, const std::vector<NodeId>& inputs, const CallSite& at)
      : graph_(graph), inputs_(inputs), location_(LocationOf(at)) {}

  /// A broken expression becomes null, and its mistake an error of the graph.
  PlanExpr Read(const Expression& expression) {
    if (!Access::ErrorOf(expression).empty()) {
      graph_.AddError(location_, Access::ErrorOf(expression));
      return {Access::Get(null()), location_};
    }
    return {Access::Get(expression), location_};
  }

  std::vector<std::pair<std::string, PlanExpr>> Read(const std::vector<NamedExpression>& columns) {
    std::vector<std::pair<std::string, PlanExpr>> read;
    read.reserve(columns.size());
    for (const NamedExpression& column : columns) read.emplace_back(column.name, Read(column.value));
    return read;
  }

  std::vector<WindowAggregateColumn> Read(const std::vector<Aggregation>& columns) {
    std::vector<WindowAggregateColumn> read;
    for (const Aggregation& column : columns) {
      AggregateCall call{.function = column.function, .parameter = column.parameter};
      if (!column.arguments.empty()) call.argument = Read(column.arguments.front()).expr;
      if (column.arguments.size() > 1) call.order = Read(column.arguments[1]).expr;
      if (!column.condition.empty()) call.where = Read(column.condition.front()).expr;
      read.push_back({column.name, std::move(call), location_, column.user});
    }
    return read;
  }

  void AddError(const std::string& message) { graph_.AddError(location_, message); }

  NodeId Add(decltype(PlanNode::op) op, std::string name = "") {
    PlanNode node;
    node.name = std::move(name);
    node.op = std::move(op);
    node.inputs = inputs_;
    node.location = location_;
    return graph_.Add(std::move(node));
  }

  /// Adds a step that is kept per key.
  template <typename Step>
  NodeId AddKeyed(Step step, std::vector<std::string> by, NullKeys null_keys, std::string name = "") {
    step.by = std::move(by);
    step.null_key = static_cast<NullKey>(null_keys);
    TakeKey(&step, "this step needs key columns, or a GroupBy before it");
    return Add(std::move(step), std::move(name));
  }

  /// Gives a step without key columns those of the GroupBy before it; `missing` is the error when there is
  /// none.
  template <typename Step>
  void TakeKey(Step* step, const char* missing) {
    if (!step->by.empty()) return;
    if (const GroupByStep* group = graph_.GroupBefore(inputs_)) {
      step->by = group->columns;
      step->null_key = group->null_key;
    } else {
      AddError(missing);
    }
  }

 private:
  Graph& graph_;
  const std::vector<NodeId>& inputs_;
  SourceLocation location_;
};

}  // namespace millrace::api_internal
