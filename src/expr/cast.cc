#include "expr/cast.h"

#include <memory>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "expr/function_node.h"
#include "expr/lexer.h"
#include "expr/text_cast.h"

namespace millrace::expr_internal {
namespace {

using arrow::Datum;
using arrow::Type;

arrow::Result<Datum> ArrowCast(const Datum& value, const TypePtr& target) {
  arrow::compute::CastOptions options = arrow::compute::CastOptions::Safe(target);
  const TypePtr& from = value.type();
  // Integers meet doubles by rounding to the nearest; the other way every lost digit is an error.
  options.allow_float_truncate = IsInteger(*from);
  options.allow_time_truncate = true;
  return arrow::compute::Cast(value, options);
}

TypePtr WithoutZone(const arrow::DataType& type) {
  return arrow::timestamp(static_cast<const arrow::TimestampType&>(type).unit());
}

/// The same numbers under another type of the same layout.
arrow::Result<Datum> Relabel(const Datum& value, const TypePtr& target) {
  if (value.is_scalar()) {
    ARROW_ASSIGN_OR_RAISE(auto one, arrow::MakeArrayFromScalar(*value.scalar(), 1));
    ARROW_ASSIGN_OR_RAISE(auto viewed, one->View(target));
    ARROW_ASSIGN_OR_RAISE(auto scalar, viewed->GetScalar(0));
    return Datum(scalar);
  }
  ARROW_ASSIGN_OR_RAISE(auto viewed, value.make_array()->View(target));
  return Datum(viewed);
}

/// Timestamps count from the epoch in UTC whatever their zone, so a change of zone changes no number.
arrow::Result<Datum> CastTimestamp(const Datum& value, const TypePtr& target) {
  ARROW_ASSIGN_OR_RAISE(const Datum bare, Relabel(value, WithoutZone(*value.type())));
  ARROW_ASSIGN_OR_RAISE(const Datum scaled, ArrowCast(bare, WithoutZone(*target)));
  return Relabel(scaled, target);
}

arrow::Result<Datum> TimestampToText(const Datum& value) {
  if (!IsUtc(*value.type())) return ArrowCast(value, arrow::utf8());
  ARROW_ASSIGN_OR_RAISE(const Datum bare, Relabel(value, WithoutZone(*value.type())));
  ARROW_ASSIGN_OR_RAISE(const Datum text, ArrowCast(bare, arrow::utf8()));
  return arrow::compute::CallFunction("binary_join_element_wise", {text, Datum("Z"), Datum("")});
}

/// Arrow refuses decimals too small for the widest integer even where the values fit; so through a wide one.
arrow::Result<Datum> IntegerToDecimal(const Datum& value, const TypePtr& target) {
  const std::int32_t scale = static_cast<const arrow::DecimalType&>(*target).scale();
  constexpr std::int32_t kDigits = 20;
  const bool small = kDigits + scale <= arrow::Decimal128Type::kMaxPrecision;
  ARROW_ASSIGN_OR_RAISE(const Datum wide,
                        ArrowCast(value, small ? arrow::decimal128(kDigits + scale, scale)
                                               : arrow::decimal256(kDigits + scale, scale)));
  return ArrowCast(wide, target);
}

/// The date in UTC.
arrow::Result<Datum> TimestampToDate(const Datum& value, const TypePtr& target) {
  ARROW_ASSIGN_OR_RAISE(const Datum bare, Relabel(value, WithoutZone(*value.type())));
  return ArrowCast(bare, target);
}

arrow::Result<Datum> CastKernel(const KernelCall& call, const TypePtr& target) {
  const Datum& value = call.arguments[0];
  const arrow::DataType& from = *value.type();
  if (from.id() == Type::NA) {
    ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(target, call.num_rows));
    return Datum(nulls);
  }
  if (from.id() == Type::STRING && ReadsText(*target)) return CastText(call, target);
  if (IsInteger(from) && IsDecimal(*target)) return IntegerToDecimal(value, target);
  if (from.id() == Type::TIMESTAMP) {
    if (target->id() == Type::TIMESTAMP) return CastTimestamp(value, target);
    if (target->id() == Type::STRING) return TimestampToText(value);
    if (target->id() == Type::DATE32 && IsUtc(from)) return TimestampToDate(value, target);
  }
  if (target->id() == Type::TIMESTAMP && !WithoutZone(*target)->Equals(*target)) {
    ARROW_ASSIGN_OR_RAISE(const Datum bare, ArrowCast(value, WithoutZone(*target)));
    return Relabel(bare, target);
  }
  return ArrowCast(value, target);
}

}  // namespace

Result<BoundNodePtr> MakeCastNode(BoundNodePtr node, CastRequest request) {
  const TypePtr from = node->type();
  if (from->Equals(*request.target)) return node;
  const TypePtr plain = Plain(from);
  if (!plain->Equals(*from) && !plain->Equals(*request.target)) {
    MR_ASSIGN_OR_RETURN(node, MakePlain(std::move(node), false, request.position));
  }
  FunctionCall call;
  call.kernel = [target = request.target](const KernelCall& arguments) {
    return CastKernel(arguments, target);
  };
  call.can_fail = !request.null_on_error && CastCanFail(*node->type(), *request.target);
  call.error_class = request.error_class;
  call.null_on_error = request.null_on_error;
  call.text = request.text;
  call.position = request.position;
  call.arguments = {std::move(node)};
  auto made = MakeFunctionNode(std::move(call));
  if (made.ok() || from->id() == Type::NA) return made;
  return ErrorAt(request.position, request.text + ": there is no conversion from " + TypeName(*from) +
                                       " to " + TypeName(*request.target));
}

Result<BoundNodePtr> MakePlain(BoundNodePtr node, bool strip_utc, int position) {
  TypePtr target = Plain(node->type());
  if (strip_utc && IsUtc(*target)) target = WithoutZone(*target);
  if (target->Equals(*node->type())) return node;
  CastRequest request;
  request.target = std::move(target);
  request.position = position;
  const TypePtr plain = Plain(node->type());
  if (!plain->Equals(*node->type()) && !plain->Equals(*request.target)) {
    MR_ASSIGN_OR_RETURN(node, MakePlain(std::move(node), false, position));
  }
  FunctionCall call;
  call.kernel = [to = request.target](const KernelCall& arguments) { return CastKernel(arguments, to); };
  call.error_class = "cast";
  call.position = position;
  call.arguments = {std::move(node)};
  return MakeFunctionNode(std::move(call));
}

}  // namespace millrace::expr_internal
