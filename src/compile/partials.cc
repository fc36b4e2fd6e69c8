#include "compile/partials.h"

#include <algorithm>
#include <vector>

#include "compile/operator_factory.h"

namespace millrace {
namespace {

/// The window that is the only node to read what comes through the cut.
std::optional<NodeId> WindowBehind(const Plan& plan, const Stage& stage) {
  std::vector<NodeId> readers;
  for (const NodeId id : stage.nodes) {
    const std::vector<NodeId>& inputs = plan.nodes[id].inputs;
    const bool from_outside = std::any_of(inputs.begin(), inputs.end(), [&](NodeId input) {
      return !std::binary_search(stage.nodes.begin(), stage.nodes.end(), input);
    });
    if (from_outside) readers.push_back(id);
  }
  if (readers.size() != 1 || !std::holds_alternative<WindowStep>(plan.nodes[readers.front()].op))
    return std::nullopt;
  return readers.front();
}

Result<std::string> LayoutOf(const AnalyzedPlan& analyzed, NodeId window) {
  const PlanNode& node = analyzed.plan.nodes[window];
  return WindowPartialLayout(node, analyzed.schemas[node.inputs.front()]);
}

}  // namespace

Result<std::string> PartialsTaken(const AnalyzedPlan& analyzed, const Stage& stage) {
  const auto window = WindowBehind(analyzed.plan, stage);
  if (!window) return std::string();
  return LayoutOf(analyzed, *window);
}

Result<std::optional<NodeId>> PartialsSentTo(const AnalyzedPlan& analyzed, const Stage& stage) {
  const auto id = WindowBehind(analyzed.plan, stage);
  if (!id) return std::optional<NodeId>();
  const auto& window = std::get<WindowStep>(analyzed.plan.nodes[*id].op);
  const bool nulls_pass = stage.cut->null_key == NullKey::kGroup;
  const bool late_rows_needed = !window.late_topic.empty() || window.late_to_dead_letters;
  if (window.emit != WindowEmit::kFinal || late_rows_needed || window.by != stage.cut->columns ||
      (nulls_pass && window.null_key != NullKey::kGroup))
    return std::optional<NodeId>();
  MR_ASSIGN_OR_RETURN(const std::string layout, LayoutOf(analyzed, *id));
  return layout.empty() ? std::optional<NodeId>() : id;
}

}  // namespace millrace
