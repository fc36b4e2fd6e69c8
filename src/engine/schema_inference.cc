#include "engine/schema_inference.h"

#include <utility>
#include <vector>

#include <arrow/api.h>

#include "base/log.h"
#include "codec/json/json_codec.h"
#include "columnar/schema_text.h"
#include "engine/topic_sample.h"

namespace millrace {
namespace {

constexpr std::chrono::seconds kLongestMetaRead{10};

/// One "name\ttype" line per column.
std::string ToMeta(const arrow::Schema& schema) {
  std::string out;
  for (const auto& field : schema.fields()) out += field->name() + "\t" + FieldText(*field) + "\n";
  return out;
}

Result<std::shared_ptr<arrow::Schema>> FromMeta(std::string_view text) {
  arrow::FieldVector fields;
  while (!text.empty()) {
    const std::size_t tab = text.find('\t');
    const std::size_t end = text.find('\n');
    if (tab == std::string_view::npos || end == std::string_view::npos || tab > end) {
      return Status::Corrupt("the meta topic holds a record that is no schema");
    }
    MR_ASSIGN_OR_RETURN(auto field, ParseField(text.substr(0, tab), text.substr(tab + 1, end - tab - 1)));
    fields.push_back(std::move(field));
    text.remove_prefix(end + 1);
  }
  return arrow::schema(std::move(fields));
}

/// Reads the meta topic until `take` says stop or its end is reached. Errors: retryable when records are
/// there but none comes.
template <typename Take>
Status ReadRecords(const std::string& meta, Cluster& cluster, const Clock& clock, Take take) {
  MR_ASSIGN_OR_RETURN(const auto reader, cluster.MakeChangelogReader());
  const TopicPartition partition{meta, Partition(0)};
  MR_ASSIGN_OR_RETURN(const auto bounds, reader->Bounds(partition));
  if (bounds.first >= bounds.second) return Status::Ok();
  MR_RETURN_IF_ERROR(reader->Add(partition, bounds.first));
  bool silent = true;
  auto deadline = clock.Steady() + kLongestMetaRead;
  while (clock.Steady() < deadline) {
    MR_ASSIGN_OR_RETURN(const auto blocks, reader->Poll(Duration(100)));
    if (!blocks.empty() && std::exchange(silent, false)) deadline = clock.Steady() + kLongestMetaRead;
    for (const auto& block : blocks) {
      if (!take(*block)) return Status::Ok();
    }
    if (reader->Position(partition) >= bounds.second) return Status::Ok();
  }
  if (!silent) return Status::Ok();
  return Status::Unavailable("topic '" + meta + "' has records, but none of them came within " +
                             FormatDuration(kLongestMetaRead));
}

Status EnsureMetaTopic(const std::string& name, TopicAdmin& admin) {
  MR_ASSIGN_OR_RETURN(const auto found, admin.Describe(name));
  if (found.has_value()) return Status::Ok();
  NewTopic topic;
  topic.name = name;
  topic.config = {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}};
  Status created = admin.Create(topic);
  return created.code() == StatusCode::kAlreadyExists ? Status::Ok() : created;
}

/// The first schema written for `source`, or null; there may be no meta topic yet.
Result<std::shared_ptr<arrow::Schema>> ReadMeta(const std::string& meta, const std::string& source,
                                                Cluster& cluster, const Clock& clock) {
  MR_ASSIGN_OR_RETURN(const auto topic, cluster.admin().Describe(meta));
  if (!topic.has_value()) return std::shared_ptr<arrow::Schema>();
  std::string text;
  bool found = false;
  MR_RETURN_IF_ERROR(ReadRecords(meta, cluster, clock, [&](const RecordBlock& block) {
    for (std::size_t i = 0; i < block.keys().size() && !found; ++i) {
      if (block.keys()[i].view() != source) continue;
      text = block.values()[i].view();
      found = true;
    }
    return !found;
  }));
  if (!found) return std::shared_ptr<arrow::Schema>();
  return FromMeta(text);
}

Status WriteMeta(const std::string& meta, const std::string& source, const arrow::Schema& schema,
                 Cluster& cluster, const Clock& clock) {
  MR_ASSIGN_OR_RETURN(const auto producer, cluster.MakeProducer(""));
  MR_RETURN_IF_ERROR(producer->Init());
  const std::string text = ToMeta(schema);
  OutgoingRecord record;
  record.topic = meta;
  record.partition = Partition(0);
  record.key = BytesView::Of(source);
  record.value = BytesView::Of(text);
  record.timestamp_ms = clock.Now().value();
  MR_RETURN_IF_ERROR(producer->Send(record));
  return producer->Flush();
}

}  // namespace

Result<std::shared_ptr<arrow::Schema>> SampleSchema(const std::string& topic, const std::string& format,
                                                    Cluster& cluster, const Clock& clock) {
  if (format == "string") return arrow::schema({arrow::field("value", arrow::utf8())});
  if (format == "bytes") return arrow::schema({arrow::field("value", arrow::binary())});
  MR_ASSIGN_OR_RETURN(const auto description, cluster.admin().Describe(topic));
  if (!description.has_value()) return Status::NotFound("topic '" + topic + "' does not exist");
  MR_ASSIGN_OR_RETURN(const TopicSample sample, SampleTopic(topic, description->partitions, cluster, clock));
  if (sample.values.empty()) {
    return Status::InvalidArgument("topic '" + topic +
                                   "' is empty, so no schema can be inferred; declare source.schema");
  }
  return InferJsonSchema(sample.values, {.max_rows = static_cast<std::int64_t>(sample.values.size())})
      .WithContext("inferring the schema of topic '" + topic + "'");
}

Status InferMissingSchemas(Plan* plan, Cluster& cluster, const Clock& clock) {
  const std::string meta = plan->name + "-meta";
  DeclareTextSchemas(plan);
  for (PlanNode& node : plan->nodes) {
    auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr || source->schema != nullptr) continue;
    MR_ASSIGN_OR_RETURN(auto known, ReadMeta(meta, source->topic, cluster, clock));
    if (known == nullptr) {
      MR_ASSIGN_OR_RETURN(const auto sampled, SampleSchema(source->topic, source->format, cluster, clock));
      MR_RETURN_IF_ERROR(EnsureMetaTopic(meta, cluster.admin()));
      MR_RETURN_IF_ERROR(WriteMeta(meta, source->topic, *sampled, cluster, clock));
      MR_ASSIGN_OR_RETURN(known, ReadMeta(meta, source->topic, cluster, clock));
      if (known == nullptr)
        return Status::Unavailable("the schema of '" + source->topic + "' was written to '" + meta +
                                   "' but cannot be read back");
      Log(LogLevel::kInfo, "schema inferred; pin it with 'millrace schema infer'",
          {{"topic", source->topic}, {"schema", SchemaText(*known)}});
    }
    source->schema = std::move(known);
  }
  return Status::Ok();
}

Status LookUpMissingSchemas(Plan* plan, Cluster& cluster, const Clock& clock) {
  DeclareTextSchemas(plan);
  for (PlanNode& node : plan->nodes) {
    auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr || source->schema != nullptr) continue;
    MR_ASSIGN_OR_RETURN(source->schema, ReadMeta(plan->name + "-meta", source->topic, cluster, clock));
    if (source->schema != nullptr) continue;
    MR_ASSIGN_OR_RETURN(source->schema, SampleSchema(source->topic, source->format, cluster, clock));
  }
  return Status::Ok();
}

}  // namespace millrace
