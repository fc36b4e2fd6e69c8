#include "expr/eval.h"

#include <cstddef>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"

namespace millrace::expr_internal {
namespace {

class ConstantNode final : public BoundNode {
 public:
  explicit ConstantNode(std::shared_ptr<arrow::Scalar> value)
      : BoundNode(value->type, false), value_(std::move(value)) {}
  std::shared_ptr<arrow::Scalar> constant() const override { return value_; }
  Result<arrow::Datum> Evaluate(EvalScope& /*scope*/) const override { return arrow::Datum(value_); }

 private:
  const std::shared_ptr<arrow::Scalar> value_;
};

class ColumnNode final : public BoundNode {
 public:
  ColumnNode(int index, std::shared_ptr<arrow::DataType> type)
      : BoundNode(std::move(type), false), index_(index) {}
  Result<arrow::Datum> Evaluate(EvalScope& scope) const override {
    MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> values, scope.Column(index_));
    if (values->type().get() != type().get() && !values->type()->Equals(*type())) {
      return Status::Bug("column " + std::to_string(index_) + " was bound as " + type()->ToString() +
                         " but the batch has " + values->type()->ToString());
    }
    return arrow::Datum(values);
  }

 private:
  const int index_;
};

}  // namespace

void RowFailures::Add(std::int64_t row, std::string_view error_class, std::string message) {
  by_row_.try_emplace(row, ExprRowError{row, std::string(error_class), std::move(message)});
}

std::vector<ExprRowError> RowFailures::Take() {
  std::vector<ExprRowError> out;
  out.reserve(by_row_.size());
  for (auto& entry : by_row_) out.push_back(std::move(entry.second));
  by_row_.clear();
  return out;
}

EvalScope::EvalScope(const arrow::RecordBatch& batch, RowFailures* failures)
    : batch_(&batch), outer_(nullptr), failures_(failures) {}

EvalScope::EvalScope(EvalScope& outer, std::shared_ptr<arrow::Int64Array> rows)
    : batch_(outer.batch_), outer_(&outer), rows_(std::move(rows)), failures_(outer.failures_) {}

std::int64_t EvalScope::num_rows() const { return outer_ == nullptr ? batch_->num_rows() : rows_->length(); }

Result<std::shared_ptr<arrow::Array>> EvalScope::Column(int index) {
  if (index >= batch_->num_columns()) {
    return Status::Bug("column " + std::to_string(index) + " is bound but the batch has " +
                       std::to_string(batch_->num_columns()) + " columns");
  }
  if (outer_ == nullptr) return batch_->column(index);
  if (gathered_.empty()) gathered_.resize(static_cast<std::size_t>(batch_->num_columns()));
  std::shared_ptr<arrow::Array>& slot = gathered_[static_cast<std::size_t>(index)];
  if (slot == nullptr) {
    MR_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Array> all, outer_->Column(index));
    MR_ASSIGN_ARROW(slot, arrow::compute::Take(*all, *rows_, arrow::compute::TakeOptions::NoBoundsCheck()));
  }
  return slot;
}

void EvalScope::Fail(std::int64_t row, std::string_view error_class, std::string message) {
  if (outer_ != nullptr) return outer_->Fail(rows_->Value(row), error_class, std::move(message));
  failures_->Add(row, error_class, std::move(message));
}

BoundNodePtr MakeConstantNode(std::shared_ptr<arrow::Scalar> value) {
  return std::make_shared<ConstantNode>(std::move(value));
}

BoundNodePtr MakeColumnNode(int index, std::shared_ptr<arrow::DataType> type) {
  return std::make_shared<ColumnNode>(index, std::move(type));
}

Result<std::shared_ptr<arrow::Array>> ToArray(const arrow::Datum& value, std::int64_t rows) {
  if (value.is_array()) return value.make_array();
  if (value.is_scalar()) {
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> array, arrow::MakeArrayFromScalar(*value.scalar(), rows));
    return array;
  }
  if (!value.is_chunked_array()) return Status::Bug("a kernel returned " + value.ToString());
  MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> joined, arrow::Concatenate(value.chunked_array()->chunks()));
  return joined;
}

}  // namespace millrace::expr_internal
