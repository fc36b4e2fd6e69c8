#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

namespace millrace::expr_internal {

using TypePtr = std::shared_ptr<arrow::DataType>;

/// As users write it; Arrow's own spelling for types that have none.
std::string TypeName(const arrow::DataType& type);

bool IsInteger(const arrow::DataType& type);
bool IsFloat(const arrow::DataType& type);
bool IsDecimal(const arrow::DataType& type);
bool IsNumeric(const arrow::DataType& type);
/// utf8, large utf8, or utf8 view.
bool IsString(const arrow::DataType& type);
bool IsList(const arrow::DataType& type);
/// Timestamp or date.
bool IsTemporal(const arrow::DataType& type);
/// A timestamp whose zone is a name for UTC.
bool IsUtc(const arrow::DataType& type);

/// The type that functions work on: the values of a dictionary, utf8 for all string layouts, date32 for
/// dates.
TypePtr Plain(const TypePtr& type);

/// What common values are wanted for.
enum class Purpose {
  kCompare,  ///< exact: uint64 with signed integers meet in decimal(20, 0)
  kResult,   ///< one column: uint64 with signed integers meet in int64, checked
};

/// The narrowest type both convert to, or null when there is none. Both plain.
TypePtr CommonType(const TypePtr& left, const TypePtr& right, Purpose purpose);

/// Type in which + - * / % of these numeric types are computed, or null. Integers of any width become int64,
/// or uint64 when one is uint64 and the other unsigned.
TypePtr ArithmeticType(const TypePtr& left, const TypePtr& right);

/// Whether some value of `from` cannot be converted to `to`.
bool CastCanFail(const arrow::DataType& from, const arrow::DataType& to);

}  // namespace millrace::expr_internal
