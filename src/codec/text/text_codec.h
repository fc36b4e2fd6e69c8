#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "codec/codec.h"

namespace millrace {

/// How a message key becomes a column or comes from columns.
enum class KeyFormat {
  kString,  ///< text or decimal digits; several columns: a JSON array
  kJson,    ///< the JSON text of the value; several columns: a JSON array
  kBytes,   ///< the bytes of a binary or string column
};

/// `string`, `json`, `bytes`. Errors: user error with the choices.
Result<KeyFormat> ParseKeyFormat(std::string_view text);

/// Encodes the message key of each row from one or several key columns. A row whose single key column is null
/// gets a null key; several columns write null inside the array. Errors: user error when a column's type has
/// no key form (list, struct, map, float).
Result<std::unique_ptr<Encoder>> MakeKeyEncoder(KeyFormat format,
                                                const std::shared_ptr<arrow::Schema>& key_columns);

/// Decodes message keys into one column named and typed by `field` (string, binary or an integer).
/// A key that does not read as that type is a RowError of class "decode".
Result<std::unique_ptr<Decoder>> MakeKeyDecoder(KeyFormat format, const std::shared_ptr<arrow::Field>& field);

/// Whole record values as one column `value`: format `string` (UTF-8 checked, R3) or `bytes`.
Result<std::unique_ptr<Decoder>> MakeStringDecoder(const std::shared_ptr<arrow::Field>& field);
/// One string or binary column as the value.
Result<std::unique_ptr<Encoder>> MakeStringEncoder(const std::shared_ptr<arrow::Schema>& schema);

}  // namespace millrace
