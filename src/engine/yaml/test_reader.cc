#include "engine/yaml/test_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/suggest.h"
#include "engine/yaml/json_value.h"

namespace millrace {
namespace {

std::vector<const KafkaSource*> SourcesOf(const Plan& plan) {
  std::vector<const KafkaSource*> sources;
  for (const PlanNode& node : plan.nodes) {
    if (const auto* source = std::get_if<KafkaSource>(&node.op)) sources.push_back(source);
  }
  return sources;
}

/// The source that a record is for; null after an error.
const KafkaSource* SourceOf(const SectionReader& section, const Plan& plan) {
  const std::vector<const KafkaSource*> sources = SourcesOf(plan);
  if (sources.empty()) return nullptr;
  if (!section.Has("topic")) {
    if (sources.size() > 1)
      section.errors().Add(section.location(), "the pipeline has several sources: add 'topic'");
    return sources[0];
  }
  const std::string topic = section.Text("topic");
  std::vector<std::string> topics;
  for (const KafkaSource* source : sources) {
    if (source->topic == topic) return source;
    topics.push_back(source->topic);
  }
  section.errors().Add(section.LocationOf("topic"),
                       "no source reads topic '" + topic + "'" + DidYouMean(topic, topics));
  return nullptr;
}

/// Bytes of a value or key as a test writes it: text as it is, anything structured as JSON, null as nothing.
std::optional<std::string> BytesOf(const SectionReader& section, const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) return std::nullopt;
  if (node.IsScalar()) return section.document().Text(node, section.errors());
  return JsonOf(section.document(), node, section.errors());
}

TestInputRecord ReadRecord(const SectionReader& section, const Plan& plan, std::int32_t partitions) {
  TestInputRecord record;
  const KafkaSource* source = SourceOf(section, plan);
  if (source != nullptr) record.topic = source->topic;
  const YAML::Node value = section.Raw("value");
  record.value = BytesOf(section, value);
  if (section.Has("key")) {
    record.key = BytesOf(section, section.Raw("key"));
  } else if (source != nullptr && !source->key.empty() && value.IsMap() && value[source->key].IsDefined()) {
    record.key = BytesOf(section, value[source->key]);
  }
  if (section.Has("timestamp")) record.timestamp = section.Instant("timestamp");
  record.partition = Partition(static_cast<std::int32_t>(section.Integer("partition")));
  if (record.partition.value() >= partitions) {
    section.errors().Add(section.LocationOf("partition"), "the test has " + std::to_string(partitions) +
                                                              " partitions; raise its 'partitions'");
  }
  record.headers = section.Texts("headers");
  return record;
}

std::vector<ExpectedRow> ReadRows(const SectionReader& test, const YAML::Node& rows) {
  std::vector<ExpectedRow> expected;
  const YamlDocument& document = test.document();
  if (rows.IsNull()) return expected;
  if (!rows.IsSequence()) {
    test.errors().Add(document.LocationOf(rows), "expected a list of rows");
    return expected;
  }
  for (const auto& row : rows) {
    if (!row.IsMap() && !row.IsNull()) {
      test.errors().Add(document.LocationOf(row),
                        "expected a row: a mapping of column to value, or null for a tombstone");
    }
    expected.push_back({JsonOf(document, row, test.errors()), document.LocationOf(row)});
  }
  return expected;
}

/// Names by which a test may call each sink.
std::vector<std::string> SinkNames(const Plan& plan) {
  std::vector<std::string> names;
  for (const PlanNode& node : plan.nodes) {
    const auto* sink = std::get_if<SinkNode>(&node.op);
    if (sink == nullptr) continue;
    names.push_back(node.name);
    if (const auto* kafka = std::get_if<KafkaSink>(&sink->sink)) names.push_back(kafka->topic);
  }
  return names;
}

std::vector<ExpectedSink> ReadOutput(const SectionReader& test, const Plan& plan) {
  const YAML::Node output = test.Raw("output");
  std::vector<ExpectedSink> expected;
  if (!test.Has("output") && !output.IsDefined()) return expected;
  const SourceLocation location = test.LocationOf("output");
  if (!output.IsMap()) {
    const auto sinks = std::count_if(plan.nodes.begin(), plan.nodes.end(), [](const PlanNode& node) {
      return std::holds_alternative<SinkNode>(node.op);
    });
    if (sinks > 1) {
      test.errors().Add(location,
                        "the pipeline has several sinks: write a mapping of sink name or topic to rows");
      return expected;
    }
    return {{"", ReadRows(test, output), location}};
  }
  const std::vector<std::string> names = SinkNames(plan);
  for (const auto& pair : output) {
    const std::string name = pair.first.IsScalar() ? test.document().Text(pair.first, test.errors()) : "";
    const SourceLocation at = test.document().LocationOf(pair.first);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      test.errors().Add(at, "no sink is named '" + name + "'" + DidYouMean(name, names));
    }
    expected.push_back({name, ReadRows(test, pair.second), at});
  }
  return expected;
}

PipelineTest ReadTest(const SectionReader& section, const Plan& plan) {
  PipelineTest test;
  test.name = section.Text("name");
  test.location = section.location();
  test.start = section.Instant("start");
  test.first_run = section.Bool("first_run");
  test.partitions = static_cast<std::int32_t>(section.Integer("partitions"));
  for (const SectionReader& input : section.Sections("input")) {
    if (input.chosen() == "advance") {
      test.input.emplace_back(TestAdvance{input.Time("advance")});
    } else if (input.chosen() == "value") {
      test.input.emplace_back(ReadRecord(input, plan, test.partitions));
    }
  }
  test.output = ReadOutput(section, plan);
  if (section.Has("late")) test.late = section.Integer("late");
  if (section.Has("dead_letters")) test.dead_letters = section.Integer("dead_letters");
  return test;
}

}  // namespace

std::vector<PipelineTest> ReadTests(const SectionReader& top, const Plan& plan) {
  std::vector<PipelineTest> tests;
  for (const SectionReader& section : top.Sections("tests")) tests.push_back(ReadTest(section, plan));
  return tests;
}

}  // namespace millrace
