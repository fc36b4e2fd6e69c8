#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "columnar/batch.h"
#include "columnar/key_encoding.h"
#include "millrace/keyed_state.h"
#include "ops/headed_rows.h"
#include "state/keyed_table.h"
#include "state/row_index.h"

namespace millrace {

struct ValueHead {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  std::int64_t expires_ms = kNever;
  bool present = false;
};

/// Values by slot, each with the time at which it expires. A cleared slot has no value; entries of the expiry
/// index stay so.
class ValueRows final : public HeadedRows<ValueHead> {
 public:
  static constexpr std::int64_t kNever = ValueHead::kNever;

  bool has(std::uint32_t slot) const { return head(slot).present; }
  std::string_view value(std::uint32_t slot) const { return values()[slot]; }
  std::int64_t expires_ms(std::uint32_t slot) const { return head(slot).expires_ms; }
  void Set(std::uint32_t slot, std::string_view value, std::int64_t expires_ms) {
    head(slot) = {.expires_ms = expires_ms, .present = true};
    values().Set(slot, value);
  }

  // SlotRows.
  void Encode(std::uint32_t slot, std::string* out) const override;
  Status Decode(std::uint32_t slot, std::string_view in) override;
};

/// The state of a batch's keys while a user's function runs: reads come from the table, writes stay here
/// until the owner takes them. One owner; keeps memory from batch to batch.
class BatchState final : public KeyedState {
 public:
  /// The value of one key of the batch.
  struct Entry {
    std::uint32_t slot = KeyedTable::kNoSlot;  ///< in the table; kNoSlot: the table has none
    std::uint32_t first_row = 0;
    std::int64_t expires_ms = ValueRows::kNever;
    bool present = false;
    bool own = false;  ///< `value` holds it, not the table
    bool changed = false;
    std::string value;
  };

  /// `ttl_ms`: ValueRows::kNever when values stay. `rows` outlives this.
  BatchState(std::int64_t ttl_ms, const ValueRows* rows) : ttl_ms_(ttl_ms), rows_(*rows) {}

  /// Begins a batch: `slots` of each row's key, kNoSlot for those that are not in the table. All must stay as
  /// they are until the batch is over.
  void Start(const Batch* batch, const KeyBuffer* keys, std::span<const std::uint32_t> slots);

  /// Keys of the batch in order of appearance.
  std::span<const Entry> entries() const { return std::span(entries_).first(size_); }
  /// Rows that the function failed, by row.
  const std::map<std::int64_t, std::string>& failed() const { return failed_; }

  // KeyedState.
  std::optional<std::string_view> Get(std::int64_t row) const override;
  void Put(std::int64_t row, std::string_view value) override;
  void Delete(std::int64_t row) override;
  void Fail(std::int64_t row, std::string message) override;

 private:
  std::uint32_t EntryOf(std::int64_t row) const;

  const std::int64_t ttl_ms_;
  const ValueRows& rows_;
  const Batch* batch_ = nullptr;
  RowIndex index_;
  std::vector<std::uint32_t> entry_of_row_;
  std::vector<Entry> entries_;  // of which size_ are in use
  std::size_t size_ = 0;
  std::map<std::int64_t, std::string> failed_;
};

}  // namespace millrace
