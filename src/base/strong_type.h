#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <ostream>

namespace millrace {

/// A raw number that does not mix with other raw numbers: no implicit conversion in or out.
template <typename Tag, typename Rep>
class Strong {
 public:
  using rep = Rep;
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(Strong, Strong) = default;
  friend std::ostream& operator<<(std::ostream& out, Strong s) { return out << s.value_; }

 private:
  Rep value_{};
};

}  // namespace millrace

template <typename Tag, typename Rep>
struct std::hash<millrace::Strong<Tag, Rep>> {
  std::size_t operator()(millrace::Strong<Tag, Rep> s) const { return std::hash<Rep>{}(s.value()); }
};
