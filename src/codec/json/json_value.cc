#include <algorithm>
#include <cstring>

#include <arrow/util/decimal.h>

#include "codec/json/base64.h"
#include "codec/json/json_number.h"
#include "codec/json/json_parser.h"
#include "codec/json/json_time.h"

// The part of Parser that reads scalars of every type in full generality.

namespace millrace::json {
namespace {

void PutInteger(Column& column, std::int64_t value) {
  std::memcpy(column.values + column.length * column.width, &value, static_cast<std::size_t>(column.width));
  ++column.length;
}

void PutTextEnd(Column& column, std::int64_t size) {
  column.text_size += size;
  column.As<std::int32_t>()[column.length + 1] = static_cast<std::int32_t>(column.text_size);
  ++column.length;
}

bool StartsNumber(char c) { return c == '-' || (c >= '0' && c <= '9'); }

}  // namespace

const char* Parser::Integer(Column& column, const char* p) {
  std::int64_t value = 0;
  const char* after = ReadInt64(p, &value);
  if (after == nullptr) {
    bool integer = false;
    const char* number = ScanNumber(p, end_, &integer);
    return number != nullptr && integer ? OutOfRange(column, p) : Mismatch(column, p);
  }
  if (value < column.int_min || value > column.int_max) return OutOfRange(column, p);
  PutInteger(column, value);
  return after;
}

const char* Parser::Unsigned(Column& column, const char* p) {
  bool integer = false;
  const char* after = ScanNumber(p, end_, &integer);
  if (after == nullptr || !integer) return Mismatch(column, p);
  std::uint64_t value = 0;
  const bool minus_zero = after - p == 2 && p[0] == '-' && p[1] == '0';
  if (!minus_zero && std::from_chars(p, after, value).ec != std::errc()) return OutOfRange(column, p);
  column.As<std::uint64_t>()[column.length++] = value;
  return after;
}

const char* Parser::Float(Column& column, const char* p) {
  bool integer = false;
  const char* after = ScanNumber(p, end_, &integer);
  if (after == nullptr) return Mismatch(column, p);
  const bool fits = column.kind == Kind::kFloat64 ? ReadFloat(p, after, column.As<double>() + column.length)
                                                  : ReadFloat(p, after, column.As<float>() + column.length);
  if (!fits) return OutOfRange(column, p);
  ++column.length;
  return after;
}

const char* Parser::Bool(Column& column, const char* p) {
  const bool is_true = std::memcmp(p, "true", 4) == 0;
  if (!is_true && std::memcmp(p, "false", 5) != 0) return Mismatch(column, p);
  const auto bit = static_cast<std::uint8_t>(1U << (column.length & 7));
  std::uint8_t& byte = column.values[column.length >> 3];
  byte = static_cast<std::uint8_t>(is_true ? byte | bit : byte & ~bit);
  ++column.length;
  return p + (is_true ? 4 : 5);
}

/// R7: a field seen with numbers and strings is a string column, so that numbers and booleans must fit it: as
/// their text.
const char* Parser::String(Column& column, const char* p) {
  if (*p != '"') {
    if (!StartsNumber(*p) && *p != 't' && *p != 'f') return Mismatch(column, p);
    const char* after = Skip(p, 0);
    return after == nullptr ? nullptr : RawText(column, p, after);
  }
  const RawString raw = ScanString(p + 1, end_);
  if (raw.close == nullptr) return StringFailure(p, raw.fault);
  const std::string_view text = raw.view();
  if (!raw.escaped) {
    RawText(column, p + 1, raw.close);
    return raw.close + 1;
  }
  StringFault fault = StringFault::kNone;
  char* to = reinterpret_cast<char*>(column.TextRoom(static_cast<std::int64_t>(text.size())));
  const std::int64_t size = Unescape(text, to, &fault);
  if (fault != StringFault::kNone) return StringFailure(p, fault);
  PutTextEnd(column, size);
  return raw.close + 1;
}

/// Keeps the bytes [p, after) as they are. Returns `after`.
const char* Parser::RawText(Column& column, const char* p, const char* after) {
  const std::int64_t size = after - p;
  std::memcpy(column.TextRoom(size), p, static_cast<std::size_t>(size));
  PutTextEnd(column, size);
  return after;
}

const char* Parser::PlainText(Column& column, const char* p, std::string_view* text) {
  if (*p != '"') return Mismatch(column, p);
  const RawString raw = ScanString(p + 1, end_);
  if (raw.close == nullptr) return StringFailure(p, raw.fault);
  *text = raw.view();
  if (raw.escaped) {
    StringFault fault = StringFault::kNone;
    scratch_.resize(text->size());
    scratch_.resize(static_cast<std::size_t>(Unescape(*text, scratch_.data(), &fault)));
    if (fault != StringFault::kNone) return StringFailure(p, fault);
    *text = scratch_;
  }
  return raw.close + 1;
}

const char* Parser::Binary(Column& column, const char* p) {
  std::string_view text;
  const char* after = PlainText(column, p, &text);
  if (after == nullptr) return nullptr;
  const std::int64_t size = ReadBase64(text, column.TextRoom(static_cast<std::int64_t>(text.size())));
  if (size < 0) return Fail(&column, "decode", "expected base64 text (RFC 4648, padded)");
  PutTextEnd(column, size);
  return after;
}

const char* Parser::Temporal(Column& column, const char* p) {
  std::string_view text;
  const char* after = PlainText(column, p, &text);
  if (after == nullptr) return nullptr;
  std::int32_t days = 0;
  std::int64_t units = 0;
  if (column.kind == Kind::kDate) {
    if (!ParseDate(text, &days)) return Mismatch(column, p);
    PutInteger(column, days);
  } else {
    if (!ParseRfc3339(text, column.units_per_second, &units)) return Mismatch(column, p);
    PutInteger(column, units);
  }
  return after;
}

const char* Parser::Decimal(Column& column, const char* p) {
  std::string_view text;
  const char* after = nullptr;
  if (*p == '"') {
    after = PlainText(column, p, &text);
    if (after == nullptr) return nullptr;
  } else {
    bool integer = false;
    after = ScanNumber(p, end_, &integer);
    if (after == nullptr) return Mismatch(column, p);
    text = {p, static_cast<std::size_t>(after - p)};
  }
  DecimalDigits digits;
  switch (ReadDecimal(text.data(), text.data() + text.size(), column.precision, column.scale, &digits)) {
    case DecimalFit::kOk:
      break;
    case DecimalFit::kNotANumber:
      return Mismatch(column, p);
    case DecimalFit::kTooLarge:
      return OutOfRange(column, p);
    case DecimalFit::kTooManyDecimals:
      return Fail(
          &column, "decode",
          "a number with more than " + std::to_string(column.scale) + " decimals for " + column.type_text);
  }
  std::uint8_t* to = column.values + column.length * column.width;
  if (column.width == 16) {
    __int128 value = 0;
    for (int i = 0; i < digits.count; ++i) value = value * 10 + (digits.digits[i] - '0');
    if (digits.negative) value = -value;
    std::memcpy(to, &value, 16);
  } else {
    arrow::Decimal256 value;
    for (int i = 0; i < digits.count; ++i)
      value = value * arrow::Decimal256(10) + arrow::Decimal256(digits.digits[i] - '0');
    if (digits.negative) value = -value;
    value.ToBytes(to);
  }
  ++column.length;
  return after;
}

}  // namespace millrace::json
