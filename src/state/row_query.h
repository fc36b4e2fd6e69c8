#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

/// Which rows of a table to show.
struct RowQuery {
  std::optional<std::int64_t> slice{};  ///< nullopt: of all slices
  std::string key{};                    ///< what a row's key is compared with
  bool whole_key = false;               ///< false: rows whose key begins with `key`
  std::size_t skip = 0;                 ///< bytes of a row's key before those that are compared
  std::int64_t limit = 1'000;

  bool Matches(std::string_view row_key) const {
    if (row_key.size() < skip) return false;
    row_key.remove_prefix(skip);
    return whole_key ? row_key == key : row_key.starts_with(key);
  }
};

/// Shows one row as it goes to a changelog. Views are valid during the call.
using RowBytesVisitor = std::function<Status(std::int64_t slice, std::string_view key, std::string_view row)>;

}  // namespace millrace
