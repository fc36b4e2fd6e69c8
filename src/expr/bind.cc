#include "expr/bind.h"

#include <map>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/util/utf8.h>

#include "base/suggest.h"
#include "columnar/arrow_status.h"
#include "columnar/schema_text.h"
#include "expr/branch_nodes.h"
#include "expr/cast.h"
#include "expr/lexer.h"

namespace millrace::expr_internal {
namespace {

Result<BoundNodePtr> BindLiteral(const Node& node) {
  const Literal& literal = node.literal;
  if (std::holds_alternative<std::monostate>(literal))
    return MakeConstantNode(arrow::MakeNullScalar(arrow::null()));
  if (const auto* truth = std::get_if<bool>(&literal)) return MakeConstantNode(arrow::MakeScalar(*truth));
  if (const auto* integer = std::get_if<std::int64_t>(&literal))
    return MakeConstantNode(arrow::MakeScalar(*integer));
  if (const auto* number = std::get_if<double>(&literal)) return MakeConstantNode(arrow::MakeScalar(*number));
  const std::string& text = std::get<std::string>(literal);
  arrow::util::InitializeUTF8();
  if (!arrow::util::ValidateUTF8(text)) return ErrorAt(node.position, "a string literal is not valid UTF-8");
  return MakeConstantNode(arrow::MakeScalar(text));
}

std::vector<std::string> FieldNames(const std::vector<std::shared_ptr<arrow::Field>>& fields) {
  std::vector<std::string> names;
  names.reserve(fields.size());
  for (const auto& field : fields) names.push_back(field->name());
  return names;
}

Status MissingColumn(const Node& node, const arrow::Schema& schema) {
  return ErrorAt(node.position,
                 "unknown column '" + node.name + "'" + DidYouMean(node.name, FieldNames(schema.fields())));
}

void CollectMissing(const Expr& expr, const arrow::Schema& schema, std::map<std::string, Status>* out) {
  const Node& node = expr.node();
  if (node.kind == NodeKind::kColumn && schema.GetAllFieldIndices(node.name).empty())
    out->emplace(node.name, MissingColumn(node, schema));
  for (const Expr& child : node.children) CollectMissing(child, schema, out);
}

}  // namespace

Result<BoundNodePtr> Binder::Bind(const Expr& expr) {
  const Node& node = expr.node();
  switch (node.kind) {
    case NodeKind::kLiteral:
      return BindLiteral(node);
    case NodeKind::kColumn:
      return BindColumn(node);
    case NodeKind::kField:
      return BindField(expr);
    case NodeKind::kCast:
      return BindCast(expr);
    case NodeKind::kCase:
      return BindCase(expr);
    case NodeKind::kCall:
      return BindCall(expr);
  }
  return Status::Bug("an expression node of no known kind");
}

Result<BoundNodePtr> Binder::BindColumn(const Node& node) {
  const std::vector<int> found = schema_.GetAllFieldIndices(node.name);
  if (found.size() == 1) return MakeColumnNode(found[0], schema_.field(found[0])->type());
  if (found.size() > 1) return ErrorAt(node.position, "there are several columns '" + node.name + "'");
  return MissingColumn(node, schema_);
}

Result<BoundNodePtr> Binder::BindField(const Expr& expr) {
  const Node& node = expr.node();
  MR_ASSIGN_OR_RETURN(BoundNodePtr base, Bind(node.children[0]));
  if (base->type()->id() != arrow::Type::STRUCT) {
    return ErrorAt(node.position, "'" + node.children[0].ToString() + "' is " + TypeName(*base->type()) +
                                      ", not a struct, so it has no field '" + node.name + "'");
  }
  const auto& type = static_cast<const arrow::StructType&>(*base->type());
  const std::vector<int> found = type.GetAllFieldIndices(node.name);
  if (found.size() != 1) {
    return ErrorAt(node.position,
                   (found.empty() ? "unknown field '" : "there are several fields '") + node.name + "' in '" +
                       node.children[0].ToString() + "'" +
                       (found.empty() ? DidYouMean(node.name, FieldNames(type.fields())) : ""));
  }
  auto options = std::make_shared<arrow::compute::StructFieldOptions>(found);
  return MakeNode(expr, ArrowKernel("struct_field", std::move(options)), {std::move(base)});
}

Result<BoundNodePtr> Binder::BindCast(const Expr& expr) {
  const Node& node = expr.node();
  const auto type = ParseType(node.name);
  if (!type.ok()) return ErrorAt(node.position, type.status().message());
  MR_ASSIGN_OR_RETURN(BoundNodePtr operand, Bind(node.children[0]));
  CastRequest request;
  request.target = *type;
  request.is_explicit = true;
  request.null_on_error = node.is_try;
  request.text = expr.ToString();
  request.position = node.position;
  return MakeCastNode(std::move(operand), std::move(request));
}

Result<BoundNodePtr> Binder::BindCase(const Expr& expr) {
  const Node& node = expr.node();
  MR_ASSIGN_OR_RETURN(Nodes nodes, BindAll(node.children));
  const std::size_t first = node.has_operand ? 1 : 0;
  const std::size_t last = nodes.size() - (node.has_else ? 1 : 0);
  if (last <= first || (last - first) % 2 != 0)
    return ErrorAt(node.position, "case needs 'when ... then ...'");
  Nodes results;
  Nodes conditions;
  for (std::size_t i = first; i < last; i += 2) {
    BoundNodePtr condition = nodes[i];
    if (node.has_operand) {
      const Expr equals =
          MakeCall("=", {node.children[0], node.children[i]}, node.children[i].node().position);
      MR_ASSIGN_OR_RETURN(condition, BindComparison(equals, {nodes[0], nodes[i]}));
    }
    MR_ASSIGN_OR_RETURN(condition, ToBool(std::move(condition), node.children[i], "the condition of 'when'"));
    conditions.push_back(std::move(condition));
    results.push_back(nodes[i + 1]);
  }
  results.push_back(node.has_else ? nodes.back() : MakeConstantNode(arrow::MakeNullScalar(arrow::null())));
  MR_RETURN_IF_ERROR(Unify(expr, Purpose::kResult, "give one type to the branches", &results));
  std::vector<std::pair<BoundNodePtr, BoundNodePtr>> branches;
  for (std::size_t i = 0; i < conditions.size(); ++i) branches.emplace_back(conditions[i], results[i]);
  return MakeCaseNode(std::move(branches), results.back());
}

Result<BoundNodePtr> Binder::BindCall(const Expr& expr) {
  MR_ASSIGN_OR_RETURN(BoundNodePtr node, BindOperator(expr));
  if (node != nullptr) return node;
  return BindFunction(expr);
}

Result<Binder::Nodes> Binder::BindAll(const std::vector<Expr>& exprs) {
  Nodes nodes;
  for (const Expr& expr : exprs) {
    MR_ASSIGN_OR_RETURN(BoundNodePtr node, Bind(expr));
    nodes.push_back(std::move(node));
  }
  return nodes;
}

Result<BoundNodePtr> Binder::MakeNode(const Expr& expr, Kernel kernel, Nodes nodes,
                                      std::string_view error_class) {
  FunctionCall call;
  call.kernel = std::move(kernel);
  call.arguments = std::move(nodes);
  call.can_fail = !error_class.empty();
  call.error_class = error_class.empty() ? "expression" : error_class;
  call.text = expr.ToString();
  call.position = expr.node().position;
  return MakeFunctionNode(std::move(call));
}

}  // namespace millrace::expr_internal

namespace millrace {

using expr_internal::BoundNodePtr;

struct BoundExpr::Impl {
  BoundNodePtr root;
};

Result<BoundExpr> BoundExpr::Bind(const Expr& expr, const std::shared_ptr<arrow::Schema>& schema) {
  if (expr.empty()) return Status::InvalidArgument("there is no expression");
  if (expr.node().depth > expr_internal::kMaxDepth) {
    return Status::InvalidArgument("the expression is nested deeper than " +
                                   std::to_string(expr_internal::kMaxDepth) + " levels");
  }
  expr_internal::Binder binder(*schema);
  MR_ASSIGN_OR_RETURN(BoundNodePtr root, binder.Bind(expr));
  return BoundExpr(std::make_shared<const Impl>(Impl{std::move(root)}));
}

const std::shared_ptr<arrow::DataType>& BoundExpr::type() const { return impl_->root->type(); }

bool BoundExpr::can_fail() const { return impl_->root->can_fail(); }

Result<ExprValues> BoundExpr::Evaluate(const arrow::RecordBatch& batch) const {
  expr_internal::RowFailures failures;
  expr_internal::EvalScope scope(batch, &failures);
  MR_ASSIGN_OR_RETURN(const arrow::Datum value, impl_->root->Evaluate(scope));
  ExprValues out;
  MR_ASSIGN_OR_RETURN(out.values, expr_internal::ToArray(value, batch.num_rows()));
  if (failures.empty()) return out;
  out.errors = failures.Take();
  // A row may fail in a part and still get a value further up (coalesce); it is an error all the same.
  arrow::Int64Builder rows;
  MR_RETURN_IF_ARROW_ERROR(rows.Reserve(batch.num_rows()));
  auto next = out.errors.begin();
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    const bool failed = next != out.errors.end() && next->row == row;
    failed ? rows.UnsafeAppendNull() : rows.UnsafeAppend(row);
    if (failed) ++next;
  }
  MR_ASSIGN_ARROW(const std::shared_ptr<arrow::Array> indices, rows.Finish());
  MR_ASSIGN_ARROW(out.values, arrow::compute::Take(*out.values, *indices));
  return out;
}

std::vector<Status> MissingColumns(const Expr& expr, const arrow::Schema& schema) {
  if (expr.empty()) return {};
  std::map<std::string, Status> by_name;
  expr_internal::CollectMissing(expr, schema, &by_name);
  std::vector<Status> errors;
  errors.reserve(by_name.size());
  for (auto& [name, error] : by_name) errors.push_back(std::move(error));
  return errors;
}

Status InitializeExpressions() {
  MR_RETURN_IF_ARROW_ERROR(arrow::compute::Initialize());
  return Status::Ok();
}

}  // namespace millrace
