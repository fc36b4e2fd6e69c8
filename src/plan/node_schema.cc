#include "plan/node_schema.h"

#include <algorithm>
#include <set>
#include <utility>

#include <arrow/api.h>

#include "base/suggest.h"
#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"
#include "columnar/tombstone_column.h"
#include "expr/builder.h"
#include "expr/user_aggregate_type.h"
#include "plan/aggregate_type.h"
#include "plan/key_columns.h"
#include "plan/node_errors.h"
#include "plan/window_trigger.h"

namespace millrace {
namespace {

using SchemaPtr = std::shared_ptr<arrow::Schema>;
using TypePtr = std::shared_ptr<arrow::DataType>;

/// Builds the schema after one node; nullptr after an error.
class NodeAnalyzer {
 public:
  NodeAnalyzer(const PlanNode& node, SchemaPtr input, const std::vector<std::string>& group_columns,
               std::vector<std::string>* errors)
      : node_(node), input_(std::move(input)), group_columns_(group_columns), errors_(node, errors) {}

  SchemaPtr Analyze() {
    SchemaPtr schema = std::visit([this](const auto& op) { return After(op); }, node_.op);
    if (!errors_.failed()) return schema;
    // A filter changes no column, so what follows it can be checked all the same.
    return std::holds_alternative<FilterStep>(node_.op) ? input_ : nullptr;
  }

 private:
  /// nullptr after an error.
  TypePtr TypeOf(const PlanExpr& expression) { return TypeOf(expression, WithTombstoneField(input_)); }
  TypePtr TypeOf(const PlanExpr& expression, const SchemaPtr& columns) {
    const auto bound = BoundExpr::Bind(expression.expr, columns);
    if (bound.ok()) return bound->type();
    errors_.AddAt(expression.location, bound.status().message());
    return nullptr;
  }

  /// The column an expression makes: a plain column keeps its field, under the new name.
  std::shared_ptr<arrow::Field> FieldOf(const std::string& name, const PlanExpr& expression) {
    const TypePtr type = TypeOf(expression);
    if (type == nullptr) return nullptr;
    const std::string column = expression.expr.AsColumn();
    if (const auto field = input_->GetFieldByName(column)) return field->WithName(name);
    return arrow::field(name, type);
  }

  bool CheckColumn(const std::string& column) {
    if (input_->GetFieldIndex(column) >= 0) return true;
    errors_.AddUnknown(column, *input_);
    return false;
  }

  void CheckBool(const PlanExpr& predicate, std::string_view what) {
    CheckBool(predicate, TypeOf(predicate), what);
  }
  void CheckBool(const PlanExpr& predicate, const TypePtr& type, std::string_view what) {
    if (type == nullptr || type->id() == arrow::Type::BOOL || type->id() == arrow::Type::NA) return;
    errors_.AddAt(predicate.location, std::string(what) + " must be true or false, but '" +
                                          predicate.expr.ToString() + "' is " + TypeText(*type));
  }

  /// Names are unique, because rows are written as JSON objects.
  SchemaPtr Unique(arrow::FieldVector fields) {
    std::set<std::string> names;
    for (const auto& field : fields) {
      if (field != nullptr && !names.insert(field->name()).second) {
        errors_.Add("two columns would be called '" + field->name() + "'");
      }
    }
    if (errors_.failed()) return nullptr;
    if (fields.empty()) errors_.Add("no column is left");
    return arrow::schema(std::move(fields));
  }

  SchemaPtr After(const KafkaSource& source) {
    if (source.topic.empty()) errors_.Add("'topic' is missing");
    CheckChoice("format", source.format, {"json", "string", "bytes"});
    CheckChoice("key_format", source.key_format, {"string", "json", "bytes"});
    CheckChoice("offset_reset", source.offset_reset, {"earliest", "latest", "error"});
    if (source.schema == nullptr) {
      errors_.Add("the schema is not known yet");
      return nullptr;
    }
    arrow::FieldVector fields = source.schema->fields();
    if (source.extra == "keep" && source.schema->GetFieldIndex("_extra") < 0) {
      auto extra = ParseField("_extra", "json");
      fields.push_back(*std::move(extra));
    }
    input_ = arrow::schema(fields);
    if (source.format != "json" && (fields.size() != 1 + (source.key.empty() ? 0U : 1U))) {
      errors_.Add("format '" + source.format + "' has one column for the value" +
                  (source.key.empty() ? "" : " and one for the key") + ", the schema is " +
                  SchemaText(*input_));
    }
    if (!source.key.empty() && CheckColumn(source.key)) CheckSourceKey(source);
    if (!source.timestamp.empty() && CheckColumn(source.timestamp)) {
      const auto& type = *input_->GetFieldByName(source.timestamp)->type();
      if (type.id() != arrow::Type::TIMESTAMP) {
        errors_.Add("the event time column '" + source.timestamp + "' is " + TypeText(type) +
                    "; declare it as timestamp[s], [ms], [us], [ns] or [ms, rfc3339]");
      }
    }
    return Unique(std::move(fields));
  }

  void CheckSourceKey(const KafkaSource& source) {
    const auto& type = *input_->GetFieldByName(source.key)->type();
    const bool bytes = source.key_format == "bytes";
    if (arrow::is_base_binary_like(type.id()) || (arrow::is_integer(type.id()) && !bytes)) return;
    errors_.Add("the message key cannot become column '" + source.key + "' of type " + TypeText(type) +
                "; use string, binary" + (bytes ? "" : " or an integer type"));
  }

  SchemaPtr After(const FilterStep& filter) {
    CheckBool(filter.predicate, "the predicate");
    return input_;
  }

  SchemaPtr After(const WithStep& with) {
    arrow::FieldVector fields = input_->fields();
    std::set<std::string> written;
    for (const auto& [name, expression] : with.columns) {
      if (!written.insert(name).second) errors_.Add("column '" + name + "' is given twice");
      auto field = FieldOf(name, expression);
      const int at = input_->GetFieldIndex(name);
      if (at >= 0) {
        fields[static_cast<std::size_t>(at)] = std::move(field);
      } else {
        fields.push_back(std::move(field));
      }
    }
    return errors_.failed() ? nullptr : Unique(std::move(fields));
  }

  SchemaPtr After(const SelectStep& select) {
    arrow::FieldVector fields;
    for (const auto& [name, expression] : select.columns) fields.push_back(FieldOf(name, expression));
    return Unique(std::move(fields));
  }

  SchemaPtr After(const DropStep& drop) {
    for (const std::string& column : drop.columns) CheckColumn(column);
    arrow::FieldVector fields;
    for (const auto& field : input_->fields()) {
      if (std::find(drop.columns.begin(), drop.columns.end(), field->name()) == drop.columns.end()) {
        fields.push_back(field);
      }
    }
    return Unique(std::move(fields));
  }

  SchemaPtr After(const RenameStep& rename) {
    arrow::FieldVector fields = input_->fields();
    for (const auto& [from, to] : rename.columns) {
      if (!CheckColumn(from)) continue;
      auto& field = fields[static_cast<std::size_t>(input_->GetFieldIndex(from))];
      field = field->WithName(to);
    }
    return Unique(std::move(fields));
  }

  SchemaPtr After(const CastStep& cast) {
    arrow::FieldVector fields = input_->fields();
    for (const auto& [column, type] : cast.columns) {
      if (!CheckColumn(column)) continue;
      if (TypeOf({CastTo(Col(column), TypeText(*type)), {}}) == nullptr) continue;
      fields[static_cast<std::size_t>(input_->GetFieldIndex(column))] = arrow::field(column, type);
    }
    return Unique(std::move(fields));
  }

  SchemaPtr After(const ExplodeStep& explode) {
    if (!CheckColumn(explode.column)) return nullptr;
    arrow::FieldVector fields = input_->fields();
    auto& field = fields[static_cast<std::size_t>(input_->GetFieldIndex(explode.column))];
    if (field->type()->id() != arrow::Type::LIST) {
      errors_.Add("column '" + explode.column + "' is " + TypeText(*field->type()) + ", not a list");
      return nullptr;
    }
    const auto& item = static_cast<const arrow::ListType&>(*field->type()).value_field();
    field = item->WithName(explode.column)->WithNullable(true);
    return Unique(std::move(fields));
  }

  void CheckKeyType(const std::string& column) {
    const auto& type = *input_->GetFieldByName(column)->type();
    if (IsKeyType(type)) return;
    errors_.Add("column '" + column + "' of type " + TypeText(type) +
                " cannot be a key; use an integer, string, date or decimal column");
  }

  void CheckKeyColumns(const std::vector<std::string>& columns) {
    std::set<std::string> seen;
    for (const std::string& column : columns) {
      if (!seen.insert(column).second) errors_.Add("column '" + column + "' is given twice");
      if (CheckColumn(column)) CheckKeyType(column);
    }
  }

  SchemaPtr After(const GroupByStep& group) {
    if (group.columns.empty()) errors_.Add("'by' is empty; name the key columns");
    CheckKeyColumns(group.columns);
    return input_;
  }

  SchemaPtr After(const WindowStep& window) {
    CheckShape(window);
    const bool by_key = window.shape == WindowShape::kTumbling || window.shape == WindowShape::kHopping;
    if (window.closing == WindowClosing::kKey && !by_key)
      errors_.Add("'closing: key' is for tumbling and hopping windows; leave it out or write 'partition'");
    if (window.grace < Duration(0)) errors_.Add("'grace' must not be negative");
    if (window.aggregates.empty()) errors_.Add("'aggregate' is empty; count() counts rows");
    CheckKeyColumns(window.by);
    arrow::FieldVector fields = KeyFields(window.by);
    fields.push_back(arrow::field("window_start", arrow::timestamp(arrow::TimeUnit::MILLI)));
    fields.push_back(arrow::field("window_end", arrow::timestamp(arrow::TimeUnit::MILLI)));
    AddAggregates(window.aggregates, &fields);
    if (window.trigger) CheckTrigger(window, *window.trigger, arrow::schema(fields));
    if (window.emit == WindowEmit::kCurrent) fields.push_back(arrow::field("final", arrow::boolean()));
    return Unique(std::move(fields));
  }

  /// `columns`: those of the result that there are.
  void CheckTrigger(const WindowStep& window, const WindowTriggerSpec& trigger, const SchemaPtr& columns) {
    if (const std::string refusal = TriggerRefusal(window); !refusal.empty()) {
      errors_.AddAt(trigger.location, refusal);
    } else if (!errors_.failed()) {  // else columns may be missing
      CheckBool(trigger.when, TypeOf(trigger.when, columns), "'when' of a trigger");
    }
  }

  void CheckShape(const WindowStep& window) {
    switch (window.shape) {
      case WindowShape::kTumbling:
        if (window.size <= Duration(0)) errors_.Add("'tumbling' must be longer than 0");
        return;
      case WindowShape::kHopping:
        if (window.size <= Duration(0)) errors_.Add("'size' of 'hopping' must be longer than 0");
        if (window.step <= Duration(0) || window.step > window.size) {
          errors_.Add("'step' of 'hopping' must be longer than 0 and at most its size " +
                      FormatDuration(window.size) + ", not " + FormatDuration(window.step));
        }
        return;
      case WindowShape::kSliding:
        if (window.size <= Duration(0)) errors_.Add("'sliding' must be longer than 0");
        if (window.offset != Duration(0)) errors_.Add("'offset' has no meaning for sliding windows");
        return;
      case WindowShape::kSession:
        if (window.size <= Duration(0)) errors_.Add("'session' must be longer than 0");
        if (window.offset != Duration(0)) errors_.Add("'offset' has no meaning for session windows");
        return;
      case WindowShape::kCount:
        CheckCount(window);
        return;
    }
  }

  void CheckCount(const WindowStep& window) {
    if (window.count < 1) errors_.Add("'size' of 'count' must be at least 1");
    if (window.count_step < 1 || window.count_step > window.count) {
      errors_.Add("'step' of 'count' must be from 1 to its size " + std::to_string(window.count) + ", not " +
                  std::to_string(window.count_step));
    }
    const bool timed =
        window.grace != Duration(0) || window.offset != Duration(0) || !window.late_topic.empty();
    if (timed) errors_.Add("'grace', 'offset' and 'late' have no meaning for count windows");
  }

  void CheckStepKey(const std::vector<std::string>& by) {
    if (by.empty()) errors_.Add("'by' is empty; name the key columns");
    CheckKeyColumns(by);
  }

  SchemaPtr After(const DeduplicateStep& step) {
    if (step.within <= Duration(0)) errors_.Add("'within' must be longer than 0");
    CheckStepKey(step.by);
    return input_;
  }

  SchemaPtr After(const ChangesStep& step) {
    if (step.columns.empty()) errors_.Add("'columns' is empty; name what is compared");
    CheckStepKey(step.by);
    for (const std::string& column : step.columns) {
      if (!CheckColumn(column)) continue;
      const auto& type = *input_->GetFieldByName(column)->type();
      if (IsKeyType(type)) continue;
      errors_.Add("column '" + column + "' of type " + TypeText(type) +
                  " cannot be compared; compare its fields, in columns of their own");
    }
    return input_;
  }

  SchemaPtr After(const RunningStep& step) {
    if (step.aggregates.empty()) errors_.Add("'aggregate' is empty; count() counts rows");
    CheckStepKey(step.by);
    arrow::FieldVector fields = KeyFields(step.by);
    AddAggregates(step.aggregates, &fields);
    return Unique(std::move(fields));
  }

  SchemaPtr After(const LatestStep& step) {
    if (step.ttl && *step.ttl <= Duration(0)) errors_.Add("'ttl' must be longer than 0");
    CheckStepKey(step.by);
    return input_;
  }

  SchemaPtr After(const MapStep& step) {
    if (step.ttl && *step.ttl <= Duration(0)) errors_.Add("the time to live must be longer than 0");
    CheckStepKey(step.by);
    if (step.columns == nullptr) return input_;
    for (const std::string& column : step.by) {
      const auto before = input_->GetFieldByName(column);
      const auto after = step.columns->GetFieldByName(column);
      if (before == nullptr || (after != nullptr && after->type()->Equals(*before->type()))) continue;
      errors_.Add("the result has no column '" + column + "' of type " + TypeText(*before->type()) +
                  "; keep the key columns as they are");
    }
    return Unique(step.columns->fields());
  }

  /// Those that there are; CheckKeyColumns reports the others.
  arrow::FieldVector KeyFields(const std::vector<std::string>& by) const {
    arrow::FieldVector fields;
    for (const std::string& column : by) {
      if (auto field = input_->GetFieldByName(column)) fields.push_back(std::move(field));
    }
    return fields;
  }

  void AddAggregates(const std::vector<WindowAggregateColumn>& aggregates, arrow::FieldVector* fields) {
    for (const WindowAggregateColumn& column : aggregates) {
      if (const TypePtr type = AggregateType(column)) fields->push_back(arrow::field(column.name, type));
    }
  }

  TypePtr AggregateType(const WindowAggregateColumn& column) {
    TypePtr input;
    TypePtr order;
    if (!column.call.where.empty())
      CheckBool({column.call.where, column.location}, "'where' of an aggregate");
    if (const Expr argument = column.call.Filtered(); !argument.empty()) {
      input = TypeOf({argument, column.location});
      if (input == nullptr) return nullptr;
    }
    if (!column.call.order.empty()) {
      order = TypeOf({column.call.order, column.location});
      if (order == nullptr) return nullptr;
    }
    const auto type = column.user == nullptr ? AggregateResultType(column.call.function, input, order)
                                             : UserAggregateResultType(*column.user, input);
    if (type.ok()) return *type;
    errors_.AddAt(column.location, "'" + column.name + "': " + type.status().message());
    return nullptr;
  }

  SchemaPtr After(const SinkNode& sink) {
    if (sink.where) CheckBool(*sink.where, "'where'");
    std::visit([this](const auto& to) { CheckSink(to); }, sink.sink);
    return input_;
  }

  void CheckSink(const KafkaSink& sink) {
    if (sink.topic.empty()) errors_.Add("'topic' is missing");
    CheckChoice("format", sink.format, {"json", "string", "bytes"});
    CheckChoice("key_format", sink.key_format, {"string", "json", "bytes"});
    CheckMessageKey(sink);
    if (sink.format == "json") return;
    const bool one_text =
        input_->num_fields() == 1 && arrow::is_base_binary_like(input_->field(0)->type()->id());
    if (!one_text) {
      errors_.Add("format '" + sink.format + "' writes one string or binary column, but there is " +
                  SchemaText(*input_) + "; select one, or use format: json");
    }
  }

  void CheckMessageKey(const KafkaSink& sink) {
    const std::vector<std::string> columns = MessageKeyColumns(sink, group_columns_, *input_);
    const std::string whose = sink.key.empty() ? "the rows' key, " : "";
    const std::string advice = sink.key.empty() ? "; name other columns in 'key' of the sink" : "";
    for (const std::string& column : columns) {
      if (!CheckColumn(column)) continue;
      const auto& type = *input_->GetFieldByName(column)->type();
      if (!IsMessageKeyType(type)) {
        errors_.Add(whose + "column '" + column + "' of type " + TypeText(type) + " cannot be a message key" +
                    advice);
      } else if (sink.key_format == "bytes" &&
                 (columns.size() > 1 || !arrow::is_base_binary_like(type.id()))) {
        errors_.Add("key_format bytes takes one string or binary column; '" + column +
                    "' needs key_format string or json");
      }
    }
  }

  void CheckSink(const ParquetSink& sink) { CheckFileSink(sink.path, sink.partition_by); }
  void CheckSink(const IpcSink& sink) { CheckFileSink(sink.path, sink.partition_by); }
  void CheckSink(const ConsoleSink& sink) { CheckChoice("format", sink.format, {"table", "json"}); }

  void CheckFileSink(const std::string& path, const std::vector<PlanExpr>& partition_by) {
    if (path.empty()) errors_.Add("'path' is missing");
    for (const PlanExpr& expression : partition_by) {
      const TypePtr type = TypeOf(expression);
      if (type == nullptr || IsKeyType(*type)) continue;
      errors_.AddAt(expression.location, "'" + expression.expr.ToString() + "' of type " + TypeText(*type) +
                                             " cannot name a directory");
    }
  }

  void CheckChoice(std::string_view what, const std::string& value, const std::vector<std::string>& choices) {
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
    errors_.Add("'" + std::string(what) + "': there is no '" + value + "'" + DidYouMean(value, choices));
  }

  const PlanNode& node_;
  SchemaPtr input_;
  const std::vector<std::string>& group_columns_;  // of the input
  NodeErrors errors_;
};

}  // namespace

std::shared_ptr<arrow::Schema> SchemaAfter(const PlanNode& node, std::shared_ptr<arrow::Schema> input,
                                           const std::vector<std::string>& group_columns,
                                           std::vector<std::string>* errors) {
  return NodeAnalyzer(node, std::move(input), group_columns, errors).Analyze();
}

}  // namespace millrace
