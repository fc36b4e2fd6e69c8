#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace millrace {

/// The noun alone, for a count that is written apart: "record" for 1, else "records". `one` is regular, and
/// may be several words.
template <std::integral Count>
std::string Noun(Count count, std::string_view one) {
  return std::string(one) + (count == 1 ? "" : "s");
}

/// "1 record", "2 records", "0 dead letters".
template <std::integral Count>
std::string Counted(Count count, std::string_view one) {
  return std::to_string(count) + " " + Noun(count, one);
}

}  // namespace millrace
