#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::json {

struct Column;

/// The keys of one kind of object, and which key followed which one last time.
///
/// Producers write their records in one order, so the parser compares the next bytes with the key expected
/// there before it parses a key. Keys without a column are remembered too, up to a bound. A guess that fails
/// costs time only: it never changes what a record means.
class Shape {
 public:
  /// Keys without a column that are remembered, and their longest length.
  static constexpr std::size_t kMaxUnknown = 256;
  static constexpr std::size_t kMaxUnknownBytes = 64;

  struct Member {
    std::uint64_t first = 0;  ///< bytes 0..7 of `quoted`, and their mask
    std::uint64_t first_mask = 0;
    std::uint64_t second = 0;  ///< bytes 8..15
    std::uint64_t second_mask = 0;
    std::int64_t size = kNeverMatches;  ///< of `quoted`
    Column* child = nullptr;            ///< column of this key, or null
    Member* next = nullptr;             ///< member that followed this one last time; never null
    std::string quoted;                 ///< `"name":`
    std::string name;

    /// True when the text at `p` begins with this key, quoted and with its colon. Reads 16 bytes, more for
    /// long keys.
    bool Matches(const char* p, const char* end) const {
      std::uint64_t a;
      std::uint64_t b;
      std::memcpy(&a, p, 8);
      std::memcpy(&b, p + 8, 8);
      if ((((a ^ first) & first_mask) | ((b ^ second) & second_mask)) != 0 || end - p < size) return false;
      return size <= 16 || std::memcmp(p + 16, quoted.data() + 16, static_cast<std::size_t>(size - 16)) == 0;
    }
  };

  /// `names[i]` is the key of `columns[i]`, which outlives the shape.
  Shape(const std::vector<std::string>& names, const std::vector<std::unique_ptr<Column>>& columns);
  Shape(const Shape&) = delete;
  Shape& operator=(const Shape&) = delete;

  /// Stands before the first key of an object; its `next` is the key expected first.
  Member* start() { return &start_; }
  /// The member of `name`, remembered when there is room; else a member without column that never matches.
  Member* Find(std::string_view name);

 private:
  static constexpr std::int64_t kNeverMatches = std::numeric_limits<std::int64_t>::max();

  static std::uint64_t Hash(std::string_view name);
  Member* Add(std::string_view name, Column* child);
  void Insert(Member* member);

  Member start_;
  Member unknown_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<Member*> slots_;  // open addressing; null is free; a power of two
  std::size_t remembered_ = 0;  // members without a column
};

}  // namespace millrace::json
