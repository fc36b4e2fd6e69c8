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
/// objects become structs, arrays become lists; a column of type json keeps the raw text. Errors: user error
/// for a schema type JSON cannot fill.
Result<std::unique_ptr<Decoder>> MakeJsonDecoder(JsonDecoderOptions options);

/// Columns to JSON objects: columns in schema order, null written as null, timestamps as integers in their
/// unit (text when format=rfc3339), decimals as strings, doubles in the shortest form that reads back
/// exactly, NaN and infinity as null, binary as base64.
Result<std::unique_ptr<Encoder>> MakeJsonEncoder(const std::shared_ptr<arrow::Schema>& schema);

struct JsonInferenceOptions {
  std::int64_t max_rows = 10'000;
};

/// The schema of the values sampled (R7): int64 < double < string widening, objects to structs, arrays to
/// lists; a field always null is a string. Fields in order of first appearance. Values that are no JSON
/// objects are skipped. Errors: user error when no value is a JSON object.
Result<std::shared_ptr<arrow::Schema>> InferJsonSchema(std::span<const BytesView> values,
                                                       JsonInferenceOptions options);

}  // namespace millrace
