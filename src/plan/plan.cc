#include "plan/plan.h"

#include <charconv>
#include <map>

namespace millrace {

std::string SourceLocation::ToString() const {
  if (line == 0) return file;
  std::string text = file.empty() ? "line " + std::to_string(line) : file + ":" + std::to_string(line);
  if (column > 0) text += ":" + std::to_string(column);
  return text;
}

PlacedMessage PlaceAtCharacter(const SourceLocation& location, const std::string& message) {
  constexpr std::string_view kAtCharacter = " at character ";
  const std::size_t at = message.rfind(kAtCharacter);
  if (at == std::string::npos || location.characters == nullptr) return {location, message};
  const char* end = message.data() + message.size();
  std::size_t character = 0;
  const auto [stop, error] = std::from_chars(message.data() + at + kAtCharacter.size(), end, character);
  if (error != std::errc() || stop != end || character < 1 || character > location.characters->size())
    return {location, message};
  const auto [line, column] = (*location.characters)[character - 1];
  return {{location.file, line, column}, message.substr(0, at)};
}

std::string_view PlanNode::kind() const {
  static constexpr std::string_view kKinds[] = {
      "source",   "filter", "with",        "select",  "drop",    "rename", "cast", "explode",
      "group_by", "window", "deduplicate", "changes", "running", "latest", "map",  "sink"};
  static_assert(std::size(kKinds) == std::variant_size_v<decltype(PlanNode::op)>);
  return kKinds[op.index()];
}

std::optional<NodeKey> KeyOf(const PlanNode& node) {
  return std::visit(
      [](const auto& op) -> std::optional<NodeKey> {
        if constexpr (requires { op.by; }) {
          return NodeKey{&op.by, op.null_key};
        } else if constexpr (std::is_same_v<std::decay_t<decltype(op)>, GroupByStep>) {
          return NodeKey{&op.columns, op.null_key};
        } else {
          return std::nullopt;
        }
      },
      node.op);
}

Duration Plan::EffectiveCommitInterval() const {
  if (commit_interval) return *commit_interval;
  return guarantee == Guarantee::kExactlyOnce ? Duration(200) : Duration(1000);
}

Status NameNodes(Plan* plan) {
  std::map<std::string, const PlanNode*> taken;
  for (const PlanNode& node : plan->nodes) {
    if (node.name.empty()) continue;
    const auto [at, is_new] = taken.emplace(node.name, &node);
    if (is_new) continue;
    const std::string first = at->second->location.ToString();
    const std::string here = node.location.ToString();
    return Status::InvalidArgument((here.empty() ? "" : here + ": ") + "the name '" + node.name +
                                   "' is used twice" + (first.empty() ? "" : " (first at " + first + ")") +
                                   "; names of steps, sources and sinks must differ");
  }
  // The ordinal counts all nodes of a kind, named or not, so that naming one step leaves the others' names
  // alone.
  std::map<std::string_view, int> ordinals;
  for (PlanNode& node : plan->nodes) {
    const int ordinal = ++ordinals[node.kind()];
    if (!node.name.empty()) continue;
    node.name = std::string(node.kind()) + "-" + std::to_string(ordinal);
    if (taken.contains(node.name)) {
      return Status::InvalidArgument("the name '" + node.name +
                                     "' is what an unnamed step gets; choose another name");
    }
  }
  return Status::Ok();
}

AnalyzedPlan WithoutTypes(Plan plan) {
  DeclareTextSchemas(&plan);
  AnalyzedPlan untyped;
  for (const PlanNode& node : plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    untyped.schemas.push_back(source == nullptr ? nullptr : source->schema);
  }
  untyped.group_columns.resize(plan.nodes.size());
  untyped.plan = std::move(plan);
  return untyped;
}

void DeclareTextSchemas(Plan* plan) {
  for (PlanNode& node : plan->nodes) {
    auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr || source->schema != nullptr || source->format == "json") continue;
    source->schema =
        arrow::schema({arrow::field("value", source->format == "bytes" ? arrow::binary() : arrow::utf8())});
  }
}

}  // namespace millrace
