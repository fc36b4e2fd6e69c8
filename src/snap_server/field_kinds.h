#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "snap_server/json_value.h"

namespace millrace::snap {

/// What a field of an event may be, as a set of bits.
enum FieldKind : unsigned {
  kOwnRule = 0,  ///< is not looked at here
  kText = 1,
  kTexts = 2,      ///< a list of texts
  kNumber = 4,     ///< also as text: Snap's own examples write "10"
  kWhole = 8,      ///< also as text
  kYesNo = 16,     ///< true, false, 0 or 1
  kObject = 32,    ///< of anything
  kObjects = 64,   ///< a list of them
  kHash = 128,     ///< SHA-256 in 64 lower-case hexadecimal digits, or a list of them
  kAddress = 256,  ///< of IP, version 4 or 6, as it is
};

struct Field {
  std::string_view name;
  unsigned kinds;
};

/// What is wrong with an event, and what Snap takes but may not use.
struct Findings {
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

/// Compares the members of `object`, which is called `place` ("user_data."), with `fields`. What is null
/// counts as missing.
void CheckFields(const json::object& object, std::span<const Field> fields, std::string_view place,
                 Findings* findings);

/// The member, unless it is missing, null or "".
const json::value* Given(const json::object& object, std::string_view name);

/// 64 lower-case hexadecimal digits.
bool IsSha256(std::string_view text);

/// A number, or a text that is one.
bool IsNumber(const json::value& value);

}  // namespace millrace::snap
