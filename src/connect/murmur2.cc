#include "connect/murmur2.h"

#include <cstddef>

#include "base/check.h"

namespace millrace {
namespace {

constexpr std::uint32_t kSeed = 0x9747b28c;
constexpr std::uint32_t kMultiplier = 0x5bd1e995;
constexpr int kShift = 24;

std::uint32_t ByteAt(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

}  // namespace

std::uint32_t Murmur2(std::string_view bytes) {
  const std::size_t whole = bytes.size() & ~std::size_t{3};
  std::uint32_t hash = kSeed ^ static_cast<std::uint32_t>(bytes.size());
  for (std::size_t i = 0; i < whole; i += 4) {
    // Little-endian by hand, so that the result does not depend on the machine.
    std::uint32_t word = ByteAt(bytes, i) | ByteAt(bytes, i + 1) << 8 | ByteAt(bytes, i + 2) << 16 |
                         ByteAt(bytes, i + 3) << 24;
    word *= kMultiplier;
    word ^= word >> kShift;
    word *= kMultiplier;
    hash *= kMultiplier;
    hash ^= word;
  }
  switch (bytes.size() - whole) {
    case 3:
      hash ^= ByteAt(bytes, whole + 2) << 16;
      [[fallthrough]];
    case 2:
      hash ^= ByteAt(bytes, whole + 1) << 8;
      [[fallthrough]];
    case 1:
      hash ^= ByteAt(bytes, whole);
      hash *= kMultiplier;
      break;
    default:
      break;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return hash;
}

Partition PartitionOfKey(std::string_view key, std::int32_t partitions) {
  MR_DCHECK(partitions > 0);
  const std::uint32_t positive = Murmur2(key) & 0x7fffffffU;
  return Partition(static_cast<std::int32_t>(positive % static_cast<std::uint32_t>(partitions)));
}

}  // namespace millrace
