#pragma once

#include <cstdint>
#include <string>

namespace millrace {

/// A deterministic generator (xoshiro256**): the same seed gives the same numbers on every machine. One
/// owner.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  /// Seeded from the operating system.
  static Random FromSystem();

  /// Uniform over all 64-bit values.
  std::uint64_t Next();
  /// Uniform in [0, bound). Precondition: bound > 0.
  std::uint64_t Below(std::uint64_t bound);
  /// Uniform in [low, high]. Precondition: low <= high.
  std::int64_t Between(std::int64_t low, std::int64_t high);
  /// Uniform in [0, 1).
  double Fraction();
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

 private:
  std::uint64_t state_[4];
};

/// `bytes` random bytes of the operating system as lower-case hex: for ids that must differ among machines.
std::string RandomId(int bytes = 8);

}  // namespace millrace
