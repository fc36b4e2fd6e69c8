#pragma once

#include <string>

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

namespace millrace::json {

/// How the values of a field are written where its type leaves a choice: "json", "rfc3339" or "".
inline std::string FormatOf(const arrow::Field& field) {
  return field.metadata() == nullptr ? "" : field.metadata()->Get("format").ValueOr("");
}

}  // namespace millrace::json
