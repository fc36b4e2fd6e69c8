#include "plan/sink_checks.h"

#include <variant>

#include <arrow/api.h>

#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"
#include "plan/key_columns.h"
#include "plan/node_input.h"
#include "plan/snapchat_checks.h"
#include "plan/unknown_type.h"

namespace millrace {
namespace {

class SinkChecker : NodeInput {
 public:
  SinkChecker(const PlanNode& node, const Columns& input, const std::vector<std::string>& group_columns,
              std::vector<PlacedMessage>* mistakes)
      : NodeInput(node, input, mistakes), node_(node), group_columns_(group_columns) {}

  void Check(const SinkNode& sink) {
    if (sink.where) CheckBool(*sink.where, "'where'");
    std::visit([this](const auto& to) { Check(to); }, sink.sink);
  }

 private:
  void Check(const KafkaSink& sink) {
    if (sink.topic.empty()) errors_.Add("'topic' is missing");
    errors_.CheckChoice("format", sink.format, {"json", "string", "bytes"});
    errors_.CheckChoice("key_format", sink.key_format, {"string", "json", "bytes"});
    CheckMessageKey(sink);
    if (sink.format == "json") return;
    const auto& fields = input_.schema->fields();
    const bool one_text = fields.size() == 1 && arrow::is_base_binary_like(fields[0]->type()->id());
    if (!one_text && input_.AllKnown()) {
      errors_.AddAt(errors_.ValueOf("format"),
                    "format '" + sink.format + "' writes one string or binary column, but there is " +
                        SchemaText(*input_.schema) + "; select one, or use format: json");
    }
  }

  void Check(const ParquetSink& sink) { CheckFileSink(sink.path, sink.partition_by); }
  void Check(const IpcSink& sink) { CheckFileSink(sink.path, sink.partition_by); }
  void Check(const ConsoleSink& sink) { errors_.CheckChoice("format", sink.format, {"table", "json"}); }

  void Check(const SnapchatConversionsSink& sink) {
    if (sink.consent) CheckBool(*sink.consent, "'consent'");
    CheckSnapchat(sink);
  }
  void Check(const SnapchatAudienceSink& sink) { CheckSnapchat(sink); }
  template <typename Sink>
  void CheckSnapchat(const Sink& sink) {
    CheckSnapchatSink(
        sink, node_, [this](const PlanExpr& expression) { return TypeOf(expression); }, &errors_);
  }

  void CheckMessageKey(const KafkaSink& sink) {
    const std::vector<std::string> columns = MessageKeyColumns(sink, group_columns_, *input_.schema);
    const std::string whose = sink.key.empty() ? "the rows' key, " : "";
    const std::string advice = sink.key.empty() ? "; name other columns in 'key' of the sink" : "";
    for (const std::string& column : columns) {
      const TypePtr type = ColumnType("key", column);
      if (type == nullptr) continue;
      const SourceLocation place = errors_.WordOf("key", column);
      if (!IsMessageKeyType(*type)) {
        errors_.AddAt(place, whose + "column '" + column + "' of type " + TypeText(*type) +
                                 " cannot be a message key" + advice);
      } else if (sink.key_format == "bytes" &&
                 (columns.size() > 1 || !arrow::is_base_binary_like(type->id()))) {
        errors_.AddAt(place, "key_format bytes takes one string or binary column; '" + column +
                                 "' needs key_format string or json");
      }
    }
  }

  void CheckFileSink(const std::string& path, const std::vector<PlanExpr>& partition_by) {
    if (path.empty()) errors_.Add("'path' is missing");
    for (const PlanExpr& expression : partition_by) {
      const TypePtr type = TypeOf(expression);
      if (IsUnknown(*type) || IsKeyType(*type)) continue;
      errors_.AddAt(expression.location, "'" + expression.expr.ToString() + "' of type " + TypeText(*type) +
                                             " cannot name a directory");
    }
  }

  const PlanNode& node_;
  const std::vector<std::string>& group_columns_;  // of the input
};

}  // namespace

void CheckSink(const PlanNode& node, const SinkNode& sink, const Columns& input,
               const std::vector<std::string>& group_columns, std::vector<PlacedMessage>* mistakes) {
  SinkChecker(node, input, group_columns, mistakes).Check(sink);
}

}  // namespace millrace
