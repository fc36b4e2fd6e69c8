#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

/// Name and value, in the order of the message.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// Whether two header names are the same: case does not count.
inline bool SameHeader(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

/// The value of the first header of that name; null when there is none. Lives as long as `headers`.
inline const std::string* FindHeader(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (SameHeader(key, name)) return &value;
  }
  return nullptr;
}

}  // namespace millrace
