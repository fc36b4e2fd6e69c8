#include "expr/function_node.h"

#include <cstddef>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"
#include "expr/lexer.h"

namespace millrace::expr_internal {
namespace {

/// Bytes of an expression, and of the reason with the value in it, that a message shows.
constexpr std::size_t kMaxExpressionInMessage = 80;
constexpr std::size_t kMaxReasonInMessage = 200;

bool IsRowFailure(const arrow::Status& status) { return status.IsInvalid() || status.IsIndexError(); }

std::string_view ClassOf(const arrow::Status& status, std::string_view otherwise) {
  if (status.message().find("divide by zero") != std::string::npos) return "divide_by_zero";
  return otherwise;
}

std::string Shortened(const std::string& text, std::size_t end = kMaxExpressionInMessage) {
  if (text.size() <= end) return text;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

/// Finds the rows of one kernel call that fail: by halving, and row by row once there are many.
class Bisection {
 public:
  Bisection(const Kernel& kernel, std::span<const arrow::Datum> arguments, std::string_view error_class,
            std::shared_ptr<arrow::DataType> type)
      : kernel_(kernel), arguments_(arguments), error_class_(error_class), type_(std::move(type)) {}

  /// Precondition: the kernel failed on all rows together.
  Result<arrow::Datum> Run(std::int64_t rows, std::vector<KernelFailure>* failures) {
    failures_ = failures;
    MR_RETURN_IF_ERROR(Split(0, rows));
    if (pieces_.size() == 1) return arrow::Datum(pieces_[0]);
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> joined, arrow::Concatenate(pieces_));
    return arrow::Datum(joined);
  }

 private:
  /// Precondition: rows [begin, begin + rows) fail together.
  Status Split(std::int64_t begin, std::int64_t rows) {
    if (failures_->size() > kMaxBisectedFailures) {
      for (std::int64_t row = begin; row < begin + rows; ++row) MR_RETURN_IF_ERROR(Try(row, 1));
      return Status::Ok();
    }
    const std::int64_t half = rows / 2;
    MR_RETURN_IF_ERROR(Try(begin, half));
    return Try(begin + half, rows - half);
  }

  Status Try(std::int64_t begin, std::int64_t rows) {
    std::vector<arrow::Datum> slices(arguments_.begin(), arguments_.end());
    for (arrow::Datum& slice : slices) {
      if (slice.is_array()) slice = slice.array()->Slice(begin, rows);
    }
    std::vector<KernelFailure> found;
    arrow::Result<arrow::Datum> value = kernel_(KernelCall{slices, rows, &found});
    if (!value.ok()) {
      if (!IsRowFailure(value.status())) return FromArrow(value.status());
      if (rows > 1) return Split(begin, rows);
      failures_->push_back({begin, ClassOf(value.status(), error_class_), value.status().message()});
      MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> null, arrow::MakeArrayOfNull(type_, 1));
      pieces_.push_back(std::move(null));
      return Status::Ok();
    }
    for (KernelFailure& failure : found) {
      failure.row += begin;
      failures_->push_back(std::move(failure));
    }
    MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> array, ToArray(*value, rows));
    pieces_.push_back(std::move(array));
    return Status::Ok();
  }

  const Kernel& kernel_;
  const std::span<const arrow::Datum> arguments_;
  const std::string_view error_class_;
  const std::shared_ptr<arrow::DataType> type_;
  std::vector<KernelFailure>* failures_ = nullptr;
  std::vector<std::shared_ptr<arrow::Array>> pieces_;
};

class FunctionNode final : public BoundNode {
 public:
  FunctionNode(FunctionCall call, std::shared_ptr<arrow::DataType> type, bool any_can_fail)
      : BoundNode(std::move(type), any_can_fail), call_(std::move(call)) {}

  Result<arrow::Datum> Evaluate(EvalScope& scope) const override {
    std::vector<arrow::Datum> arguments;
    arguments.reserve(call_.arguments.size());
    bool all_scalar = true;
    for (const BoundNodePtr& argument : call_.arguments) {
      MR_ASSIGN_OR_RETURN(arrow::Datum value, argument->Evaluate(scope));
      all_scalar = all_scalar && value.is_scalar();
      arguments.push_back(std::move(value));
    }
    const std::int64_t rows = all_scalar ? 1 : scope.num_rows();
    std::vector<KernelFailure> failures;
    MR_ASSIGN_OR_RETURN(arrow::Datum value, Run(arguments, rows, &failures));
    if (!failures.empty() && !call_.null_on_error) Report(failures, all_scalar, scope);
    if (!all_scalar || value.is_scalar()) return value;
    MR_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Array> array, ToArray(value, 1));
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Scalar> scalar, array->GetScalar(0));
    return arrow::Datum(std::move(scalar));
  }

 private:
  Result<arrow::Datum> Run(std::span<const arrow::Datum> arguments, std::int64_t rows,
                           std::vector<KernelFailure>* failures) const {
    arrow::Result<arrow::Datum> value = call_.kernel(KernelCall{arguments, rows, failures});
    if (value.ok()) {
      if (value->is_array() || value->is_scalar()) return *std::move(value);
      MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> array, ToArray(*value, rows));
      return arrow::Datum(array);
    }
    if (!IsRowFailure(value.status())) return FromArrow(value.status()).WithContext(Shortened(call_.text));
    failures->clear();
    if (rows > 1) return Bisection(call_.kernel, arguments, call_.error_class, type()).Run(rows, failures);
    failures->push_back({0, ClassOf(value.status(), call_.error_class), value.status().message()});
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> null, arrow::MakeArrayOfNull(type(), rows));
    return arrow::Datum(null);
  }

  void Report(const std::vector<KernelFailure>& failures, bool every_row, EvalScope& scope) const {
    const std::string prefix = Shortened(call_.text) + ": ";
    for (const KernelFailure& failure : failures) {
      const std::int64_t first = every_row ? 0 : failure.row;
      const std::int64_t last = every_row ? scope.num_rows() - 1 : failure.row;
      for (std::int64_t row = first; row <= last; ++row) {
        scope.Fail(row, failure.error_class, prefix + Shortened(failure.message, kMaxReasonInMessage));
      }
    }
  }

  const FunctionCall call_;
};

/// Type of the result, found by calling the kernel on no rows.
Result<std::shared_ptr<arrow::DataType>> Probe(const FunctionCall& call, bool keep_constants) {
  std::vector<arrow::Datum> arguments;
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    const BoundNode& argument = *call.arguments[i];
    const bool option = i < call.is_option.size() && call.is_option[i];
    if (argument.constant() != nullptr && (keep_constants || option)) {
      arguments.emplace_back(argument.constant());
      continue;
    }
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> empty, arrow::MakeEmptyArray(argument.type()));
    arguments.emplace_back(std::move(empty));
  }
  std::vector<KernelFailure> failures;
  arrow::Result<arrow::Datum> value = call.kernel(KernelCall{arguments, 0, &failures});
  if (!value.ok()) return ErrorAt(call.position, Shortened(call.text) + ": " + value.status().message());
  return value->type();
}

}  // namespace

Kernel ArrowKernel(std::string function, std::shared_ptr<arrow::compute::FunctionOptions> options) {
  return [function = std::move(function), options = std::move(options)](const KernelCall& call) {
    const std::vector<arrow::Datum> arguments(call.arguments.begin(), call.arguments.end());
    return arrow::compute::CallFunction(function, arguments, options.get());
  };
}

std::string OptionText(const arrow::Datum& option) {
  return static_cast<const arrow::BaseBinaryScalar&>(*option.scalar()).value->ToString();
}

std::int64_t OptionInt(const arrow::Datum& option) {
  return static_cast<const arrow::Int64Scalar&>(*option.scalar()).value;
}

Result<BoundNodePtr> MakeFunctionNode(FunctionCall call) {
  bool constant = true;
  bool can_fail = call.can_fail;
  for (const BoundNodePtr& argument : call.arguments) {
    constant = constant && argument->constant() != nullptr;
    can_fail = can_fail || argument->can_fail();
  }
  MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::DataType> type, Probe(call, !constant));
  auto node = std::make_shared<FunctionNode>(std::move(call), std::move(type), can_fail);
  if (!constant) return BoundNodePtr(std::move(node));
  // A constant that fails stays a call: it is an error only for the rows that reach it.
  const auto no_rows =
      arrow::RecordBatch::Make(arrow::schema({}), 1, std::vector<std::shared_ptr<arrow::Array>>{});
  RowFailures failures;
  EvalScope scope(*no_rows, &failures);
  MR_ASSIGN_OR_RETURN(const arrow::Datum value, node->Evaluate(scope));
  if (!failures.empty() || !value.is_scalar()) return BoundNodePtr(std::move(node));
  return MakeConstantNode(value.scalar());
}

}  // namespace millrace::expr_internal
