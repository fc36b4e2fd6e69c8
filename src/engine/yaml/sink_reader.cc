#include "engine/yaml/sink_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/yaml/snapchat_access_reader.h"

namespace millrace {
namespace {

template <typename FileSink>
FileSink ReadFileSink(const SectionReader& sink, std::string_view kind) {
  const std::optional<SectionReader> section = sink.Section(kind);
  if (!section) return {};
  return {section->Text("path"), section->Expressions("partition_by"), section->Time("roll"),
          section->Bytes("roll_bytes")};
}

KafkaSink ReadKafkaSink(const SectionReader& section) {
  return {section.Text("topic"), section.Choice("format"), section.Columns("key"),
          section.Choice("key_format"), static_cast<std::int32_t>(section.Integer("partitions"))};
}

/// `event_id` is a field like those of `map`, with a key of its own because most pipelines need it.
void ReadEventId(const SectionReader& section, SnapchatConversionsSink* sink) {
  constexpr const char* kEventId = "event_id";
  std::optional<PlanExpr> id = section.Expression(kEventId);
  if (!id) return;
  const bool mapped = std::any_of(sink->map.begin(), sink->map.end(),
                                  [&](const auto& field) { return field.first == kEventId; });
  if (mapped) {
    section.errors().AddBeside(section.LocationOf(kEventId),
                               "'event_id' stands in 'map', too; leave one of them out");
    return;
  }
  sink->map.emplace_back(kEventId, *std::move(id));
}

SnapchatDeduplicate ReadDeduplicate(const SectionReader& sink) {
  const std::optional<SectionReader> section = sink.Section("deduplicate");
  if (!section) return {};
  if (section->Choice("mode") == "on")
    return {.event_id = section->TimeOrNever("event_id"), .order_id = section->TimeOrNever("order_id")};
  for (const std::string_view key : {"event_id", "order_id"}) {
    if (section->Has(key))
      section->errors().AddBeside(section->LocationOf(key),
                                  "'" + std::string(key) + "' has no use with mode off");
  }
  return {.event_id = std::nullopt, .order_id = std::nullopt};
}

SnapchatConversionsSink ReadSnapchatConversions(const SectionReader& sink) {
  const std::optional<SectionReader> section = sink.Section("snapchat.conversions");
  if (!section) return {};
  SnapchatConversionsSink out;
  out.pixel_id = section->Text("pixel_id");
  out.app_id = section->Text("app_id");
  out.asset_id = section->Expression("asset_id");
  out.access = ReadSnapchatAccess(*section);
  out.map = section->NamedExpressions("map");
  ReadEventId(*section, &out);
  out.leave_out = section->Columns("leave_out");
  out.consent = section->Expression("consent");
  out.without_consent = section->Choice("without_consent");
  out.max_event_age = section->Time("max_event_age");
  out.max_event_ahead = section->Time("max_event_ahead");
  ReadLate(*section, &out);
  out.deduplicate = ReadDeduplicate(*section);
  out.time_unit = section->Choice("time_unit");
  out.processing_options = section->Choice("processing_options");
  out.device_id = section->Choice("device_id");
  out.token_in = section->Choice("token_in");
  if (const std::optional<SectionReader> batch = section->Section("batch")) {
    out.batch_events = batch->Integer("events");
    out.batch_bytes = batch->Bytes("bytes");
    out.linger = batch->Time("linger");
  }
  out.mode = section->Choice("mode");
  out.test_event_code = section->Text("test_event_code");
  return out;
}

SnapchatSegment ReadSegment(const SectionReader& sink) {
  const std::optional<SectionReader> section = sink.Section("segment");
  if (!section) return {};
  for (const std::string_view key : {"create", "description", "retention_in_days"}) {
    if (section->chosen() != "id" || !section->Has(key)) continue;
    section->errors().AddBeside(section->LocationOf(key),
                                "'" + std::string(key) + "' belongs to a segment with a 'name'");
  }
  return {.id = section->Text("id"),
          .name = section->Text("name"),
          .create = section->Bool("create"),
          .description = section->Text("description"),
          .retention_in_days = section->Integer("retention_in_days")};
}

SnapchatAudienceSink ReadSnapchatAudience(const SectionReader& sink) {
  const std::optional<SectionReader> section = sink.Section("snapchat.audience");
  if (!section) return {};
  SnapchatAudienceSink out;
  out.ad_account_id = section->Text("ad_account_id");
  out.segment = ReadSegment(*section);
  out.schema = section->Choice("schema");
  out.identifier = section->Expression("identifier");
  out.action_of_row = section->Expression("action");
  const std::string word =
      out.action_of_row && !out.action_of_row->unread ? out.action_of_row->expr.AsColumn() : "";
  if (word == "add" || word == "remove") {
    out.action = word;
    out.action_of_row.reset();
  }
  out.access = ReadSnapchatAccess(*section);
  if (const std::optional<SectionReader> batch = section->Section("batch")) {
    out.batch_identifiers = batch->Integer("identifiers");
    out.batch_bytes = batch->Bytes("bytes");
    out.linger = batch->Time("linger");
  }
  return out;
}

}  // namespace

std::string ReadTopicOf(const SectionReader& section, std::string_view key) {
  const std::optional<SectionReader> nested = section.Section(key);
  return nested ? nested->Text("topic") : "";
}

SinkNode ReadSinkOp(const SectionReader& section) {
  SinkNode sink;
  sink.where = section.Expression("where");
  const std::string_view kind = section.chosen();
  if (kind == "topic") {
    sink.sink = ReadKafkaSink(section);
  } else if (kind == "parquet") {
    sink.sink = ReadFileSink<ParquetSink>(section, "parquet");
  } else if (kind == "ipc") {
    sink.sink = ReadFileSink<IpcSink>(section, "ipc");
  } else if (kind == "snapchat.conversions") {
    sink.sink = ReadSnapchatConversions(section);
  } else if (kind == "snapchat.audience") {
    sink.sink = ReadSnapchatAudience(section);
  } else if (const std::optional<SectionReader> console = section.Section("console")) {
    sink.sink = ConsoleSink{console->Choice("format"), console->Integer("limit")};
  }
  for (const std::string_view key : {"format", "key", "key_format", "partitions"}) {
    if (kind == "topic" || kind.empty() || !section.Has(key)) continue;
    section.errors().AddBeside(
        section.LocationOf(key),
        "'" + std::string(key) + "' belongs to a sink with 'topic', not to " + std::string(kind));
  }
  return sink;
}

}  // namespace millrace
