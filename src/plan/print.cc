#include <arrow/api.h>

#include "base/counted.h"
#include "columnar/row_text.h"
#include "columnar/schema_text.h"
#include "plan/feeds.h"
#include "plan/plan.h"
#include "plan/secrets.h"

namespace millrace {
namespace {

std::string Join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string ExprList(const std::vector<std::pair<std::string, PlanExpr>>& columns) {
  std::vector<std::string> parts;
  for (const auto& [name, expression] : columns) {
    const bool same = expression.expr.AsColumn() == name;
    parts.push_back(same ? name : name + " = " + expression.expr.ToString());
  }
  return Join(parts);
}

std::string PartitionText(const std::vector<PlanExpr>& partition_by) {
  if (partition_by.empty()) return "";
  std::vector<std::string> parts;
  parts.reserve(partition_by.size());
  for (const PlanExpr& expression : partition_by) parts.push_back(expression.expr.ToString());
  return " by " + Join(parts);
}

std::string ShapeText(const WindowStep& step) {
  switch (step.shape) {
    case WindowShape::kTumbling:
      return "tumbling " + FormatDuration(step.size);
    case WindowShape::kHopping:
      return "hopping " + FormatDuration(step.size) + " every " + FormatDuration(step.step);
    case WindowShape::kSliding:
      return "sliding " + FormatDuration(step.size);
    case WindowShape::kSession:
      return "session " + FormatDuration(step.size);
    case WindowShape::kCount:
      return "count " + std::to_string(step.count) + " every " + std::to_string(step.count_step);
  }
  return "";
}

std::string TtlText(std::optional<Duration> ttl) { return ttl ? ", ttl " + FormatDuration(*ttl) : ""; }

std::string AggregateList(const std::vector<WindowAggregateColumn>& aggregates) {
  std::vector<std::string> parts;
  parts.reserve(aggregates.size());
  for (const WindowAggregateColumn& column : aggregates) {
    parts.push_back(column.name + " = " + column.call.ToString());
  }
  return Join(parts);
}

/// What a node does, in one line.
struct Describe {
  std::string operator()(const KafkaSource& source) const {
    if (source.outside != nullptr)
      return DescribeOutside(*source.outside) + ", through topic " + source.topic;
    std::string text = "topic " + source.topic + " (" + source.format;
    if (!source.key.empty()) text += ", key " + source.key;
    if (source.timestamp) text += ", event time " + source.timestamp->expr.ToString();
    return text + ")";
  }
  std::string operator()(const FilterStep& step) const { return step.predicate.expr.ToString(); }
  std::string operator()(const WithStep& step) const { return ExprList(step.columns); }
  std::string operator()(const SelectStep& step) const { return ExprList(step.columns); }
  std::string operator()(const DropStep& step) const { return Join(step.columns); }
  std::string operator()(const RenameStep& step) const {
    std::vector<std::string> parts;
    for (const auto& [from, to] : step.columns) parts.push_back(from + " to " + to);
    return Join(parts);
  }
  std::string operator()(const CastStep& step) const {
    std::vector<std::string> parts;
    for (const auto& [column, type] : step.columns) parts.push_back(column + " as " + TypeText(*type));
    return Join(parts);
  }
  std::string operator()(const ExplodeStep& step) const {
    return step.column + (step.keep_empty ? " (keeping empty lists)" : "");
  }
  std::string operator()(const GroupByStep& step) const { return Join(step.columns); }
  std::string operator()(const WindowStep& step) const {
    std::string text = ShapeText(step);
    if (step.offset != Duration(0)) text += " offset " + FormatDuration(step.offset);
    if (!step.by.empty()) text += " by " + Join(step.by);
    if (step.grace > Duration(0)) text += ", grace " + FormatDuration(step.grace);
    if (step.closing == WindowClosing::kKey) text += ", closing by key";
    if (step.emit == WindowEmit::kCurrent) text += ", emit current";
    if (step.trigger) {
      text += ", trigger " + step.trigger->when.expr.ToString() +
              (step.trigger->before ? " before update" : " after update");
    }
    if (!step.late_topic.empty()) text += ", late rows to " + step.late_topic;
    if (step.late_to_dead_letters) text += ", late rows to the dead letters";
    return text + ": " + AggregateList(step.aggregates);
  }
  std::string operator()(const DeduplicateStep& step) const {
    return "within " + FormatDuration(step.within) + " by " + Join(step.by);
  }
  std::string operator()(const ChangesStep& step) const {
    return "of " + Join(step.columns) + " by " + Join(step.by) + TtlText(step.ttl);
  }
  std::string operator()(const RunningStep& step) const {
    return "by " + Join(step.by) + TtlText(step.ttl) + ": " + AggregateList(step.aggregates);
  }
  std::string operator()(const LatestStep& step) const { return "by " + Join(step.by) + TtlText(step.ttl); }
  std::string operator()(const ExpireStep& step) const {
    std::string late = step.late_topic.empty() ? "" : ", late rows to " + step.late_topic;
    if (step.late_to_dead_letters) late = ", late rows to the dead letters";
    const std::string over = step.already_over_pass ? ", already over pass" : "";
    return "by " + Join(step.by) + " at " + step.at.expr.ToString() + over + late;
  }
  std::string operator()(const MapStep& step) const {
    return "a function with state by " + Join(step.by) + TtlText(step.ttl);
  }
  std::string operator()(const SinkNode& node) const {
    const std::string where = node.where ? " where " + node.where->expr.ToString() : "";
    return std::visit(*this, node.sink) + where;
  }
  std::string operator()(const KafkaSink& sink) const {
    return "topic " + sink.topic + " (" + sink.format + (sink.key.empty() ? "" : ", key " + Join(sink.key)) +
           ")";
  }
  std::string operator()(const ParquetSink& sink) const {
    return "Parquet files in " + sink.path + PartitionText(sink.partition_by);
  }
  std::string operator()(const IpcSink& sink) const {
    return "Arrow IPC files in " + sink.path + PartitionText(sink.partition_by);
  }
  std::string operator()(const ConsoleSink& sink) const { return "console (" + sink.format + ")"; }
  std::string operator()(const SnapchatConversionsSink& sink) const {
    const std::string asset = !sink.pixel_id.empty() ? "pixel " + sink.pixel_id
                              : !sink.app_id.empty() ? "app " + sink.app_id
                                                     : "asset " + sink.asset_id->expr.ToString();
    const std::string consent = !sink.consent ? "" : ", " + sink.without_consent + " without consent";
    return "Snapchat conversions of " + asset + consent + (sink.mode == "live" ? "" : " (" + sink.mode + ")");
  }
  std::string operator()(const SnapchatAudienceSink& sink) const {
    const SnapchatSegment& segment = sink.segment;
    const std::string which = !segment.id.empty()
                                  ? segment.id
                                  : "'" + segment.name + "' of ad account " + sink.ad_account_id +
                                        (segment.create ? " (created when missing)" : "");
    const std::string action = sink.action_of_row ? sink.action_of_row->expr.ToString() : sink.action;
    const std::string of = sink.identifier ? " of " + sink.identifier->expr.ToString() : "";
    return "Snapchat audience " + which + ": " + action + " " + sink.schema + of;
  }
};

std::string_view GuaranteeText(Guarantee guarantee) {
  return guarantee == Guarantee::kExactlyOnce ? "exactly_once" : "at_least_once";
}

/// The value of a Kafka property as it may be shown.
std::string Shown(const std::string& name, const std::string& value) {
  return IsSecretProperty(name) ? std::string(kRedacted) : value;
}

std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendQuotedText(text, &quoted);
  return quoted;
}

/// `node` is the only input of the next node and has no other reader: the graph is a chain there.
bool IsChain(const Plan& plan) {
  for (NodeId id = 0; id < plan.nodes.size(); ++id) {
    if (id == 0 ? !plan.nodes[id].inputs.empty() : plan.nodes[id].inputs != std::vector<NodeId>{id - 1})
      return false;
  }
  return true;
}

std::string InputNames(const Plan& plan, const PlanNode& node) {
  std::vector<std::string> names;
  for (const NodeId id : node.inputs) names.push_back(plan.nodes[id].name);
  return Join(names);
}

/// Mermaid reads quotes and brackets in a label as its own syntax.
std::string MermaidLabel(std::string_view text) {
  std::string label;
  for (const char c : text) {
    switch (c) {
      case '"':
        label += "#quot;";
        break;
      case '<':
        label += "#lt;";
        break;
      case '>':
        label += "#gt;";
        break;
      case '#':
        label += "#35;";
        break;
      case '\n':
        label += ' ';
        break;
      default:
        label += c;
    }
  }
  return label;
}

/// The second line of a node in the text.
std::string ColumnsLine(const PlanNode& node, const arrow::Schema* schema) {
  if (std::holds_alternative<SinkNode>(node.op)) return "";
  if (schema != nullptr) return "    " + SchemaText(*schema) + "\n";
  return std::holds_alternative<KafkaSource>(node.op)
             ? "    columns: inferred from the topic at the start; 'millrace schema infer' pins them\n"
             : "";
}

/// {"name": "type"} in the order of the columns; null when they are not known.
std::string ColumnsJson(const arrow::Schema* schema) {
  if (schema == nullptr) return "null";
  std::string json = "{";
  for (int i = 0; i < schema->num_fields(); ++i) {
    json +=
        (i > 0 ? ", " : "") + Quoted(schema->field(i)->name()) + ": " + Quoted(FieldText(*schema->field(i)));
  }
  return json + "}";
}

}  // namespace

std::string DescribeNode(const PlanNode& node) { return std::visit(Describe{}, node.op); }

std::string PlanToText(const AnalyzedPlan& analyzed) {
  const Plan& plan = analyzed.plan;
  std::string text = "pipeline " + plan.name + " (" + std::string(GuaranteeText(plan.guarantee)) +
                     ", commit every " + FormatDuration(plan.EffectiveCommitInterval()) + ", " +
                     Counted(plan.workers, "worker") + ")\n";
  for (const auto& [name, value] : plan.kafka) text += "  kafka " + name + " = " + Shown(name, value) + "\n";
  const bool chain = IsChain(plan);
  for (NodeId id = 0; id < plan.nodes.size(); ++id) {
    const PlanNode& node = plan.nodes[id];
    text += std::string(node.kind()) + " '" + node.name + "'";
    if (!chain && !node.inputs.empty()) text += " from " + InputNames(plan, node);
    text += ": " + DescribeNode(node) + "\n";
    text += ColumnsLine(node, analyzed.schemas[id].get());
  }
  return text;
}

std::string PlanToMermaid(const AnalyzedPlan& analyzed) {
  const Plan& plan = analyzed.plan;
  std::string text = "flowchart TD\n";
  for (NodeId id = 0; id < plan.nodes.size(); ++id) {
    const PlanNode& node = plan.nodes[id];
    const bool end = node.inputs.empty() || std::holds_alternative<SinkNode>(node.op);
    text += "  n" + std::to_string(id) + (end ? "[(\"" : "[\"") + MermaidLabel(node.name) + "<br/>" +
            MermaidLabel(DescribeNode(node)) + (end ? "\")]\n" : "\"]\n");
  }
  for (NodeId id = 0; id < plan.nodes.size(); ++id) {
    for (const NodeId input : plan.nodes[id].inputs) {
      text += "  n" + std::to_string(input) + " --> n" + std::to_string(id) + "\n";
    }
  }
  return text;
}

std::string PlanToJson(const AnalyzedPlan& analyzed) {
  const Plan& plan = analyzed.plan;
  std::string json = "{\n  \"name\": " + Quoted(plan.name) +
                     ",\n  \"guarantee\": " + Quoted(GuaranteeText(plan.guarantee)) +
                     ",\n  \"workers\": " + std::to_string(plan.workers) + ",\n  \"kafka\": {";
  std::string_view comma;
  for (const auto& [name, value] : plan.kafka) {
    json += std::string(comma) + Quoted(name) + ": " + Quoted(Shown(name, value));
    comma = ", ";
  }
  json += "},\n  \"nodes\": [";
  comma = "\n";
  for (NodeId id = 0; id < plan.nodes.size(); ++id) {
    const PlanNode& node = plan.nodes[id];
    json += std::string(comma) + "    {\"id\": " + std::to_string(id) + ", \"name\": " + Quoted(node.name) +
            ", \"kind\": " + Quoted(node.kind()) + ", \"inputs\": [";
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      json += (i > 0 ? ", " : "") + std::to_string(node.inputs[i]);
    }
    json += "], \"description\": " + Quoted(DescribeNode(node)) +
            ", \"columns\": " + ColumnsJson(analyzed.schemas[id].get()) + "}";
    comma = ",\n";
  }
  return json + "\n  ]\n}\n";
}

}  // namespace millrace
