#pragma once

#include <memory>
#include <span>
#include <string>

#include "codec/codec.h"

namespace millrace {

struct JsonDecoderOptions {
  /// Declared columns. Nullability "not null" is checked (R6); field metadata format=rfc3339 selects text
  /// timestamps.
  std::shared_ptr<arrow::Schema> schema;
  /// R5 `extra: keep`: unknown fields are collected as one JSON object into this string column (must be last
  /// in `schema`); empty: unknown fields are ignored.
  std::string extra_column{};
  /// Deepest nesting accepted anywhere in a record.
  int max_depth = 64;
};

/// JSON objects to columns by the rules R2, R3, R5, R6. Types: everything ParseField can declare; nested
/// objects become structs, arrays become lists; a column of type json keeps the raw text. Records are checked
/// in full (grammar, UTF-8, escapes), also where no column takes a field. What may stand where:
///   integers     a number without fraction and exponent that fits; not `1.0`, not a string
///   floats       any number, rounded to the nearest; beyond the type is an error
///   decimals     a number or a string of one; exact or an error
///   string       a string; also a number or boolean, as its text
///   binary       padded base64     date  "YYYY-MM-DD"     time  an integer in its unit
///   timestamp    an integer in its unit; with rfc3339 a string, digits finer than the unit are cut off
/// Errors: user error for a schema type JSON cannot fill.
Result<std::unique_ptr<Decoder>> MakeJsonDecoder(JsonDecoderOptions options);

/// Columns to JSON objects: columns in schema order, null written as null, timestamps as integers in their
/// unit (text when format=rfc3339), decimals as strings, doubles in the shortest form that reads back
/// exactly, NaN and infinity as null, binary as base64.
Result<std::unique_ptr<Encoder>> MakeJsonEncoder(const std::shared_ptr<arrow::Schema>& schema);

/// The same without the fields that are null, in nested objects too; an object inside that has no field left
/// is left out itself. Lists keep their nulls.
Result<std::unique_ptr<Encoder>> MakeSparseJsonEncoder(const std::shared_ptr<arrow::Schema>& schema);

struct JsonInferenceOptions {
  std::int64_t max_rows = 10'000;
};

/// The schema of the values sampled (R7): int64 < double < string widening, objects to structs, arrays to
/// lists; a field always null is a string, as are booleans mixed with numbers and integers beyond int64. What
/// only a json column takes becomes one: objects mixed with anything else, empty ones, and those with more
/// than 1000 different keys. Fields in order of first appearance. Values that are no JSON objects are
/// skipped. Errors: user error when no value is a JSON object.
Result<std::shared_ptr<arrow::Schema>> InferJsonSchema(std::span<const BytesView> values,
                                                       JsonInferenceOptions options);

}  // namespace millrace
