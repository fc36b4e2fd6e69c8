#pragma once

#include <cstdint>
#include <string_view>

namespace millrace::snap {

/// A number that looks random and depends on both only: made-up values are the same on every machine.
constexpr std::uint64_t Mixed(std::uint64_t a, std::uint64_t b) {
  // splitmix64 over the sum.
  std::uint64_t z = a + 0x9e3779b97f4a7c15U * (b + 1);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

/// The same for a text (FNV-1a).
constexpr std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

/// From 0 up to 1, without it.
constexpr double Fraction(std::uint64_t hash) { return static_cast<double>(hash >> 11U) * 0x1.0p-53; }

}  // namespace millrace::snap
