#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/types.h"

namespace millrace {

namespace expr_internal {
struct Node;
}

/// A value computed per row: `col("price") * 1.2 > 50 && col("symbol").In({"A", "B"})`.
///
/// Knows no columns or types yet; mistakes are reported when the pipeline starts, with the place where the
/// expression was used. Immutable, cheap to copy, thread-safe. Numbers, texts and truth values convert by
/// themselves; `==` and
/// `&&` make expressions and compare nothing. Meaning as in SQL: null in, null out; `/` of integers is an
/// integer.
class Expression {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  /// A constant.
  template <std::integral T>
  requires(!std::same_as<T, bool> && !std::same_as<T, char>) Expression(T value)
      : Expression(FromInteger(value)) {}
  Expression(double value);
  Expression(std::same_as<bool> auto value) : Expression(FromBool(value)) {}
  Expression(std::string_view value);
  Expression(const std::string& value) : Expression(std::string_view(value)) {}
  Expression(const char* value) : Expression(std::string_view(value)) {}
  // NOLINTEND(google-explicit-constructor)

  /// A field of a struct column.
  Expression Field(std::string_view name) const;
  /// Fails for a row whose value does not fit (overflow, text that is no number).
  Expression Cast(const DataType& type) const;
  Expression IsNull() const;
  Expression IsNotNull() const;
  /// Both ends included.
  Expression Between(const Expression& low, const Expression& high) const;
  Expression In(std::initializer_list<Expression> values) const {
    return In(std::vector<Expression>(values));
  }
  Expression In(const std::vector<Expression>& values) const;
  /// SQL pattern: % for any text, _ for one character.
  Expression Like(std::string_view pattern) const;

  /// SQL text of the expression, or what is wrong with it.
  std::string ToString() const;

 private:
  friend struct api_internal::Access;
  Expression() = default;
  static Expression FromInteger(std::int64_t value);
  static Expression FromBool(bool value);
  template <std::integral T>
  static Expression FromInteger(T value) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(std::int64_t)) {
      return FromUnsigned(value);
    } else {
      return FromInteger(static_cast<std::int64_t>(value));
    }
  }
  static Expression FromUnsigned(std::uint64_t value);

  std::shared_ptr<const expr_internal::Node> node_;  // null when error_ says why
  std::string error_;
};

/// A column of the stream. No dots: a field of a struct is `col("user").Field("id")`.
Expression col(std::string_view name);
/// A constant where the conversion does not happen by itself: `lit(1) / col("x")` needs none, `lit(2) *
/// lit(3)` does.
inline Expression lit(Expression value) { return value; }
/// The null value.
Expression null();
/// SQL expression text: `sql("case when price > 50 then 'high' else 'low' end")`.
Expression sql(std::string_view text);
/// A function by its name in the function reference: `call("upper", {col("name")})`.
Expression call(std::string_view function, const std::vector<Expression>& arguments);
/// The first argument that is not null.
Expression coalesce(std::initializer_list<Expression> arguments);

/// Integers stay integers and fail on overflow (R5).
Expression operator+(const Expression& left, const Expression& right);
Expression operator-(const Expression& left, const Expression& right);
Expression operator*(const Expression& left, const Expression& right);
/// Between integers: the integer part; a row with divisor 0 is an error (R3).
Expression operator/(const Expression& left, const Expression& right);
Expression operator%(const Expression& left, const Expression& right);
Expression operator==(const Expression& left, const Expression& right);
Expression operator!=(const Expression& left, const Expression& right);
Expression operator<(const Expression& left, const Expression& right);
Expression operator<=(const Expression& left, const Expression& right);
Expression operator>(const Expression& left, const Expression& right);
Expression operator>=(const Expression& left, const Expression& right);
/// SQL `and`, `or`, `not`: both sides are evaluated, null is "unknown".
Expression operator&&(const Expression& left, const Expression& right);
Expression operator||(const Expression& left, const Expression& right);
Expression operator!(const Expression& operand);
Expression operator-(const Expression& operand);

/// A column with its name: `{"revenue", col("price") * 1.2}`, or just `"price"` for a column as it is.
struct NamedExpression {
  // NOLINTBEGIN(google-explicit-constructor)
  /// A column as it is.
  NamedExpression(const char* column) : name(column), value(col(column)) {}
  NamedExpression(const std::string& column) : name(column), value(col(column)) {}
  // NOLINTEND(google-explicit-constructor)
  NamedExpression(std::string column_name, Expression expression)
      : name(std::move(column_name)), value(std::move(expression)) {}

  /// Of the resulting column.
  std::string name;
  /// What it holds.
  Expression value;
};

}  // namespace millrace
