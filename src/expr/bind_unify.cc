#include <cstdint>
#include <limits>
#include <utility>

#include <arrow/api.h>

#include "expr/bind.h"
#include "expr/cast.h"
#include "expr/lexer.h"

namespace millrace::expr_internal {
namespace {

constexpr std::size_t kMostTextBytes = 500;

bool IsTextConstant(const BoundNode& node) { return node.constant() != nullptr && IsString(*node.type()); }

/// The value of a constant int64, if it is one.
const std::int64_t* IntegerConstant(const std::shared_ptr<arrow::Scalar>& scalar) {
  if (scalar == nullptr || !scalar->is_valid || scalar->type->id() != arrow::Type::INT64) return nullptr;
  return &static_cast<const arrow::Int64Scalar&>(*scalar).value;
}

bool Fits(std::int64_t value, const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::INT8:
      return std::in_range<std::int8_t>(value);
    case arrow::Type::INT16:
      return std::in_range<std::int16_t>(value);
    case arrow::Type::INT32:
      return std::in_range<std::int32_t>(value);
    case arrow::Type::INT64:
      return true;
    case arrow::Type::UINT8:
      return std::in_range<std::uint8_t>(value);
    case arrow::Type::UINT16:
      return std::in_range<std::uint16_t>(value);
    case arrow::Type::UINT32:
      return std::in_range<std::uint32_t>(value);
    case arrow::Type::UINT64:
      return value >= 0;
    default:
      return false;
  }
}

/// Decimal type that just holds an integer, so that constants do not widen decimals more than they must.
TypePtr DecimalFor(std::int64_t value) {
  std::int32_t digits = 1;
  for (; value >= 10 || value <= -10; value /= 10) ++digits;
  return arrow::decimal128(digits, 0);
}

}  // namespace

Result<BoundNodePtr> Binder::Convert(BoundNodePtr node, const TypePtr& type, const Expr& expr,
                                     std::string_view error_class) {
  if (node->type()->Equals(*type)) return node;
  CastRequest request;
  request.target = type;
  request.error_class = error_class;
  request.text = TextOf(expr);
  request.position = expr.node().position;
  return MakeCastNode(std::move(node), std::move(request));
}

const std::string& Binder::TextOf(const Expr& expr) {
  if (text_of_.empty() || &text_of_.node() != &expr.node()) {
    text_of_ = expr;
    text_ = expr.ToString();
    if (text_.size() > kMostTextBytes) {
      // Not in the middle of a character.
      std::size_t end = kMostTextBytes;
      while ((static_cast<unsigned char>(text_[end]) & 0xC0U) == 0x80U) --end;
      text_.replace(end, std::string::npos, "...");
    }
  }
  return text_;
}

Result<BoundNodePtr> Binder::ToBool(BoundNodePtr node, const Expr& expr, std::string_view what) {
  MR_ASSIGN_OR_RETURN(node, MakePlain(std::move(node), false, expr.node().position));
  if (node->type()->id() == arrow::Type::NA) return Convert(std::move(node), arrow::boolean(), expr);
  if (node->type()->id() == arrow::Type::BOOL) return node;
  return ErrorAt(expr.node().position, std::string(what) + " must be bool, but '" + expr.ToString() +
                                           "' is " + TypeName(*node->type()));
}

Status Binder::Unify(const Expr& expr, Purpose purpose, std::string_view what, Nodes* nodes) {
  TypePtr common = arrow::null();
  bool any_temporal = false;
  for (BoundNodePtr& node : *nodes) {
    MR_ASSIGN_OR_RETURN(node, MakePlain(std::move(node), false, expr.node().position));
    any_temporal = any_temporal || IsTemporal(*node->type());
  }
  // Columns decide first; a constant then takes their type when it can.
  for (const bool constants : {false, true}) {
    for (const BoundNodePtr& node : *nodes) {
      const auto constant = node->constant();
      if ((constant != nullptr) != constants) continue;
      if (any_temporal && IsTextConstant(*node)) continue;
      const std::int64_t* integer = IntegerConstant(constant);
      if (integer != nullptr && IsInteger(*common) && Fits(*integer, *common)) continue;
      TypePtr wider = CommonType(common, node->type(), purpose);
      if (wider == nullptr) {
        return ErrorAt(expr.node().position, "cannot " + std::string(what) + " in '" + expr.ToString() +
                                                 "': " + TypeName(*common) + " and " +
                                                 TypeName(*node->type()) + " have no common type; use cast");
      }
      common = std::move(wider);
    }
  }
  for (BoundNodePtr& node : *nodes) {
    const bool text = IsTextConstant(*node) && IsTemporal(*common);
    MR_ASSIGN_OR_RETURN(node, Convert(std::move(node), common, expr));
    if (text && node->constant() == nullptr) {
      return ErrorAt(expr.node().position, "'" + expr.ToString() + "': the string is no " +
                                               TypeName(*common) + "; write it like '2024-01-31T12:00:00Z'");
    }
  }
  return Status::Ok();
}

Status Binder::UnifyNumbers(const Expr& expr, Nodes* nodes) {
  TypePtr common;
  for (BoundNodePtr& node : *nodes) {
    MR_ASSIGN_OR_RETURN(node, MakePlain(std::move(node), false, expr.node().position));
    if (node->type()->id() == arrow::Type::NA) {
      MR_ASSIGN_OR_RETURN(node, Convert(std::move(node), arrow::int64(), expr));
    }
  }
  for (const BoundNodePtr& node : *nodes) {
    const auto constant = node->constant();
    const std::int64_t* integer = IntegerConstant(constant);
    TypePtr own = node->type();
    bool any_decimal = false;
    bool any_uint64 = false;
    for (const BoundNodePtr& other : *nodes) {
      any_decimal = any_decimal || IsDecimal(*other->type());
      any_uint64 = any_uint64 || other->type()->id() == arrow::Type::UINT64;
    }
    if (integer != nullptr && any_decimal) own = DecimalFor(*integer);
    if (integer != nullptr && any_uint64 && *integer >= 0) own = arrow::uint64();
    TypePtr wider = ArithmeticType(common == nullptr ? own : common, own);
    if (wider == nullptr) {
      const bool text = IsString(*own);
      return ErrorAt(expr.node().position, "'" + expr.ToString() + "' needs numbers, but there is " +
                                               TypeName(*own) +
                                               (text ? "; || joins strings, cast reads numbers" : ""));
    }
    common = std::move(wider);
  }
  for (BoundNodePtr& node : *nodes) {
    // Decimals keep their own precision: the kernels know how much each operation widens them.
    if (IsDecimal(*common) && IsDecimal(*node->type())) continue;
    TypePtr target = common;
    if (IsDecimal(*common)) {
      const auto constant = node->constant();
      const std::int64_t* integer = IntegerConstant(constant);
      const bool wide = node->type()->id() == arrow::Type::UINT64;
      target = integer != nullptr ? DecimalFor(*integer) : arrow::decimal128(wide ? 20 : 19, 0);
    }
    MR_ASSIGN_OR_RETURN(node, Convert(std::move(node), target, expr));
  }
  return Status::Ok();
}

}  // namespace millrace::expr_internal
