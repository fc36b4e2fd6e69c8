#include "engine/commands/schema_command.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "base/counted.h"
#include "codec/json/json_codec.h"
#include "columnar/schema_text.h"
#include "engine/commands/pipeline_loading.h"
#include "engine/commands/time_columns.h"
#include "engine/commands/topic_lookup.h"
#include "engine/topic_sample.h"
#include "engine/yaml/json_value.h"

namespace millrace {
namespace {

bool IsPlainName(const std::string& name) {
  return !name.empty() && name.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
                              "0123456789") == std::string::npos;
}

/// What was found out about a topic.
struct Inferred {
  std::string topic;
  std::size_t records = 0;
  std::shared_ptr<arrow::Schema> schema;
  std::map<std::string, std::string> times;  ///< see TimeColumns
};

Result<Inferred> Infer(Cluster& cluster, const std::string& topic, std::int64_t max_records,
                       const Clock& clock) {
  MR_ASSIGN_OR_RETURN(const TopicDescription description, FindTopic(cluster, topic));
  TopicSampleOptions options;  // of a pipeline that starts, so that both find the same
  options.longest *= std::max<std::int64_t>(1, max_records / options.most_values);
  options.most_values = max_records;
  MR_ASSIGN_OR_RETURN(const TopicSample sample,
                      SampleTopic(topic, description.partitions, cluster, clock, options));
  if (sample.values.empty())
    return Status::NotFound("topic '" + topic + "' is empty: there is nothing to infer a schema from");
  JsonInferenceOptions inference;
  inference.max_rows = max_records;
  Inferred found;
  found.topic = topic;
  found.records = sample.values.size();
  MR_ASSIGN_OR_RETURN(found.schema, InferJsonSchema(sample.values, inference));
  MR_ASSIGN_OR_RETURN(found.times, TimeColumns(sample.values, found.schema));
  return found;
}

void WriteJson(const Inferred& found, std::ostream& out) {
  out << "{\"topic\":" << JsonString(found.topic) << ",\"schema\":{";
  for (int i = 0; i < found.schema->num_fields(); ++i) {
    const arrow::Field& field = *found.schema->field(i);
    out << (i == 0 ? "" : ",") << JsonString(field.name()) << ":" << JsonString(FieldText(field));
  }
  out << "},\"times\":{";
  bool first = true;
  for (const auto& [name, type] : found.times) {
    out << (first ? "" : ",") << JsonString(name) << ":" << JsonString(type);
    first = false;
  }
  out << "}}\n";
}

void WriteYaml(const Inferred& found, std::ostream& out) {
  out << "# inferred from " << Counted(found.records, "record") << " of topic " << found.topic
      << "\nschema:\n";
  for (const auto& field : found.schema->fields()) {
    const std::string& name = field->name();
    const std::string type = FieldText(*field);
    // A ": " ends an unquoted value of YAML.
    out << "  " << (IsPlainName(name) ? name : JsonString(name)) << ": "
        << (type.find_first_of(":#\"'") == std::string::npos ? type : JsonString(type));
    if (const auto time = found.times.find(name); time != found.times.end())
      out << "  # looks like a time: " << time->second;
    out << "\n";
  }
}

Result<std::vector<std::string>> TopicsOf(const SchemaInferOptions& options) {
  if (!options.topic.empty()) return std::vector<std::string>{options.topic};
  if (options.cluster.file.empty())
    return Status::InvalidArgument("name a topic with --topic, or a pipeline file");
  MR_ASSIGN_OR_RETURN(const PipelineFile file, LoadPipeline(options.cluster.file));
  std::vector<std::string> topics;
  for (const PlanNode& node : file.plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    if (source != nullptr && source->outside == nullptr) topics.push_back(source->topic);
  }
  return topics;
}

}  // namespace

Exit SchemaInferCommand(const SchemaInferOptions& options, CommandIo& io) {
  const Result<std::vector<std::string>> topics = TopicsOf(options);
  if (!topics.ok()) return Report(io, topics.status(), Exit::kUsage);
  const Result<std::map<std::string, std::string>> properties = PropertiesOf(options.cluster);
  if (!properties.ok()) return Report(io, properties.status(), Exit::kUsage);
  const SystemClock clock;
  MetricRegistry metrics;
  const Result<std::unique_ptr<Cluster>> cluster =
      ConnectCluster(*properties, options.cluster.startup_timeout, clock, metrics);
  if (!cluster.ok()) return Report(io, cluster.status());
  for (const std::string& topic : *topics) {
    const Result<Inferred> found = Infer(**cluster, topic, options.max_records, clock);
    if (!found.ok()) return Report(io, found.status());
    options.json ? WriteJson(*found, io.out) : WriteYaml(*found, io.out);
  }
  return Exit::kOk;
}

}  // namespace millrace
