#include "plan/node_input.h"

#include <algorithm>

#include <arrow/api.h>

#include "base/suggest.h"
#include "columnar/schema_text.h"
#include "columnar/tombstone_column.h"
#include "expr/builder.h"
#include "plan/unknown_type.h"

namespace millrace {

NodeInput::TypePtr NodeInput::TypeOf(const PlanExpr& expression) {
  return TypeOf(expression, {WithTombstoneField(input_.schema), input_.open});
}

NodeInput::TypePtr NodeInput::TypeOf(const PlanExpr& expression, const Columns& columns) {
  if (expression.unread || !ReadsKnownColumns(expression, columns)) return UnknownType();
  const auto bound = BoundExpr::Bind(expression.expr, columns.schema);
  if (bound.ok()) return bound->type();
  errors_.AddAt(expression.location, bound.status().message());
  return UnknownType();
}

bool NodeInput::ReadsKnownColumns(const PlanExpr& expression, const Columns& columns) {
  const std::vector<Status> missing = MissingColumns(expression.expr, *columns.schema);
  for (const Status& status : missing) {
    if (!columns.open) errors_.AddAt(expression.location, status.message());
  }
  const std::vector<std::string> read = expression.expr.Columns();
  return missing.empty() && std::none_of(read.begin(), read.end(), [&](const std::string& column) {
           const auto field = columns.schema->GetFieldByName(column);
           return field != nullptr && IsUnknown(*field->type());
         });
}

std::shared_ptr<arrow::Field> NodeInput::FieldOf(const std::string& name, const PlanExpr& expression) {
  const TypePtr type = TypeOf(expression);
  if (!expression.expr.empty()) {
    const std::string column = expression.expr.AsColumn();
    if (const auto field = input_.schema->GetFieldByName(column)) return field->WithName(name);
  }
  return arrow::field(name, type);
}

NodeInput::TypePtr NodeInput::ColumnType(const std::string& key, const std::string& column) {
  const auto field = input_.schema->GetFieldByName(column);
  if (field != nullptr) return IsUnknown(*field->type()) ? nullptr : field->type();
  if (!input_.open) {
    errors_.AddAt(errors_.WordOf(key, column),
                  "unknown column '" + column + "'" + DidYouMean(column, input_.schema->field_names()));
  }
  return nullptr;
}

void NodeInput::CheckBool(const PlanExpr& predicate, std::string_view what) {
  CheckBool(predicate, TypeOf(predicate), what);
}

void NodeInput::CheckBool(const PlanExpr& predicate, const TypePtr& type, std::string_view what) {
  if (type->id() == arrow::Type::BOOL || type->id() == arrow::Type::NA) return;
  errors_.AddAt(predicate.location, std::string(what) + " must be true or false, but '" +
                                        predicate.expr.ToString() + "' is " + TypeText(*type));
}

}  // namespace millrace
