#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "plan/node_errors.h"
#include "plan/node_schema.h"
#include "plan/plan.h"

namespace millrace {

/// The columns that come to one node, and the types of what it writes over them. What is wrong is reported
/// once, where it stands; a mistake has UnknownType.
class NodeInput {
 protected:
  using TypePtr = std::shared_ptr<arrow::DataType>;

  /// `node` and `mistakes` outlive it.
  NodeInput(const PlanNode& node, Columns input, std::vector<PlacedMessage>* mistakes)
      : input_(std::move(input)), errors_(node, mistakes) {}

  TypePtr TypeOf(const PlanExpr& expression);
  TypePtr TypeOf(const PlanExpr& expression, const Columns& columns);

  /// The column an expression makes: a plain column keeps its field, under the new name.
  std::shared_ptr<arrow::Field> FieldOf(const std::string& name, const PlanExpr& expression);

  /// The type of the column that `key` of the node names. Nullptr when it is not known, which is reported
  /// where it was not before.
  TypePtr ColumnType(const std::string& key, const std::string& column);

  void CheckBool(const PlanExpr& predicate, std::string_view what);
  void CheckBool(const PlanExpr& predicate, const TypePtr& type, std::string_view what);

  Columns input_;
  NodeErrors errors_;

 private:
  bool ReadsKnownColumns(const PlanExpr& expression, const Columns& columns);
};

}  // namespace millrace
