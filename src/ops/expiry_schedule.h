#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "columnar/key_encoding.h"
#include "ops/expiry_index.h"
#include "state/keyed_table.h"

namespace millrace {

/// Finds which rows of a table end at which watermark, to the millisecond and each at a time of its own,
/// where ExpiryIndex knows one time to live for all. Rows live in the slice ExpiryIndex::kRows; beside them
/// the table has, for each key that ends, an empty row in a slice of event time at or before its end: of a
/// second where that is near, of more the further it is ahead, so that there are some thousand slices however
/// far ends lie ahead, and a key moves once in days.
///
/// A slice is opened when the watermark reaches its start: its keys whose ends lie in that second wait in
/// memory, in order, and the others move on. It is closed when the second is over; until then its rows stay
/// in the table, from which what waits is made again after a restart. Memory: the keys that end in one
/// second.
///
/// Owned by one operator. Invariant: a key in kRows that ends at t is registered in a slice at or before t
/// that is not closed, or waits; entries that are no longer true do no harm.
class ExpirySchedule {
 public:
  /// The end of a row that stays.
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  /// `table` outlives this.
  explicit ExpirySchedule(KeyedTable* table) : table_(table) {}

  /// A key whose row is set at `now_ms`, and ends: plans to register it where it has to be found earlier than
  /// before; done by Flush.
  struct Times {
    std::int64_t before_ms;  ///< when it ended before; kNever when it had no row
    std::int64_t ends_ms;
    std::int64_t now_ms;
  };
  void Set(const Times& times, std::string_view key);
  /// Slots of earlier lookups are void afterwards.
  Status Flush();

  /// Below this watermark nothing ends; nullopt: nothing can.
  std::optional<std::int64_t> NextLook() const;

  /// When each of these keys ends by its row in kRows; kNever, as found, for keys without one.
  using ReadEnds = std::function<Status(const KeyBuffer& keys, std::span<std::int64_t> ends_ms)>;
  /// The rows of these keys have ended, each then: removes them. At most kMostAtOnce of them.
  using End = std::function<Status(const KeyBuffer& keys, std::span<const std::int64_t> ends_ms)>;
  static constexpr std::size_t kMostAtOnce = 65'536;
  /// Ends what ends at or before `watermark`, by time and then by key bytes: the order depends on the rows
  /// alone (T5). NextLook is above `watermark` afterwards.
  Status Advance(Watermark watermark, const ReadEnds& read, const End& end);

  /// The table went back to an earlier state: what waits is read anew.
  void Forget();

 private:
  struct Due {
    std::int64_t ends_ms;
    std::uint32_t key;  // in due_keys_
  };

  /// Plans to register a key.
  void Add(std::int64_t ends_ms, std::int64_t now_ms, std::string_view key);
  void Wait(std::int64_t ends_ms, std::string_view key);
  /// Where a key of the open slice belongs, now that `now_ms` is reached.
  void MoveOn(std::int64_t ends_ms, std::int64_t now_ms, std::string_view key);
  Status Open(std::int64_t slice, const ReadEnds& read);
  Status Close();
  Status EndDue(Watermark watermark, const ReadEnds& read, const End& end);
  Status WaitAnew();
  bool Later(const Due& a, const Due& b) const;

  KeyedTable* const table_;

  std::optional<std::int64_t> open_;  // the slice whose keys wait
  std::vector<Due> due_;              // a heap, the first to end on top
  KeyBuffer due_keys_;

  // Kept for their memory.
  KeyBuffer added_;
  std::vector<std::int64_t> added_slices_;
  std::vector<std::uint32_t> slots_;
  KeyBuffer keys_;
  std::vector<std::int64_t> planned_ms_;
  std::vector<std::int64_t> ends_ms_;
  KeyBuffer ended_;
  std::vector<std::int64_t> ended_ms_;
};

}  // namespace millrace
