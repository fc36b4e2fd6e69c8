#include "compile/sink_factory.h"

#include <algorithm>

#include <arrow/api.h>

#include "base/log.h"
#include "codec/json/json_codec.h"
#include "codec/text/text_codec.h"
#include "compile/snapchat_sinks.h"
#include "connect/staged_file_sink.h"
#include "connect/staged_publishing.h"
#include "connectors/ipc/ipc_format.h"
#include "connectors/kafka/kafka_sink.h"
#include "connectors/parquet/parquet_format.h"
#include "ops/project.h"
#include "plan/key_columns.h"

namespace millrace {
namespace {

Result<std::unique_ptr<Encoder>> MakeValueEncoder(const std::string& format,
                                                  const std::shared_ptr<arrow::Schema>& schema) {
  if (format == "json") return MakeJsonEncoder(schema);
  if (format == "string" || format == "bytes") return MakeStringEncoder(schema);
  return Status::InvalidArgument("format '" + format + "' is not known; there is: json, string, bytes");
}

/// Message keys from `columns` of `input`.
Status AddKeys(std::vector<std::string> columns, KeyFormat format, const arrow::Schema& input,
               KafkaSinkOptions* options) {
  arrow::FieldVector fields;
  for (const std::string& column : columns) {
    const auto field = input.GetFieldByName(column);
    if (field == nullptr) return Status::InvalidArgument("the key column '" + column + "' does not exist");
    fields.push_back(field);
  }
  MR_ASSIGN_OR_RETURN(options->key, MakeKeyEncoder(format, arrow::schema(std::move(fields))));
  options->key_columns = std::move(columns);
  return Status::Ok();
}

Result<std::unique_ptr<Sink>> Make(const KafkaSink& sink, const SinkFactoryContext& context) {
  KafkaSinkOptions options;
  options.topic = sink.topic;
  MR_ASSIGN_OR_RETURN(options.value, MakeValueEncoder(sink.format, context.input));
  std::vector<std::string> keys = MessageKeyColumns(sink, context.group_columns, *context.input);
  if (!keys.empty()) {
    MR_ASSIGN_OR_RETURN(const KeyFormat format, ParseKeyFormat(sink.key_format));
    MR_RETURN_IF_ERROR(AddKeys(std::move(keys), format, *context.input, &options));
  }
  return MakeKafkaSink(std::move(options), *context.input);
}

constexpr std::string_view kParquet = "parquet";
constexpr std::string_view kIpc = "arrow";

Result<std::unique_ptr<FileFormat>> FormatOf(std::string_view extension) {
  if (extension == kParquet) return MakeParquetFormat();
  if (extension == kIpc) return MakeIpcFormat();
  return Status::InvalidArgument("files that end in ." + std::string(extension) +
                                 " cannot be written; there is " + std::string(kParquet) + ", " +
                                 std::string(kIpc));
}

template <typename FileSink>
Result<std::unique_ptr<Sink>> MakeFileSink(const FileSink& sink, std::string_view extension,
                                           const std::string& name, const SinkFactoryContext& context) {
  MR_RETURN_IF_ERROR(FormatOf(extension).status());
  StagedFileOptions options;
  options.path = sink.path;
  options.app = context.app;
  options.sink = name;
  options.partition = context.partition;
  options.schema = context.input;
  options.partition_columns = sink.partition_by.size();
  options.extension = extension;
  options.formats = FormatOf;
  options.roll = sink.roll;
  options.roll_bytes = sink.roll_bytes;
  options.clock = context.clock;
  return MakeStagedFileSink(std::move(options));
}

Result<std::unique_ptr<Sink>> Make(const ConsoleSink& sink, const SinkFactoryContext& context) {
  if (sink.format == "table") return MakeConsoleTableSink(context.input, context.console);
  MR_ASSIGN_OR_RETURN(auto encoder, MakeJsonEncoder(context.input));
  return MakeConsoleLineSink(std::move(encoder), context.console);
}

const std::vector<PlanExpr>* PartitionBy(const SinkNode& sink) {
  if (const auto* parquet = std::get_if<ParquetSink>(&sink.sink)) return &parquet->partition_by;
  if (const auto* ipc = std::get_if<IpcSink>(&sink.sink)) return &ipc->partition_by;
  return nullptr;
}

/// "date(window_start)" -> "date_window_start".
std::string DirectoryName(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != '_') {
      out.push_back('_');
    }
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out.empty() ? "partition" : out;
}

}  // namespace

Result<std::optional<Expr>> SinkPredicate(const SinkNode& sink, const std::shared_ptr<arrow::Schema>& input) {
  if (const auto* events = std::get_if<SnapchatConversionsSink>(&sink.sink))
    return SentWhere(*events, sink.where);
  if (const auto* audience = std::get_if<SnapchatAudienceSink>(&sink.sink)) {
    MR_ASSIGN_OR_RETURN(Expr where, SentWhere(*audience, sink.where, input));
    return std::optional(std::move(where));
  }
  return sink.where ? std::optional(sink.where->expr) : std::nullopt;
}

Result<std::unique_ptr<Operator>> MakeSinkProjection(const SinkNode& sink,
                                                     const std::shared_ptr<arrow::Schema>& input) {
  if (const auto* events = std::get_if<SnapchatConversionsSink>(&sink.sink))
    return MakeSinkFields(*events, input);
  if (const auto* audience = std::get_if<SnapchatAudienceSink>(&sink.sink))
    return MakeSinkFields(*audience, input);
  const std::vector<PlanExpr>* partition_by = PartitionBy(sink);
  if (partition_by == nullptr || partition_by->empty()) return std::unique_ptr<Operator>();
  std::vector<Projection> columns;
  std::vector<Projection> last;
  std::vector<std::string> moved;
  for (const PlanExpr& part : *partition_by) {
    const std::string column = part.expr.AsColumn();
    if (const int index = input->GetFieldIndex(column); !column.empty() && index >= 0) {
      last.push_back({column, index});
      moved.push_back(column);
      continue;
    }
    MR_ASSIGN_OR_RETURN(BoundExpr bound, BoundExpr::Bind(part.expr, input));
    last.push_back({DirectoryName(part.expr.ToString()), std::move(bound)});
  }
  for (int i = 0; i < input->num_fields(); ++i) {
    const std::string& name = input->field(i)->name();
    if (std::find(moved.begin(), moved.end(), name) == moved.end()) columns.push_back({name, i});
  }
  std::move(last.begin(), last.end(), std::back_inserter(columns));
  return MakeProject(std::move(columns), *input);
}

Result<std::unique_ptr<Sink>> MakeSink(const PlanNode& node, const SinkFactoryContext& context) {
  const auto& sink = std::get<SinkNode>(node.op).sink;
  if (const auto* kafka = std::get_if<KafkaSink>(&sink)) return Make(*kafka, context);
  if (const auto* console = std::get_if<ConsoleSink>(&sink)) return Make(*console, context);
  if (const auto* events = std::get_if<SnapchatConversionsSink>(&sink))
    return MakeConversions(*events, context.input, context.conversions);
  if (std::holds_alternative<SnapchatAudienceSink>(sink))
    return MakeAudienceSink(context.input, context.audience);
  if (const auto* parquet = std::get_if<ParquetSink>(&sink))
    return MakeFileSink(*parquet, kParquet, node.name, context);
  return MakeFileSink(std::get<IpcSink>(sink), kIpc, node.name, context);
}

Status PublishNote(const StagingOwner& owner, std::string_view note, const std::string& folder) {
  MR_ASSIGN_OR_RETURN(const StagingNote staged, StagingNote::Parse(note).WithContext("sink " + owner.sink));
  MR_RETURN_IF_ERROR(PublishStaged(owner, staged, folder, FormatOf));
  Log(LogLevel::kInfo, "published what a file sink had committed before the pipeline was edited",
      {{"sink", owner.sink}, {"partition", owner.partition.value()}, {"folder", staged.Folder()}});
  return Status::Ok();
}

Result<std::unique_ptr<Sink>> MakeLateSink(const std::string& topic,
                                           const std::shared_ptr<arrow::Schema>& input,
                                           const std::vector<std::string>& group_columns) {
  MR_ASSIGN_OR_RETURN(const auto extended, [&]() -> Result<std::shared_ptr<arrow::Schema>> {
    if (input->GetFieldIndex("late_by") >= 0) {
      return Status::InvalidArgument(
          "rows sent to a late topic get a column 'late_by', which exists already; rename it");
    }
    arrow::FieldVector fields = input->fields();
    fields.push_back(arrow::field("late_by", arrow::int64()));
    return arrow::schema(std::move(fields));
  }());
  KafkaSinkOptions options;
  options.topic = topic;
  MR_ASSIGN_OR_RETURN(options.value, MakeJsonEncoder(extended));
  options.keyless = std::any_of(group_columns.begin(), group_columns.end(), [&](const std::string& column) {
    const auto field = input->GetFieldByName(column);
    return field == nullptr || !IsMessageKeyType(*field->type());
  });
  if (!group_columns.empty() && !options.keyless)
    MR_RETURN_IF_ERROR(AddKeys(group_columns, KeyFormat::kString, *extended, &options));
  return MakeKafkaSink(std::move(options), *extended);
}

}  // namespace millrace
