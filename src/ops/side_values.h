#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace {

/// Byte strings by slot, for aggregates whose value has no fixed size. One owner, one thread.
class SideValues {
 public:
  void Resize(std::uint32_t slots);
  std::string_view operator[](std::uint32_t slot) const { return values_[slot]; }
  void Set(std::uint32_t slot, std::string_view value);
  /// Forgets the value and gives its memory back.
  void Clear(std::uint32_t slot);

  /// One byte for presence, then 4 bytes of length and the value when present.
  void Encode(std::uint32_t slot, bool present, std::string* out) const;
  /// Takes a value off the front of `in`; false when it was not present. Errors: kCorrupt.
  Result<bool> Decode(std::uint32_t slot, std::string_view* in);

  std::int64_t memory_bytes() const;
  /// Of values that are not kept in place.
  std::int64_t aside_bytes() const { return aside_bytes_; }

 private:
  std::vector<std::string> values_;
  std::int64_t aside_bytes_ = 0;
};

}  // namespace millrace
