#include "engine/commands/explain_json.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "columnar/schema_text.h"
#include "engine/yaml/json_value.h"
#include "http/redact.h"
#include "plan/secrets.h"

namespace millrace {
namespace {

/// A JSON object that is put together member by member.
class Object {
 public:
  Object& Json(std::string_view name, const std::string& json) {
    text_ += (text_.size() > 1 ? "," : "") + JsonString(name) + ":" + json;
    return *this;
  }
  Object& Text(std::string_view name, std::string_view value) { return Json(name, JsonString(value)); }
  /// null when empty.
  Object& TextOrNull(std::string_view name, std::string_view value) {
    return Json(name, value.empty() ? "null" : JsonString(value));
  }
  Object& Number(std::string_view name, std::int64_t value) { return Json(name, std::to_string(value)); }
  std::string Finish() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

std::string Array(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() > 1 ? "," : "") + item;
  return text + "]";
}

std::string Texts(const std::vector<std::string>& texts) {
  std::vector<std::string> items;
  items.reserve(texts.size());
  for (const std::string& text : texts) items.push_back(JsonString(text));
  return Array(items);
}

std::string Columns(const arrow::Schema& schema) {
  std::vector<std::string> items;
  items.reserve(schema.fields().size());
  for (const auto& field : schema.fields())
    items.push_back(Object().Text("name", field->name()).Text("type", FieldText(*field)).Finish());
  return Array(items);
}

/// Internal topics by name.
struct InternalTopics {
  explicit InternalTopics(const Topology& topology) {
    for (const NewTopic& topic : topology.internal_topics) all.insert(topic.name);
    for (const SubTopology& sub : topology.sub_topologies) {
      for (const TableSpec& table : sub.tables) changelogs.insert(table.changelog_topic);
    }
  }
  std::string Changelog(const std::string& name) const { return changelogs.contains(name) ? name : ""; }
  std::string Repartition(const std::string& name) const { return all.contains(name) ? name : ""; }

  std::set<std::string> all;
  std::set<std::string> changelogs;
};

std::string Inputs(const Plan& plan, const PlanNode& node) {
  std::vector<std::string> names;
  names.reserve(node.inputs.size());
  for (const NodeId id : node.inputs) names.push_back(plan.nodes[id].name);
  return Texts(names);
}

std::string SourceJson(const PlanNode& node, const KafkaSource& source, const arrow::Schema& schema) {
  return Object()
      .Text("name", node.name)
      .Text("topic", source.topic)
      .Text("format", source.format)
      .TextOrNull("key", source.key)
      .TextOrNull("timestamp", source.timestamp ? source.timestamp->expr.ToString() : "")
      .Json("columns", Columns(schema))
      .Finish();
}

std::string StepJson(const Plan& plan, const PlanNode& node, const arrow::Schema& schema,
                     const InternalTopics& topics) {
  return Object()
      .Text("name", node.name)
      .Text("kind", node.kind())
      .Json("inputs", Inputs(plan, node))
      .Text("description", DescribeNode(node))
      .Json("columns", Columns(schema))
      .TextOrNull("repartition", topics.Repartition(plan.name + "-" + node.name + "-repartition"))
      .TextOrNull("changelog", topics.Changelog(plan.name + "-" + node.name + "-changelog"))
      .Finish();
}

/// What a sink writes to: its kind, and the topic or path.
struct SinkTarget {
  std::pair<const char*, std::string> operator()(const KafkaSink& sink) const {
    return {"kafka", sink.topic};
  }
  std::pair<const char*, std::string> operator()(const ParquetSink& sink) const {
    return {"parquet", sink.path};
  }
  std::pair<const char*, std::string> operator()(const IpcSink& sink) const { return {"ipc", sink.path}; }
  std::pair<const char*, std::string> operator()(const ConsoleSink&) const { return {"console", ""}; }
  std::pair<const char*, std::string> operator()(const SnapchatConversionsSink& sink) const {
    return {"snapchat.conversions", Redactor()(sink.access.url)};
  }
  std::pair<const char*, std::string> operator()(const SnapchatAudienceSink& sink) const {
    return {"snapchat.audience", Redactor()(sink.access.url)};
  }
};

std::string SinkJson(const Plan& plan, const PlanNode& node, const SinkNode& sink,
                     const arrow::Schema& schema) {
  const auto [kind, target] = std::visit(SinkTarget{}, sink.sink);
  return Object()
      .Text("name", node.name)
      .Text("kind", kind)
      .TextOrNull("target", target)
      .Json("inputs", Inputs(plan, node))
      .Text("description", DescribeNode(node))
      .Json("columns", Columns(schema))
      .Finish();
}

void AddSettings(const Plan& plan, Object* out) {
  Object kafka;
  for (const auto& [name, value] : plan.kafka)
    kafka.Text(name, IsSecretProperty(name) ? std::string(kRedacted) : value);
  out->Text("name", plan.name)
      .Text("guarantee", plan.guarantee == Guarantee::kExactlyOnce ? "exactly_once" : "at_least_once")
      .Number("commit_interval_ms", plan.EffectiveCommitInterval().count())
      .Number("commit_bytes", plan.commit_bytes.value())
      .Json("batch", Object()
                         .Number("rows", plan.batch.rows)
                         .Number("bytes", plan.batch.bytes.value())
                         .Number("delay_ms", plan.batch.delay.count())
                         .Finish())
      .Number("workers", plan.workers)
      .Number("memory_bytes", plan.memory.value())
      .Text("state_dir", plan.state_dir)
      .Number("standbys", plan.standbys)
      .Number("stop_timeout_ms", plan.stop_timeout.count())
      .Number("out_of_orderness_ms", plan.out_of_orderness.count())
      .Json("idle_after_ms", plan.idle_after ? std::to_string(plan.idle_after->count()) : "null")
      .Number("max_future_ms", plan.max_future.count())
      .TextOrNull("dead_letter_topic", plan.dead_letter_topic)
      .Json("kafka", kafka.Finish());
}

void AddNodes(const AnalyzedPlan& analyzed, const InternalTopics& topics, Object* out) {
  const Plan& plan = analyzed.plan;
  std::vector<std::string> sources;
  std::vector<std::string> steps;
  std::vector<std::string> sinks;
  for (NodeId id = 0; id < plan.nodes.size(); ++id) {
    const PlanNode& node = plan.nodes[id];
    const arrow::Schema& schema = *analyzed.schemas[id];
    if (const auto* source = std::get_if<KafkaSource>(&node.op)) {
      sources.push_back(SourceJson(node, *source, schema));
    } else if (const auto* sink = std::get_if<SinkNode>(&node.op)) {
      sinks.push_back(SinkJson(plan, node, *sink, schema));
    } else {
      steps.push_back(StepJson(plan, node, schema, topics));
    }
  }
  out->Json("sources", Array(sources)).Json("steps", Array(steps)).Json("sinks", Array(sinks));
}

std::string SubTopologyJson(const SubTopology& sub) {
  std::vector<std::string> changelogs;
  std::vector<std::string> state;
  for (const TableSpec& table : sub.tables) {
    changelogs.push_back(table.changelog_topic);
    state.push_back(Object().Text("step", table.table).Text("changelog", table.changelog_topic).Finish());
  }
  return Object()
      .Text("name", sub.name)
      .Number("partitions", sub.partitions)
      .Json("inputs", Texts(sub.input_topics))
      .Json("partial_aggregates", Texts(sub.partial_inputs))
      .Json("changelogs", Texts(changelogs))
      .Json("state", Array(state))
      .Finish();
}

}  // namespace

void WriteExplainJson(const AnalyzedPlan& plan, const Topology& topology, std::ostream& out) {
  const InternalTopics topics(topology);
  Object all;
  AddSettings(plan.plan, &all);
  AddNodes(plan, topics, &all);
  std::vector<std::string> subs;
  for (const SubTopology& sub : topology.sub_topologies) subs.push_back(SubTopologyJson(sub));
  std::vector<std::string> internal;
  const auto add = [&internal](const NewTopic& topic, std::string_view kind) {
    internal.push_back(
        Object().Text("name", topic.name).Text("kind", kind).Number("partitions", topic.partitions).Finish());
  };
  for (const NewTopic& topic : topology.internal_topics)
    add(topic, topics.changelogs.contains(topic.name) ? "changelog" : "repartition");
  for (const NewTopic& topic : topology.feed_topics)
    add(topic, topic.name.ends_with("-position") ? "position" : "feed");
  out << all.Json("sub_topologies", Array(subs)).Json("internal_topics", Array(internal)).Finish() << "\n";
}

}  // namespace millrace
