#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::json {

/// The keys of one kind of object, and which key followed which one last time.
///
/// Producers write their records in one order, so the parser compares the next bytes with the key expected
/// there before it parses a key. Keys without a column are remembered too, up to a bound. A guess that fails
/// costs time only: it never changes what a record means.
class Shape {
 public:
  static constexpr std::int32_t kNone = -1;
  /// Keys without a column that are remembered, and their longest length.
  static constexpr std::size_t kMaxUnknown = 256;
  static constexpr std::size_t kMaxUnknownBytes = 64;

  struct Member {
    std::uint64_t first = 0;  ///< bytes 0..7 of `quoted`, and their mask
    std::uint64_t first_mask = 0;
    std::uint64_t second = 0;  ///< bytes 8..15
    std::uint64_t second_mask = 0;
    std::int64_t size = 0;       ///< of `quoted`; 0: never matches
    std::int32_t child = kNone;  ///< column of this key, or kNone
    std::int32_t next = 0;       ///< member that followed this one last time
    std::string quoted;          ///< `"name":`
    std::string name;

    /// True when the text at `p` begins with this key, quoted and with its colon. Reads 16 bytes, more for
    /// long keys.
    bool Matches(const char* p, const char* end) const {
      std::uint64_t a;
      std::uint64_t b;
      std::memcpy(&a, p, 8);
      std::memcpy(&b, p + 8, 8);
      if ((((a ^ first) & first_mask) | ((b ^ second) & second_mask)) != 0 || end - p < size) return false;
      return size <= 16 ? size > 0
                        : std::memcmp(p + 16, quoted.data() + 16, static_cast<std::size_t>(size - 16)) == 0;
    }
  };

  /// `names[i]` is the key of column i.
  explicit Shape(const std::vector<std::string>& names);

  /// Member 0 stands before the first key of an object; its `next` is the key expected first.
  Member& member(std::int32_t at) { return members_[static_cast<std::size_t>(at)]; }
  /// The member of `name`, remembering it when there is room. `unknown` when it has no column and is not
  /// remembered.
  std::int32_t Find(std::string_view name);
  /// The member of all keys that are not remembered.
  static constexpr std::int32_t kUnknown = 1;

 private:
  static std::uint64_t Hash(std::string_view name);
  std::int32_t Add(std::string_view name, std::int32_t child);
  void Grow();

  std::vector<Member> members_;
  std::vector<std::int32_t> slots_;  // open addressing; kNone is free; a power of two
  std::size_t unknown_ = 0;
};

}  // namespace millrace::json
