#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/duration.h"
#include "ops/expiring_rows.h"
#include "ops/expiry_index.h"
#include "ops/key_slots.h"
#include "ops/operator.h"
#include "state/state_store.h"

namespace millrace {

/// How long a step that has one row per key and no window remembers a key: for good, or with a `ttl` until
/// the watermark is so far past the event time of the latest of its rows, rounded up to the next 256th part
/// of `ttl`. From then on the key is as never seen, whether its row is still there or not: so nothing depends
/// on how rows are cut into batches (T5). A row that comes when its own time is over is late.
///
/// Owned by one operator. Per batch: RemoveLate, KeySlots with slice(), Ended and See row by row, Flush.
class KeyLives {
 public:
  /// `rows`: the operator's; outlives this.
  KeyLives(std::optional<Duration> ttl, SlotRows* rows) : ttl_(ttl), ends_(rows), rows_(*rows) {}

  /// Errors: user error when `ttl` is not positive.
  static Status Check(std::optional<Duration> ttl);
  /// "" or " ttl 10ms": for the layout of the state.
  static std::string Layout(std::optional<Duration> ttl);

  Result<KeyedTable*> AddTable(const std::string& name, StateStore& store);
  bool limited() const { return ttl_.has_value(); }
  /// Of the table: where the rows live.
  std::int64_t slice() const { return limited() ? ExpiryIndex::kRows : 0; }

  Status RemoveLate(Batch* batch, Output& output) const;

  // Of a key whose rows end; precondition: limited().

  /// True when the key has ended before a row that comes at this watermark.
  bool Ended(std::uint32_t slot, std::int64_t watermark_ms) const {
    return ends_.has(slot) && ends_.expires_ms(slot) <= watermark_ms;
  }
  /// Notes a row of the key. True when its end moved, which has to be written.
  bool See(std::uint32_t slot, std::int64_t event_time_ms, std::string_view key);
  ExpiringRows& rows() { return ends_; }
  /// Slots of earlier lookups are void afterwards.
  Status Flush() { return index_->Flush(); }

  /// Removes the keys that have ended. Cost: in proportion to them.
  Status AdvanceTime(Watermark watermark);

 private:
  const std::optional<Duration> ttl_;
  ExpiringRows ends_;
  SlotRows& rows_;
  KeyedTable* table_ = nullptr;
  std::optional<ExpiryIndex> index_;  // with ttl_
  KeySlots slots_;                    // of keys under way; kept for its memory
};

}  // namespace millrace
