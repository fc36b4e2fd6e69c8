#include "expr/branch_nodes.h"

#include <cstddef>
#include <cstdint>
#include <functional>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"

namespace millrace::expr_internal {
namespace {

using Rows = std::shared_ptr<arrow::Int64Array>;

/// Rows of `test` for which `wanted(is_valid, value)` holds, and the others.
struct Partition {
  Rows selected;
  Rows rest;
};

template <typename Wanted>
Result<Partition> Divide(const arrow::Array& values, Wanted wanted) {
  arrow::Int64Builder selected;
  arrow::Int64Builder rest;
  MR_RETURN_IF_ARROW_ERROR(selected.Reserve(values.length()));
  MR_RETURN_IF_ARROW_ERROR(rest.Reserve(values.length()));
  for (std::int64_t row = 0; row < values.length(); ++row) (wanted(row) ? selected : rest).UnsafeAppend(row);
  Partition out;
  MR_RETURN_IF_ARROW_ERROR(selected.Finish(&out.selected));
  MR_RETURN_IF_ARROW_ERROR(rest.Finish(&out.rest));
  return out;
}

Result<Partition> DivideByTruth(const arrow::Datum& test, std::int64_t rows) {
  MR_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Array> array, ToArray(test, rows));
  const auto& truth = static_cast<const arrow::BooleanArray&>(*array);
  return Divide(truth, [&](std::int64_t row) { return truth.IsValid(row) && truth.Value(row); });
}

/// Rows `inner` of the rows `outer` (null: all).
Result<Rows> Compose(const Rows& outer, const Rows& inner) {
  if (outer == nullptr) return inner;
  arrow::Int64Builder builder;
  MR_RETURN_IF_ARROW_ERROR(builder.Reserve(inner->length()));
  for (std::int64_t i = 0; i < inner->length(); ++i) builder.UnsafeAppend(outer->Value(inner->Value(i)));
  Rows out;
  MR_RETURN_IF_ARROW_ERROR(builder.Finish(&out));
  return out;
}

/// Puts values computed on some rows together again into one column.
class Assembly {
 public:
  Assembly(std::int64_t rows, std::shared_ptr<arrow::DataType> type)
      : source_(static_cast<std::size_t>(rows), -1), type_(std::move(type)) {}

  /// rows == null: all rows of the column.
  Status Add(const Rows& rows, const arrow::Datum& value) {
    const auto count = rows == nullptr ? static_cast<std::int64_t>(source_.size()) : rows->length();
    if (count == 0) return Status::Ok();
    MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> array, ToArray(value, count));
    if (rows == nullptr) whole_ = array;
    for (std::int64_t i = 0; i < count; ++i) {
      source_[static_cast<std::size_t>(rows == nullptr ? i : rows->Value(i))] = next_ + i;
    }
    next_ += count;
    pieces_.push_back(std::move(array));
    return Status::Ok();
  }

  /// Rows that no Add named are null.
  Result<arrow::Datum> Finish() {
    if (pieces_.size() == 1 && whole_ != nullptr) return arrow::Datum(whole_);
    const auto rows = static_cast<std::int64_t>(source_.size());
    if (pieces_.empty()) {
      MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> nulls, arrow::MakeArrayOfNull(type_, rows));
      return arrow::Datum(nulls);
    }
    arrow::Int64Builder builder;
    MR_RETURN_IF_ARROW_ERROR(builder.Reserve(rows));
    for (const std::int64_t source : source_) {
      source < 0 ? builder.UnsafeAppendNull() : builder.UnsafeAppend(source);
    }
    Rows indices;
    MR_RETURN_IF_ARROW_ERROR(builder.Finish(&indices));
    MR_ASSIGN_ARROW(const std::shared_ptr<arrow::Array> joined, arrow::Concatenate(pieces_));
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> out,
                    arrow::compute::Take(*joined, *indices, arrow::compute::TakeOptions::NoBoundsCheck()));
    return arrow::Datum(out);
  }

 private:
  std::vector<std::int64_t> source_;  // index into the joined pieces; -1: null
  const std::shared_ptr<arrow::DataType> type_;
  std::vector<std::shared_ptr<arrow::Array>> pieces_;
  std::shared_ptr<arrow::Array> whole_;
  std::int64_t next_ = 0;
};

/// Evaluates `node` on the rows `rows` of `scope` (null: all).
Result<arrow::Datum> EvaluateOn(const BoundNode& node, EvalScope& scope, const Rows& rows) {
  if (rows == nullptr || rows->length() == scope.num_rows()) return node.Evaluate(scope);
  EvalScope narrow(scope, rows);
  return node.Evaluate(narrow);
}

Result<arrow::Datum> Call(const char* function, const std::vector<arrow::Datum>& arguments) {
  MR_ASSIGN_ARROW(arrow::Datum out, arrow::compute::CallFunction(function, arguments));
  return out;
}

class CaseNode final : public BoundNode {
 public:
  CaseNode(std::vector<std::pair<BoundNodePtr, BoundNodePtr>> branches, BoundNodePtr otherwise, bool can_fail)
      : BoundNode(otherwise->type(), can_fail),
        branches_(std::move(branches)),
        otherwise_(std::move(otherwise)) {}

  Result<arrow::Datum> Evaluate(EvalScope& scope) const override {
    return can_fail() ? EvaluateSelected(scope) : EvaluateAll(scope);
  }

 private:
  Result<arrow::Datum> EvaluateAll(EvalScope& scope) const {
    MR_ASSIGN_OR_RETURN(arrow::Datum out, otherwise_->Evaluate(scope));
    for (auto branch = branches_.rbegin(); branch != branches_.rend(); ++branch) {
      MR_ASSIGN_OR_RETURN(const arrow::Datum test, branch->first->Evaluate(scope));
      MR_ASSIGN_OR_RETURN(const arrow::Datum value, branch->second->Evaluate(scope));
      MR_ASSIGN_OR_RETURN(const arrow::Datum known, Call("coalesce", {test, arrow::Datum(false)}));
      MR_ASSIGN_OR_RETURN(out, Call("if_else", {known, value, out}));
    }
    return out;
  }

  Result<arrow::Datum> EvaluateSelected(EvalScope& scope) const {
    Assembly assembly(scope.num_rows(), type());
    Rows remaining;  // null: all
    for (const auto& [when, then] : branches_) {
      const std::int64_t count = remaining == nullptr ? scope.num_rows() : remaining->length();
      if (count == 0) return assembly.Finish();
      MR_ASSIGN_OR_RETURN(const arrow::Datum test, EvaluateOn(*when, scope, remaining));
      MR_ASSIGN_OR_RETURN(const Partition parts, DivideByTruth(test, count));
      MR_ASSIGN_OR_RETURN(const Rows selected, Compose(remaining, parts.selected));
      MR_ASSIGN_OR_RETURN(remaining, Compose(remaining, parts.rest));
      if (selected->length() == 0) continue;
      MR_ASSIGN_OR_RETURN(const arrow::Datum value, EvaluateOn(*then, scope, selected));
      MR_RETURN_IF_ERROR(assembly.Add(selected, value));
    }
    if (remaining == nullptr || remaining->length() > 0) {
      MR_ASSIGN_OR_RETURN(const arrow::Datum value, EvaluateOn(*otherwise_, scope, remaining));
      MR_RETURN_IF_ERROR(assembly.Add(remaining, value));
    }
    return assembly.Finish();
  }

  const std::vector<std::pair<BoundNodePtr, BoundNodePtr>> branches_;
  const BoundNodePtr otherwise_;
};

class CoalesceNode final : public BoundNode {
 public:
  CoalesceNode(std::vector<BoundNodePtr> arguments, bool can_fail)
      : BoundNode(arguments.front()->type(), can_fail), arguments_(std::move(arguments)) {}

  Result<arrow::Datum> Evaluate(EvalScope& scope) const override {
    if (can_fail()) return EvaluateSelected(scope);
    std::vector<arrow::Datum> values;
    for (const BoundNodePtr& argument : arguments_) {
      MR_ASSIGN_OR_RETURN(arrow::Datum value, argument->Evaluate(scope));
      values.push_back(std::move(value));
    }
    return Call("coalesce", values);
  }

 private:
  Result<arrow::Datum> EvaluateSelected(EvalScope& scope) const {
    Assembly assembly(scope.num_rows(), type());
    Rows remaining;
    for (const BoundNodePtr& argument : arguments_) {
      const std::int64_t count = remaining == nullptr ? scope.num_rows() : remaining->length();
      if (count == 0) break;
      MR_ASSIGN_OR_RETURN(const arrow::Datum value, EvaluateOn(*argument, scope, remaining));
      MR_RETURN_IF_ERROR(assembly.Add(remaining, value));
      MR_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Array> array, ToArray(value, count));
      MR_ASSIGN_OR_RETURN(const Partition parts,
                          Divide(*array, [&](std::int64_t row) { return array->IsNull(row); }));
      MR_ASSIGN_OR_RETURN(remaining, Compose(remaining, parts.selected));
    }
    return assembly.Finish();
  }

  const std::vector<BoundNodePtr> arguments_;
};

class LogicNode final : public BoundNode {
 public:
  LogicNode(bool is_and, BoundNodePtr left, BoundNodePtr right)
      : BoundNode(arrow::boolean(), left->can_fail() || right->can_fail()),
        is_and_(is_and),
        left_(std::move(left)),
        right_(std::move(right)) {}

  Result<arrow::Datum> Evaluate(EvalScope& scope) const override {
    MR_ASSIGN_OR_RETURN(const arrow::Datum left, left_->Evaluate(scope));
    if (!right_->can_fail()) {
      MR_ASSIGN_OR_RETURN(const arrow::Datum right, right_->Evaluate(scope));
      return Combine(left, right);
    }
    MR_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Array> array, ToArray(left, scope.num_rows()));
    const auto& truth = static_cast<const arrow::BooleanArray&>(*array);
    MR_ASSIGN_OR_RETURN(const Partition parts, Divide(truth, [&](std::int64_t row) {
                          return truth.IsNull(row) || truth.Value(row) == is_and_;
                        }));
    Assembly assembly(scope.num_rows(), type());
    if (parts.selected->length() > 0) {
      MR_ASSIGN_OR_RETURN(const arrow::Datum value, EvaluateOn(*right_, scope, parts.selected));
      MR_RETURN_IF_ERROR(assembly.Add(parts.selected, value));
    }
    MR_ASSIGN_OR_RETURN(const arrow::Datum right, assembly.Finish());
    return Combine(arrow::Datum(array), right);
  }

 private:
  Result<arrow::Datum> Combine(const arrow::Datum& left, const arrow::Datum& right) const {
    return Call(is_and_ ? "and_kleene" : "or_kleene", {left, right});
  }

  const bool is_and_;
  const BoundNodePtr left_;
  const BoundNodePtr right_;
};

}  // namespace

BoundNodePtr MakeCaseNode(std::vector<std::pair<BoundNodePtr, BoundNodePtr>> branches,
                          BoundNodePtr otherwise) {
  bool can_fail = otherwise->can_fail();
  for (const auto& [when, then] : branches) can_fail = can_fail || when->can_fail() || then->can_fail();
  return std::make_shared<CaseNode>(std::move(branches), std::move(otherwise), can_fail);
}

BoundNodePtr MakeCoalesceNode(std::vector<BoundNodePtr> arguments) {
  bool can_fail = false;
  for (const BoundNodePtr& argument : arguments) can_fail = can_fail || argument->can_fail();
  return std::make_shared<CoalesceNode>(std::move(arguments), can_fail);
}

BoundNodePtr MakeLogicNode(bool is_and, BoundNodePtr left, BoundNodePtr right) {
  return std::make_shared<LogicNode>(is_and, std::move(left), std::move(right));
}

}  // namespace millrace::expr_internal
