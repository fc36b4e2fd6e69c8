#include "env/random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace millrace {
namespace {

void FillFromSystem(void* out, std::size_t size) {
  auto* at = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t got = ::getrandom(at, size, 0);
    MR_CHECK(got > 0 || errno == EINTR)
        << "the operating system gives no random bytes: " << std::strerror(errno);
    if (got > 0) {
      at += got;
      size -= static_cast<std::size_t>(got);
    }
  }
}

}  // namespace

Random::Random(std::uint64_t seed) {
  // splitmix64, as the authors of xoshiro advise, so that similar seeds give unrelated states.
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15U;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    word = z ^ (z >> 31U);
  }
}

Random Random::FromSystem() {
  std::uint64_t seed = 0;
  FillFromSystem(&seed, sizeof(seed));
  return Random(seed);
}

std::uint64_t Random::Next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::Below(std::uint64_t bound) {
  MR_DCHECK(bound > 0);
  // Values below 2^64 mod bound would favour small results.
  const std::uint64_t biased = (0 - bound) % bound;
  while (true) {
    const std::uint64_t value = Next();
    if (value >= biased) return value % bound;
  }
}

std::int64_t Random::Between(std::int64_t low, std::int64_t high) {
  const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  const std::uint64_t above = span == 0 ? Next() : Below(span);  // span 0: all 64-bit values
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + above);
}

double Random::Fraction() { return static_cast<double>(Next() >> 11U) * 0x1.0p-53; }

std::string RandomId(int bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string id;
  for (int i = 0; i < bytes; ++i) {
    std::uint8_t byte = 0;
    FillFromSystem(&byte, 1);
    id += kDigits[byte >> 4U];
    id += kDigits[byte & 15U];
  }
  return id;
}

}  // namespace millrace
