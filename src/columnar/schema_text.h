#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace millrace {

/// Reads a type as users write it in YAML and casts:
///   bool int8..int64 uint8..uint64 float32 float64 (double) string binary date time[ms]
///   timestamp[s|ms|us|ns] timestamp[ms, rfc3339] timestamp[ms, UTC] decimal(p, s)
///   list<T>  struct<a: T, b: T>  map<string, T>  json (string holding JSON text), and a trailing " not
///   null".
/// `rfc3339` is kept as field metadata {"format": "rfc3339"}. Returned as a field so that nullability and
/// metadata travel. Errors: user error with the text, the position and a "did you mean".
Result<std::shared_ptr<arrow::Field>> ParseField(std::string_view name, std::string_view type_text);
/// ParseField without a name, for casts; "not null" is refused.
Result<std::shared_ptr<arrow::DataType>> ParseType(std::string_view type_text);

/// The text that ParseField reads back to the same field ("timestamp[ms]", "double" is written "float64").
std::string TypeText(const arrow::DataType& type);
std::string FieldText(const arrow::Field& field);
/// "{ts: timestamp[ms], auction: int64}".
std::string SchemaText(const arrow::Schema& schema);

}  // namespace millrace
