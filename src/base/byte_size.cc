#include "base/byte_size.h"

#include <array>
#include <cctype>
#include <cstdio>
#include <utility>

namespace millrace {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 8> kUnits{{{"", 1},
                                                                           {"B", 1},
                                                                           {"KiB", 1LL << 10},
                                                                           {"MiB", 1LL << 20},
                                                                           {"GiB", 1LL << 30},
                                                                           {"KB", 1'000},
                                                                           {"MB", 1'000'000},
                                                                           {"GB", 1'000'000'000}}};

}  // namespace

Result<ByteCount> ParseByteSize(std::string_view text) {
  const Status bad = Status::InvalidArgument("'" + std::string(text) +
                                             "' is not a size; write for example 64KiB, 128MiB or 1GiB");
  std::int64_t number = 0;
  std::size_t at = 0;
  while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, text[at] - '0', &number)) {
      return bad;
    }
    ++at;
  }
  if (at == 0) return bad;
  while (at < text.size() && text[at] == ' ') ++at;
  for (const auto& [name, scale] : kUnits) {
    if (text.substr(at) != name) continue;
    std::int64_t total = 0;
    if (__builtin_mul_overflow(number, scale, &total)) return bad;
    return ByteCount(total);
  }
  return bad;
}

std::string FormatByteSize(ByteCount bytes) {
  constexpr std::array<const char*, 5> kNames{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes.value());
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kNames[unit]);
  return text.data();
}

}  // namespace millrace
