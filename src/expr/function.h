#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "expr/kernel.h"

namespace millrace::expr_internal {

/// What an argument must be, and what it is converted to before the kernel sees it.
enum class Param {
  kAny,           ///< as it is
  kString,        ///< utf8
  kOptionString,  ///< a constant string, not null
  kOptionInt,     ///< a constant int64, not null
  kInt,           ///< int64, checked
  kDouble,        ///< any number, as double
  kNumber,        ///< int64, uint64, double, float or decimal
  kCommonNumber,  ///< as kNumber; all such arguments get the type of arithmetic between them
  kCommon,        ///< all such arguments get one common type
  kBool,
  kTimestamp,  ///< timestamp or date; UTC zones dropped, dates at midnight
  kList,
  kStringOrList,
  kStringOrStrings,  ///< utf8, or a list of them
};

/// One scalar function. Everything that users see of it, and its kernel.
struct ScalarFunction {
  std::string name;
  std::string signature;
  std::string summary;
  std::string example;
  std::vector<Param> params;
  /// Arguments that must be given; the further params are optional.
  std::size_t required = 0;
  /// The last param may repeat.
  bool variadic = false;
  /// Null: the binder has its own code for it (if, coalesce, ...).
  Kernel kernel;
  /// "" when no row can fail.
  std::string_view error_class = "";
};

std::vector<ScalarFunction> Concatenated(std::initializer_list<std::vector<ScalarFunction>> groups);

std::vector<ScalarFunction> StringFunctions();
std::vector<ScalarFunction> PatternFunctions();
std::vector<ScalarFunction> MathFunctions();
std::vector<ScalarFunction> DateFunctions();
std::vector<ScalarFunction> HashFunctions();
std::vector<ScalarFunction> ListFunctions();
std::vector<ScalarFunction> ConditionalFunctions();

/// The function of that lower-case name or alias, or null. Lives as long as the process.
const ScalarFunction* FindFunction(std::string_view name);
/// Names of all scalar functions, for "did you mean".
const std::vector<std::string>& ScalarFunctionNames();
/// Names of all aggregate functions; "avg" is read as "mean".
const std::vector<std::string>& AggregateFunctionNames();
std::string CanonicalAggregate(std::string_view name);

}  // namespace millrace::expr_internal
