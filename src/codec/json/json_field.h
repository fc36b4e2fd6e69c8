#pragma once

#include <cstdint>
#include <string>

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

namespace millrace::json {

/// How the values of a field are written where its type leaves a choice: "json", "rfc3339" or "".
inline std::string FormatOf(const arrow::Field& field) {
  return field.metadata() == nullptr ? "" : field.metadata()->Get("format").ValueOr("");
}

inline std::int64_t UnitsPerSecond(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1'000;
    case arrow::TimeUnit::MICRO:
      return 1'000'000;
    case arrow::TimeUnit::NANO:
      return 1'000'000'000;
  }
  return 1;
}

}  // namespace millrace::json
