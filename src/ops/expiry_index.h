#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "columnar/key_encoding.h"
#include "state/keyed_table.h"

namespace millrace {

/// Finds what has expired in a table whose rows live in one slice, kRows, without looking at the others:
/// beside them the table has, for each key that can expire, an empty row in the slice of event time at or
/// before its expiry. Slices are `ttl` / 256 long. A key that lives on when its slice is closed moves to the
/// slice of its later expiry, so a key costs one move per `ttl`, however often its row changes.
///
/// Owned by one operator. Invariant: a key in kRows that expires at t is registered in a slice at or before
/// SliceOf(t).
class ExpiryIndex {
 public:
  /// Where the operator's own rows live: above all slices of time.
  static constexpr std::int64_t kRows = std::numeric_limits<std::int64_t>::max();

  /// Precondition: ttl > 0. `table` outlives this.
  ExpiryIndex(Duration ttl, KeyedTable* table);

  std::int64_t SliceOf(std::int64_t expires_ms) const;
  /// The watermark at which a key that expires then is gone: the end of the slice.
  std::int64_t ClosesAt(std::int64_t expires_ms) const { return EndOf(SliceOf(expires_ms)); }

  /// Plans to register a key; done by Flush.
  void Add(std::int64_t expires_ms, std::string_view key);
  /// Slots of earlier lookups are void afterwards.
  Status Flush();

  /// The watermark at which the next slice closes; nullopt: nothing can expire.
  std::optional<std::int64_t> NextClose() const;

  /// When each of these keys expires by its row in kRows; kGone for keys without one.
  using ReadExpiries = std::function<Status(const KeyBuffer& keys, std::span<std::int64_t> expires_ms)>;
  static constexpr std::int64_t kGone = std::numeric_limits<std::int64_t>::min();
  /// The rows of these keys, ascending, have expired: removes them.
  using Expire = std::function<Status(const KeyBuffer& keys)>;
  /// Closes the slices that end at or before `watermark`, in order. A key expires with the slice of its
  /// expiry, whatever slice it was registered in, so the order depends on the rows alone (T5).
  Status Close(Watermark watermark, const ReadExpiries& read, const Expire& expire);

 private:
  /// Last time of a slice.
  std::int64_t EndOf(std::int64_t slice) const;

  const std::int64_t width_ms_;
  KeyedTable* const table_;

  // Kept for their memory.
  KeyBuffer added_;
  std::vector<std::int64_t> added_slices_;
  std::vector<std::uint32_t> slots_;
  KeyBuffer closed_;
  KeyBuffer expired_;
  std::vector<std::int64_t> expires_ms_;
};

}  // namespace millrace
