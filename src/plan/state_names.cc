#include "plan/state_names.h"

namespace millrace {

std::string EventsTable(const std::string& sink) { return sink + "-events"; }
std::string OrdersTable(const std::string& sink) { return sink + "-orders"; }
std::string RepeatsStep(const std::string& sink) { return sink + "-repeats"; }

std::vector<std::string> StateNamesOf(const PlanNode& node) {
  std::vector<std::string> names = {node.name};
  const auto* sink = std::get_if<SinkNode>(&node.op);
  if (sink != nullptr && std::holds_alternative<SnapchatConversionsSink>(sink->sink)) {
    names.push_back(EventsTable(node.name));
    names.push_back(OrdersTable(node.name));
  }
  return names;
}

}  // namespace millrace
