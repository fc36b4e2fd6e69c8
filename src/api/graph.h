#pragma once

#include <source_location>
#include <string>
#include <vector>

#include "base/status.h"
#include "plan/plan.h"

namespace millrace::api_internal {

/// The nodes of an App so far, with the mistakes found while they were added. Shared by the App and its
/// frames; used by one thread.
class Graph {
 public:
  NodeId Add(PlanNode node);
  /// Reported with the place of the call when the plan is built.
  void AddError(const SourceLocation& at, const std::string& message);

  PlanNode& node(NodeId id) { return nodes_[id]; }
  const std::vector<PlanNode>& nodes() const { return nodes_; }
  /// Ok, or all mistakes, one per line.
  Status status() const;

  /// The group_by nearest before `nodes`, or null when they have none in common.
  const GroupByStep* GroupBefore(const std::vector<NodeId>& nodes) const;

 private:
  std::vector<PlanNode> nodes_;
  std::vector<std::string> errors_;
};

SourceLocation LocationOf(const std::source_location& at);

}  // namespace millrace::api_internal
