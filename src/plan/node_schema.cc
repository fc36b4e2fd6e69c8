#include "plan/node_schema.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <arrow/api.h>

#include "base/suggest.h"
#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"
#include "expr/builder.h"
#include "expr/user_aggregate_type.h"
#include "plan/aggregate_type.h"
#include "plan/feeds.h"
#include "plan/key_columns.h"
#include "plan/node_input.h"
#include "plan/sink_checks.h"
#include "plan/unknown_type.h"
#include "plan/window_settings.h"
#include "plan/window_trigger.h"
#include "plan/windows_per_row.h"

namespace millrace {
namespace {

using SchemaPtr = std::shared_ptr<arrow::Schema>;

/// Finds the columns after one node, as far as they are known.
class NodeAnalyzer : NodeInput {
 public:
  NodeAnalyzer(const PlanNode& node, const Columns& input, const std::vector<std::string>& group_columns,
               std::vector<PlacedMessage>* mistakes)
      : NodeInput(node, input, mistakes), node_(node), group_columns_(group_columns), mistakes_(mistakes) {}

  Columns Analyze() {
    std::visit([this](const auto& op) { errors_.CheckTimes(op); }, node_.op);
    Columns columns = std::visit([this](const auto& op) { return After(op); }, node_.op);
    columns.open = columns.open || node_.understood == Understood::kPart;
    return columns;
  }

 private:
  /// Names are unique, because rows are written as JSON objects. `key`: under which they were given.
  Columns Unique(const arrow::FieldVector& fields, const std::string& key) {
    return UniqueAt(fields, [&](const std::string& name) { return errors_.WordOf(key, name); });
  }
  template <typename PlaceOf>
  Columns UniqueAt(const arrow::FieldVector& fields, const PlaceOf& place_of) {
    std::set<std::string> names;
    arrow::FieldVector unique;
    for (const auto& field : fields) {
      if (names.insert(field->name()).second) {
        unique.push_back(field);
      } else {
        errors_.AddAt(place_of(field->name()), "two columns would be called '" + field->name() + "'");
      }
    }
    if (fields.empty() && !input_.open) errors_.Add("no column is left");
    return {arrow::schema(std::move(unique)), input_.open || fields.empty()};
  }
  Columns After(const KafkaSource& source) {
    if (source.outside != nullptr) {
      const std::string kind(OutsideKind(*source.outside));
      for (const auto& [key, message] : MistakesOf(*source.outside))
        errors_.AddAt(errors_.ValueOf(kind, key), message);
    }
    if (source.topic.empty()) errors_.Add("'topic' is missing");
    errors_.CheckChoice("format", source.format, {"json", "string", "bytes"});
    errors_.CheckChoice("key_format", source.key_format, {"string", "json", "bytes"});
    errors_.CheckChoice("offset_reset", source.offset_reset, {"earliest", "latest", "error"});
    if (source.schema == nullptr) return {arrow::schema({}), true};
    arrow::FieldVector fields = source.schema->fields();
    if (source.extra == "keep" && source.schema->GetFieldIndex("_extra") < 0) {
      auto extra = ParseField("_extra", "json");
      fields.push_back(*std::move(extra));
    }
    input_ = Unique(fields, "schema");
    if (source.format != "json" && input_.AllKnown() &&
        (fields.size() != 1 + (source.key.empty() ? 0U : 1U))) {
      errors_.AddAt(errors_.ValueOf("format"), "format '" + source.format + "' has one column for the value" +
                                                   (source.key.empty() ? "" : " and one for the key") +
                                                   ", the schema is " + SchemaText(*input_.schema));
    }
    if (!source.key.empty()) CheckSourceKey(source);
    if (source.timestamp) CheckEventTime(*source.timestamp);
    return input_;
  }

  void CheckSourceKey(const KafkaSource& source) {
    const TypePtr type = ColumnType("key", source.key);
    const bool bytes = source.key_format == "bytes";
    if (type == nullptr || arrow::is_base_binary_like(type->id()) ||
        (arrow::is_integer(type->id()) && !bytes)) {
      return;
    }
    errors_.AddAt(errors_.ValueOf("key"), "the message key cannot become column '" + source.key +
                                              "' of type " + TypeText(*type) + "; use string, binary" +
                                              (bytes ? "" : " or an integer type"));
  }

  void CheckEventTime(const PlanExpr& time) {
    const TypePtr type = TypeOf(time, input_);  // nobody has marked tombstones yet
    if (type->id() == arrow::Type::TIMESTAMP || IsUnknown(*type)) return;
    const std::string text = time.expr.ToString();
    const std::string make = arrow::is_integer(type->id())
                                 ? "to_timestamp(" + text + ") makes one of milliseconds"
                                 : "cast(" + text + " as timestamp[ms]) makes one of text";
    const std::string column = time.expr.AsColumn();
    errors_.AddAt(time.location,
                  column.empty()
                      ? "the event time '" + text + "' is " + TypeText(*type) + ", not a timestamp; " + make
                      : "the event time column '" + column + "' is " + TypeText(*type) +
                            "; declare it as timestamp[s], [ms], [us], [ns] or [ms, rfc3339], or "
                            "compute it: " +
                            make);
  }

  Columns After(const FilterStep& filter) {
    CheckBool(filter.predicate, "the predicate");
    return input_;
  }

  Columns After(const WithStep& with) {
    arrow::FieldVector fields = input_.schema->fields();
    std::set<std::string> written;
    for (const auto& [name, expression] : with.columns) {
      if (!written.insert(name).second) errors_.Add("column '" + name + "' is given twice");
      auto field = FieldOf(name, expression);
      const int at = input_.schema->GetFieldIndex(name);
      if (at >= 0) {
        fields[static_cast<std::size_t>(at)] = std::move(field);
      } else {
        fields.push_back(std::move(field));
      }
    }
    return Unique(fields, "with");
  }

  Columns After(const SelectStep& select) {
    arrow::FieldVector fields;
    for (const auto& [name, expression] : select.columns) fields.push_back(FieldOf(name, expression));
    Columns columns = Unique(fields, "select");
    columns.open = fields.empty();  // else exactly these
    return columns;
  }

  Columns After(const DropStep& drop) {
    for (const std::string& column : drop.columns) ColumnType("drop", column);
    arrow::FieldVector fields;
    for (const auto& field : input_.schema->fields()) {
      if (std::find(drop.columns.begin(), drop.columns.end(), field->name()) == drop.columns.end()) {
        fields.push_back(field);
      }
    }
    return Unique(fields, "drop");
  }

  Columns After(const RenameStep& rename) {
    arrow::FieldVector fields = input_.schema->fields();
    std::map<std::string, SourceLocation> given;
    for (const auto& [from, to] : rename.columns) {
      given.emplace(to, errors_.ValueOf("rename", from));
      ColumnType("rename", from);
      const int at = input_.schema->GetFieldIndex(from);
      if (at >= 0) {
        fields[static_cast<std::size_t>(at)] = fields[static_cast<std::size_t>(at)]->WithName(to);
      } else {
        fields.push_back(arrow::field(to, UnknownType()));
      }
    }
    return UniqueAt(fields, [&](const std::string& name) { return given[name]; });
  }

  Columns After(const CastStep& cast) {
    arrow::FieldVector fields = input_.schema->fields();
    for (const auto& [column, type] : cast.columns) {
      if (ColumnType("cast", column) != nullptr && !IsUnknown(*type))
        TypeOf({CastTo(Col(column), TypeText(*type)), errors_.ValueOf("cast", column)});
      const int at = input_.schema->GetFieldIndex(column);
      if (at >= 0) fields[static_cast<std::size_t>(at)] = arrow::field(column, type);
    }
    return Unique(fields, "cast");
  }

  Columns After(const ExplodeStep& explode) {
    if (explode.column.empty() && node_.understood != Understood::kAll) return input_;
    const TypePtr type = ColumnType("column", explode.column);
    const int at = input_.schema->GetFieldIndex(explode.column);
    if (at < 0) return input_;
    arrow::FieldVector fields = input_.schema->fields();
    auto& field = fields[static_cast<std::size_t>(at)];
    if (type != nullptr && type->id() == arrow::Type::LIST) {
      const auto& item = static_cast<const arrow::ListType&>(*type).value_field();
      field = item->WithName(explode.column)->WithNullable(true);
    } else {
      if (type != nullptr) {
        errors_.AddAt(errors_.ValueOf("column"),
                      "column '" + explode.column + "' is " + TypeText(*type) + ", not a list");
      }
      field = field->WithType(UnknownType());
    }
    return Unique(fields, "column");
  }

  void CheckKeyColumns(const std::string& key, const std::vector<std::string>& columns) {
    std::set<std::string> seen;
    for (const std::string& column : columns) {
      if (!seen.insert(column).second) errors_.Add("column '" + column + "' is given twice");
      const TypePtr type = ColumnType(key, column);
      if (type == nullptr || IsKeyType(*type)) continue;
      errors_.AddAt(errors_.WordOf(key, column), "column '" + column + "' of type " + TypeText(*type) +
                                                     " cannot be a key; use an integer, string, date or "
                                                     "decimal column");
    }
  }

  Columns After(const GroupByStep& group) {
    CheckStepKey(group.columns);
    // A window behind it that has its key from here says no more of a column that cannot be one.
    arrow::FieldVector fields = input_.schema->fields();
    for (auto& key : KeyFields(group.columns)) {
      const int at = input_.schema->GetFieldIndex(key->name());
      if (at >= 0) {
        fields[static_cast<std::size_t>(at)] = std::move(key);
      } else {
        fields.push_back(std::move(key));
      }
    }
    return {arrow::schema(std::move(fields)), input_.open};
  }

  Columns After(const WindowStep& window) {
    for (const std::string& message : WindowSettingMistakes(window)) errors_.Add(message);
    if (const std::string current = CurrentRefusal(window); !current.empty()) {
      errors_.AddAt(errors_.ValueOf("emit"), current);
    } else if (const std::string count = CountRefusal(window); !count.empty() && !window.trigger) {
      errors_.AddAt(errors_.ValueOf("count"), count);
    }
    if (window.aggregates.empty()) errors_.Add("'aggregate' is empty; count() counts rows");
    CheckKeyColumns("by", window.by);
    arrow::FieldVector fields = KeyFields(window.by);
    fields.push_back(arrow::field("window_start", arrow::timestamp(arrow::TimeUnit::MILLI)));
    fields.push_back(arrow::field("window_end", arrow::timestamp(arrow::TimeUnit::MILLI)));
    AddAggregates(window.aggregates, &fields);
    if (window.trigger) CheckTrigger(window, *window.trigger, arrow::schema(fields));
    if (window.emit == WindowEmit::kCurrent) fields.push_back(arrow::field("final", arrow::boolean()));
    return ExactlyThese(fields);
  }

  /// The result of an aggregation, whatever else its input has.
  Columns ExactlyThese(const arrow::FieldVector& fields) {
    Columns columns = Unique(fields, "aggregate");
    columns.open = false;
    return columns;
  }

  void CheckTrigger(const WindowStep& window, const WindowTriggerSpec& trigger, const SchemaPtr& columns) {
    const bool open = node_.understood == Understood::kPart;
    if (const std::string refusal = TriggerRefusal(window); refusal.empty()) {
      CheckBool(trigger.when, TypeOf(trigger.when, {columns, open}), "'when' of a trigger");
    } else if (node_.understood == Understood::kAll) {
      errors_.AddAt(trigger.location, refusal);
    }
  }

  void CheckStepKey(const std::vector<std::string>& by) {
    if (by.empty()) errors_.Add("'by' is empty; name the key columns");
    CheckKeyColumns("by", by);
  }

  Columns AfterKeyed(const std::vector<std::string>& by) {
    CheckStepKey(by);
    return input_;
  }
  Columns After(const DeduplicateStep& step) { return AfterKeyed(step.by); }
  Columns After(const LatestStep& step) { return AfterKeyed(step.by); }

  Columns After(const ChangesStep& step) {
    if (step.columns.empty()) errors_.Add("'columns' is empty; name what is compared");
    CheckStepKey(step.by);
    for (const std::string& column : step.columns) {
      const TypePtr type = ColumnType("columns", column);
      if (type == nullptr || IsKeyType(*type)) continue;
      errors_.AddAt(errors_.WordOf("columns", column),
                    "column '" + column + "' of type " + TypeText(*type) +
                        " cannot be compared; compare its fields, in columns of their own");
    }
    return input_;
  }

  Columns After(const RunningStep& step) {
    if (step.aggregates.empty()) errors_.Add("'aggregate' is empty; count() counts rows");
    CheckStepKey(step.by);
    arrow::FieldVector fields = KeyFields(step.by);
    AddAggregates(step.aggregates, &fields);
    return ExactlyThese(fields);
  }

  Columns After(const ExpireStep& step) {
    CheckStepKey(step.by);
    const TypePtr type = TypeOf(step.at);
    if (type->id() != arrow::Type::TIMESTAMP && !IsUnknown(*type)) {
      errors_.AddAt(step.at.location, "'at' must be a timestamp, but '" + step.at.expr.ToString() + "' is " +
                                          TypeText(*type) +
                                          "; declare the column as timestamp[ms], or use to_timestamp()");
    }
    return input_;
  }

  Columns After(const MapStep& step) {
    CheckStepKey(step.by);
    if (step.columns == nullptr) return input_;
    for (const std::string& column : step.by) {
      const auto before = input_.schema->GetFieldByName(column);
      const auto after = step.columns->GetFieldByName(column);
      if (before == nullptr || (after != nullptr && after->type()->Equals(*before->type()))) continue;
      errors_.Add("the result has no column '" + column + "' of type " + TypeText(*before->type()) +
                  "; keep the key columns as they are");
    }
    Columns columns = Unique(step.columns->fields(), "columns");
    columns.open = false;
    return columns;
  }

  /// A column that cannot be a key is reported by CheckKeyColumns, and nowhere behind.
  arrow::FieldVector KeyFields(const std::vector<std::string>& by) const {
    arrow::FieldVector fields;
    for (const std::string& column : by) {
      auto field = input_.schema->GetFieldByName(column);
      const bool is_key = field != nullptr && IsKeyType(*field->type());
      fields.push_back(is_key ? std::move(field) : arrow::field(column, UnknownType()));
    }
    return fields;
  }

  void AddAggregates(const std::vector<WindowAggregateColumn>& aggregates, arrow::FieldVector* fields) {
    for (const WindowAggregateColumn& column : aggregates) {
      fields->push_back(arrow::field(column.name, column.unread ? UnknownType() : AggregateType(column)));
    }
  }

  TypePtr AggregateType(const WindowAggregateColumn& column) {
    TypePtr input;
    TypePtr order;
    AggregateCall call = column.call;
    if (!call.where.empty() && !IsCondition({call.where, column.location})) {
      if (call.argument.empty()) return UnknownType();
      call.where = Expr();
    }
    if (const Expr argument = call.Filtered(); !argument.empty()) input = TypeOf({argument, column.location});
    if (!column.call.order.empty()) order = TypeOf({column.call.order, column.location});
    for (const TypePtr& type : {input, order}) {
      if (type != nullptr && IsUnknown(*type)) return UnknownType();
    }
    const auto type = column.user == nullptr ? AggregateResultType(column.call.function, input, order)
                                             : UserAggregateResultType(*column.user, input);
    if (type.ok()) return *type;
    errors_.AddAt(column.location, "'" + column.name + "': " + type.status().message());
    return UnknownType();
  }

  /// Whether `where` of an aggregate can be evaluated; what is wrong with it is reported.
  bool IsCondition(const PlanExpr& where) {
    const TypePtr type = TypeOf(where);
    CheckBool(where, type, "'where' of an aggregate");
    return type->id() == arrow::Type::BOOL || (type->id() == arrow::Type::NA && !IsUnknown(*type));
  }

  Columns After(const SinkNode& sink) {
    CheckSink(node_, sink, input_, group_columns_, mistakes_);
    return input_;
  }

  const PlanNode& node_;
  const std::vector<std::string>& group_columns_;  // of the input
  std::vector<PlacedMessage>* const mistakes_;
};

}  // namespace

bool Columns::AllKnown() const {
  const auto& fields = schema->fields();
  return !open && std::none_of(fields.begin(), fields.end(),
                               [](const auto& field) { return IsUnknown(*field->type()); });
}

Columns ColumnsAfter(const PlanNode& node, const Columns& input,
                     const std::vector<std::string>& group_columns, std::vector<PlacedMessage>* mistakes) {
  return NodeAnalyzer(node, input, group_columns, mistakes).Analyze();
}

}  // namespace millrace
