#pragma once

#include <cstdint>

#include <arrow/type_fwd.h>

namespace millrace {

/// Units of `unit` in one second.
constexpr std::int64_t UnitsPerSecond(arrow::TimeUnit::type unit) {
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

}  // namespace millrace
