#pragma once

// For clang-tidy only. Clang 14 has no __builtin_source_location, without which libstdc++ leaves the class
// out.

#include <source_location>

namespace std {

struct source_location {
  static constexpr source_location current() noexcept { return {}; }
  constexpr const char* file_name() const noexcept { return ""; }
  constexpr const char* function_name() const noexcept { return ""; }
  constexpr unsigned line() const noexcept { return 0; }
  constexpr unsigned column() const noexcept { return 0; }
};

}  // namespace std
