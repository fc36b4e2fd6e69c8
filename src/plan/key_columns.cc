#include "plan/key_columns.h"

#include <algorithm>

#include <arrow/api.h>

#include "columnar/key_encoding.h"

namespace millrace {

namespace {

void Rename(const RenameStep& rename, std::vector<std::string>* columns) {
  for (std::string& column : *columns) {
    const auto renamed = std::find_if(rename.columns.begin(), rename.columns.end(),
                                      [&column](const auto& names) { return names.first == column; });
    if (renamed != rename.columns.end()) column = renamed->second;
  }
}

}  // namespace

std::vector<std::vector<std::string>> GroupColumns(const Plan& plan) {
  std::vector<std::vector<std::string>> out(plan.nodes.size());
  for (NodeId id = 0; id < plan.nodes.size(); ++id) {
    const PlanNode& node = plan.nodes[id];
    if (!node.inputs.empty() && node.inputs.front() < id) out[id] = out[node.inputs.front()];
    if (const auto key = KeyOf(node)) out[id] = *key->columns;
    if (const auto* rename = std::get_if<RenameStep>(&node.op)) Rename(*rename, &out[id]);
  }
  return out;
}

std::vector<std::string> MessageKeyColumns(const KafkaSink& sink,
                                           const std::vector<std::string>& group_columns,
                                           const arrow::Schema& input) {
  if (!sink.key.empty()) return sink.key;
  const bool all_there =
      std::all_of(group_columns.begin(), group_columns.end(),
                  [&](const std::string& column) { return input.GetFieldIndex(column) >= 0; });
  return all_there ? group_columns : std::vector<std::string>();
}

bool IsMessageKeyType(const arrow::DataType& type) {
  return IsKeyType(type) && !arrow::is_floating(type.id());
}

}  // namespace millrace
