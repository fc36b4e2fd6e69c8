#include "expr/types.h"

#include <algorithm>
#include <cstdint>

#include <arrow/type.h>
#include <arrow/type_traits.h>

#include "columnar/schema_text.h"

namespace millrace::expr_internal {
namespace {

using arrow::Type;

bool IsUnsigned(const arrow::DataType& type) { return arrow::is_unsigned_integer(type.id()); }

TypePtr SignedOfWidth(int bits) {
  if (bits <= 8) return arrow::int8();
  if (bits <= 16) return arrow::int16();
  return bits <= 32 ? arrow::int32() : arrow::int64();
}

TypePtr CommonInteger(const TypePtr& left, const TypePtr& right, Purpose purpose) {
  if (IsUnsigned(*left) == IsUnsigned(*right)) return left->bit_width() >= right->bit_width() ? left : right;
  const TypePtr& plain = IsUnsigned(*left) ? right : left;
  const TypePtr& positive = IsUnsigned(*left) ? left : right;
  if (positive->id() == Type::UINT64)
    return purpose == Purpose::kCompare ? arrow::decimal128(20, 0) : arrow::int64();
  return SignedOfWidth(std::max(positive->bit_width() * 2, plain->bit_width()));
}

/// Decimal digits that hold every value of an integer type.
std::int32_t DigitsOf(const arrow::DataType& type) {
  switch (type.bit_width()) {
    case 8:
      return 3;
    case 16:
      return 5;
    case 32:
      return 10;
    default:
      return IsUnsigned(type) ? 20 : 19;
  }
}

TypePtr DecimalOf(std::int32_t precision, std::int32_t scale) {
  if (precision > arrow::Decimal256Type::kMaxPrecision) return nullptr;
  if (precision > arrow::Decimal128Type::kMaxPrecision) return arrow::decimal256(precision, scale);
  return arrow::decimal128(precision, scale);
}

TypePtr CommonDecimal(const arrow::DataType& left, const arrow::DataType& right) {
  std::int32_t whole = 0;
  std::int32_t scale = 0;
  for (const arrow::DataType* type : {&left, &right}) {
    if (IsDecimal(*type)) {
      const auto& decimal = static_cast<const arrow::DecimalType&>(*type);
      whole = std::max(whole, decimal.precision() - decimal.scale());
      scale = std::max(scale, decimal.scale());
    } else {
      whole = std::max(whole, DigitsOf(*type));
    }
  }
  return DecimalOf(whole + scale, scale);
}

TypePtr CommonNumber(const TypePtr& left, const TypePtr& right, Purpose purpose) {
  if (IsFloat(*left) || IsFloat(*right)) return arrow::float64();
  if (IsDecimal(*left) || IsDecimal(*right)) return CommonDecimal(*left, *right);
  return CommonInteger(left, right, purpose);
}

TypePtr CommonTemporal(const TypePtr& left, const TypePtr& right) {
  if (left->id() != Type::TIMESTAMP) return right;
  if (right->id() != Type::TIMESTAMP) return left;
  const auto& a = static_cast<const arrow::TimestampType&>(*left);
  const auto& b = static_cast<const arrow::TimestampType&>(*right);
  return arrow::timestamp(std::max(a.unit(), b.unit()), a.timezone().empty() ? b.timezone() : a.timezone());
}

TypePtr CommonList(const arrow::DataType& left, const arrow::DataType& right, Purpose purpose) {
  TypePtr item = CommonType(Plain(static_cast<const arrow::BaseListType&>(left).value_type()),
                            Plain(static_cast<const arrow::BaseListType&>(right).value_type()), purpose);
  return item == nullptr ? nullptr : arrow::list(item);
}

}  // namespace

std::string TypeName(const arrow::DataType& type) {
  if (type.id() == Type::NA) return "null";
  const std::string text = TypeText(type);
  return text.empty() ? type.ToString() : text;
}

bool IsInteger(const arrow::DataType& type) { return arrow::is_integer(type.id()); }

bool IsFloat(const arrow::DataType& type) { return type.id() == Type::FLOAT || type.id() == Type::DOUBLE; }

bool IsDecimal(const arrow::DataType& type) { return arrow::is_decimal(type.id()); }

bool IsNumeric(const arrow::DataType& type) { return IsInteger(type) || IsFloat(type) || IsDecimal(type); }

bool IsString(const arrow::DataType& type) {
  return type.id() == Type::STRING || type.id() == Type::LARGE_STRING || type.id() == Type::STRING_VIEW;
}

bool IsList(const arrow::DataType& type) {
  return type.id() == Type::LIST || type.id() == Type::LARGE_LIST || type.id() == Type::FIXED_SIZE_LIST;
}

bool IsTemporal(const arrow::DataType& type) {
  return type.id() == Type::TIMESTAMP || type.id() == Type::DATE32 || type.id() == Type::DATE64;
}

bool IsUtc(const arrow::DataType& type) {
  if (type.id() != Type::TIMESTAMP) return false;
  const std::string& zone = static_cast<const arrow::TimestampType&>(type).timezone();
  return zone == "UTC" || zone == "Etc/UTC" || zone == "Z" || zone == "+00:00" || zone == "GMT";
}

TypePtr Plain(const TypePtr& type) {
  switch (type->id()) {
    case Type::DICTIONARY:
      return Plain(static_cast<const arrow::DictionaryType&>(*type).value_type());
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
      return arrow::utf8();
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
      return arrow::binary();
    case Type::DATE64:
      return arrow::date32();
    case Type::HALF_FLOAT:
      return arrow::float32();
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
      return arrow::list(static_cast<const arrow::BaseListType&>(*type).value_type());
    default:
      return type;
  }
}

TypePtr CommonType(const TypePtr& left, const TypePtr& right, Purpose purpose) {
  if (left->Equals(*right)) return left;
  if (left->id() == Type::NA) return right;
  if (right->id() == Type::NA) return left;
  if (IsNumeric(*left) && IsNumeric(*right)) return CommonNumber(left, right, purpose);
  if (IsTemporal(*left) && IsTemporal(*right)) return CommonTemporal(left, right);
  if (IsList(*left) && IsList(*right)) return CommonList(*left, *right, purpose);
  return nullptr;
}

TypePtr ArithmeticType(const TypePtr& left, const TypePtr& right) {
  if (!IsNumeric(*left) || !IsNumeric(*right)) return nullptr;
  if (left->id() == Type::FLOAT && right->id() == Type::FLOAT) return left;
  if (IsFloat(*left) || IsFloat(*right)) return arrow::float64();
  if (IsDecimal(*left) || IsDecimal(*right)) return CommonDecimal(*left, *right);
  const bool any_uint64 = left->id() == Type::UINT64 || right->id() == Type::UINT64;
  return any_uint64 && IsUnsigned(*left) && IsUnsigned(*right) ? arrow::uint64() : arrow::int64();
}

bool CastCanFail(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.id() == Type::NA || from.Equals(to)) return false;
  if (from.id() == Type::DICTIONARY) {
    return CastCanFail(*static_cast<const arrow::DictionaryType&>(from).value_type(), to);
  }
  if (from.id() == Type::BOOL) return !IsNumeric(to) && !IsString(to);
  if (IsInteger(from) && IsInteger(to)) {
    const bool same_sign = IsUnsigned(from) == IsUnsigned(to);
    if (same_sign) return from.bit_width() > to.bit_width();
    return !(IsUnsigned(from) && from.bit_width() < to.bit_width());
  }
  if (IsNumeric(from) && (IsFloat(to) || IsString(to))) return false;
  if (IsInteger(from) && IsDecimal(to)) {
    const auto& decimal = static_cast<const arrow::DecimalType&>(to);
    return decimal.precision() - decimal.scale() < DigitsOf(from);
  }
  if (IsString(from) && IsString(to)) return false;
  return true;
}

}  // namespace millrace::expr_internal
