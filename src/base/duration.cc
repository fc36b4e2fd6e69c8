#include "base/duration.h"

#include <array>
#include <cctype>
#include <cstdint>
#include <utility>

namespace millrace {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

Status Bad(std::string_view text) {
  return Status::InvalidArgument("'" + std::string(text) +
                                 "' is not a duration; write for example 250ms, 10s, 1m, 1h30m or 7d");
}

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  if (text == "0") return Duration(0);
  if (text.empty()) return Bad(text);
  std::int64_t total = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::int64_t number = 0;
    const std::size_t digits = at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
      if (__builtin_mul_overflow(number, 10, &number) ||
          __builtin_add_overflow(number, text[at] - '0', &number)) {
        return Bad(text);
      }
      ++at;
    }
    const std::size_t unit = at;
    while (at < text.size() && std::isalpha(static_cast<unsigned char>(text[at])) != 0) ++at;
    if (digits == unit || unit == at) return Bad(text);
    std::int64_t scale = 0;
    for (const auto& [name, ms] : kUnits) {
      if (text.substr(unit, at - unit) == name) scale = ms;
    }
    std::int64_t part = 0;
    if (scale == 0 || __builtin_mul_overflow(number, scale, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return Bad(text);
    }
  }
  return Duration(total);
}

std::string FormatDuration(Duration duration) {
  std::int64_t left = duration.count();
  if (left == 0) return "0ms";
  std::string out = left < 0 ? "-" : "";
  if (left < 0) left = -left;
  for (const auto& [name, ms] : kUnits) {
    if (left >= ms) {
      out += std::to_string(left / ms);
      out += name;
      left %= ms;
    }
  }
  return out;
}

}  // namespace millrace
