#include "millrace/expression.h"

#include "api/access.h"
#include "expr/builder.h"

namespace millrace {

using api_internal::Access;

namespace {

/// `make` over the arguments, or the first argument's error.
template <typename Make>
Expression Combine(const std::vector<const Expression*>& arguments, Make&& make) {
  std::vector<Expr> parts;
  parts.reserve(arguments.size());
  for (const Expression* argument : arguments) {
    if (!Access::ErrorOf(*argument).empty()) return *argument;
    parts.push_back(Access::Get(*argument));
  }
  return Access::Make(make(std::move(parts)));
}

Expression Two(std::string_view op, const Expression& left, const Expression& right) {
  return Combine({&left, &right}, [&](std::vector<Expr> parts) { return Binary(op, parts[0], parts[1]); });
}

Expression One(std::string_view op, const Expression& operand) {
  return Combine({&operand}, [&](std::vector<Expr> parts) { return Unary(op, parts[0]); });
}

}  // namespace

Expression Access::Make(Expr expr) {
  Expression made;
  made.node_ = expr.ptr();
  return made;
}

Expression Access::MakeError(std::string error) {
  Expression made;
  made.error_ = std::move(error);
  return made;
}

Expression::Expression(double value) : node_(Lit(value).ptr()) {}
Expression::Expression(std::string_view value) : node_(Lit(value).ptr()) {}
Expression Expression::FromInteger(std::int64_t value) { return Access::Make(Lit(value)); }
Expression Expression::FromBool(bool value) { return Access::Make(Lit(value)); }

Expression Expression::FromUnsigned(std::uint64_t value) {
  if (value <= static_cast<std::uint64_t>(INT64_MAX)) return FromInteger(static_cast<std::int64_t>(value));
  return Access::MakeError("the constant " + std::to_string(value) + " is too large for int64");
}

Expression Expression::Field(std::string_view name) const {
  return Combine({this}, [&](std::vector<Expr> parts) { return millrace::Field(parts[0], name); });
}

Expression Expression::Cast(const DataType& type) const {
  return Combine({this}, [&](std::vector<Expr> parts) { return CastTo(parts[0], type.text()); });
}

Expression Expression::IsNull() const { return One("is null", *this); }
Expression Expression::IsNotNull() const { return One("is not null", *this); }

Expression Expression::Between(const Expression& low, const Expression& high) const {
  return *this >= low && *this <= high;
}

Expression Expression::In(const std::vector<Expression>& values) const {
  if (values.empty()) return Access::MakeError("In() needs at least one value");
  std::vector<const Expression*> arguments = {this};
  for (const Expression& value : values) arguments.push_back(&value);
  return Combine(arguments, [](std::vector<Expr> parts) { return Call("in", std::move(parts)); });
}

Expression Expression::Like(std::string_view pattern) const {
  return Combine({this}, [&](std::vector<Expr> parts) { return Call("like", {parts[0], Lit(pattern)}); });
}

std::string Expression::ToString() const { return error_.empty() ? Expr(node_).ToString() : error_; }

Expression col(std::string_view name) { return Access::Make(Col(name)); }
Expression null() { return Access::Make(NullLit()); }

Expression sql(std::string_view text) {
  auto parsed = ParseExpr(text);
  if (!parsed.ok())
    return Access::MakeError("sql(\"" + std::string(text) + "\"): " + parsed.status().message());
  return Access::Make(*std::move(parsed));
}

Expression call(std::string_view function, const std::vector<Expression>& arguments) {
  std::vector<const Expression*> pointers;
  pointers.reserve(arguments.size());
  for (const Expression& argument : arguments) pointers.push_back(&argument);
  return Combine(pointers, [&](std::vector<Expr> parts) { return Call(function, std::move(parts)); });
}

Expression coalesce(std::initializer_list<Expression> arguments) {
  return call("coalesce", std::vector<Expression>(arguments));
}

Expression operator+(const Expression& left, const Expression& right) { return Two("+", left, right); }
Expression operator-(const Expression& left, const Expression& right) { return Two("-", left, right); }
Expression operator*(const Expression& left, const Expression& right) { return Two("*", left, right); }
Expression operator/(const Expression& left, const Expression& right) { return Two("/", left, right); }
Expression operator%(const Expression& left, const Expression& right) { return Two("%", left, right); }
Expression operator==(const Expression& left, const Expression& right) { return Two("=", left, right); }
Expression operator!=(const Expression& left, const Expression& right) { return Two("<>", left, right); }
Expression operator<(const Expression& left, const Expression& right) { return Two("<", left, right); }
Expression operator<=(const Expression& left, const Expression& right) { return Two("<=", left, right); }
Expression operator>(const Expression& left, const Expression& right) { return Two(">", left, right); }
Expression operator>=(const Expression& left, const Expression& right) { return Two(">=", left, right); }
Expression operator&&(const Expression& left, const Expression& right) { return Two("and", left, right); }
Expression operator||(const Expression& left, const Expression& right) { return Two("or", left, right); }
Expression operator!(const Expression& operand) { return One("not", operand); }
Expression operator-(const Expression& operand) { return One("-", operand); }

}  // namespace millrace
