#include "api/graph.h"

#include <utility>

namespace millrace::api_internal {

NodeId Graph::Add(PlanNode node) {
  nodes_.push_back(std::move(node));
  return nodes_.size() - 1;
}

void Graph::AddError(const SourceLocation& at, const std::string& message) {
  errors_.push_back(at.ToString() + ": " + message);
}

Status Graph::status() const {
  if (errors_.empty()) return Status::Ok();
  std::string message;
  for (const std::string& error : errors_) message += (message.empty() ? "" : "\n") + error;
  return Status::InvalidArgument(std::move(message));
}

const GroupByStep* Graph::GroupBefore(const std::vector<NodeId>& nodes) const {
  const GroupByStep* common = nullptr;
  for (const NodeId id : nodes) {
    const auto* group = std::get_if<GroupByStep>(&nodes_[id].op);
    if (group == nullptr) group = GroupBefore(nodes_[id].inputs);
    if (group == nullptr || (common != nullptr && common != group)) return nullptr;
    common = group;
  }
  return common;
}

SourceLocation LocationOf(const std::source_location& at) {
  return {at.file_name(), static_cast<int>(at.line()), static_cast<int>(at.column())};
}

}  // namespace millrace::api_internal
