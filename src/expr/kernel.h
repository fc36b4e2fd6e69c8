#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/datum.h>
#include <arrow/result.h>
#include <arrow/scalar.h>
#include <arrow/status.h>
#include <arrow/type_traits.h>

namespace arrow::compute {
class FunctionOptions;
}

namespace millrace::expr_internal {

/// A row that a kernel could not compute.
struct KernelFailure {
  std::int64_t row;
  std::string_view error_class;  ///< a literal
  std::string message;
};

/// One call of a kernel over rows that all exist.
struct KernelCall {
  /// Scalars, and arrays of num_rows values; the types are those the function was bound with.
  std::span<const arrow::Datum> arguments;
  std::int64_t num_rows;
  /// Rows that failed; the kernel's result is null there.
  std::vector<KernelFailure>* failures;

  void Fail(std::int64_t row, std::string_view error_class, std::string message) const {
    failures->push_back({row, error_class, std::move(message)});
  }
};

/// Computes a column from columns. Either reports failing rows one by one, or returns Status::Invalid for the
/// whole call; then the caller looks for the rows.
using Kernel = std::function<arrow::Result<arrow::Datum>(const KernelCall&)>;

/// The Arrow compute function of that name on the arguments as they are.
Kernel ArrowKernel(std::string function, std::shared_ptr<arrow::compute::FunctionOptions> options = nullptr);

/// The value of an option argument. Preconditions: a valid scalar of type utf8 (int64).
std::string OptionText(const arrow::Datum& option);
std::int64_t OptionInt(const arrow::Datum& option);

/// Reads row i of an argument, whether it is an array or a scalar.
template <typename Type>
class Argument {
 public:
  using ArrayType = typename arrow::TypeTraits<Type>::ArrayType;

  static arrow::Result<Argument> Make(const arrow::Datum& value) {
    Argument argument;
    if (value.is_scalar()) {
      ARROW_ASSIGN_OR_RAISE(auto array, arrow::MakeArrayFromScalar(*value.scalar(), 1));
      argument.array_ = std::static_pointer_cast<ArrayType>(array);
      argument.stride_ = 0;
    } else {
      argument.array_ = std::static_pointer_cast<ArrayType>(value.make_array());
    }
    return argument;
  }

  bool IsNull(std::int64_t row) const { return array_->IsNull(row * stride_); }
  auto operator[](std::int64_t row) const { return array_->GetView(row * stride_); }
  const ArrayType& array() const { return *array_; }

 private:
  std::shared_ptr<ArrayType> array_;
  std::int64_t stride_ = 1;
};

/// append(row) for every row in order; stops at the first Status that is not ok and returns it. For builders
/// whose appends may fail, such as those of texts.
template <typename Append>
arrow::Status ForEachRow(const KernelCall& call, const Append& append) {
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (arrow::Status status = append(row); !status.ok()) return status;
  }
  return arrow::Status::OK();
}

}  // namespace millrace::expr_internal
