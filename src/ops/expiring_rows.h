#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/keyed_table.h"

namespace millrace {

/// Stands in the layout of a state that has such rows, with the time to live behind it.
inline constexpr std::string_view kExpiringLayout = " ttl ";

/// The rows of another SlotRows, each with the time at which its key expires. A cleared slot has none; what
/// only registers a key for its expiry stays so. Owned by one operator, used through its KeyedTable.
class ExpiringRows final : public SlotRows {
 public:
  /// Of a slot without a row: nothing has expired as long as the watermark is below.
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();

  /// `rows` outlives this.
  explicit ExpiringRows(SlotRows* rows) : rows_(*rows) {}

  bool has(std::uint32_t slot) const { return lives_[slot].expires_ms != kNone; }
  std::int64_t expires_ms(std::uint32_t slot) const { return lives_[slot].expires_ms; }
  void set_expires_ms(std::uint32_t slot, std::int64_t expires_ms) { lives_[slot].expires_ms = expires_ms; }
  /// A note of the owner's, 0 at first; not part of the state.
  std::uint32_t mark(std::uint32_t slot) const { return lives_[slot].mark; }
  void set_mark(std::uint32_t slot, std::uint32_t mark) { lives_[slot].mark = mark; }
  /// The row of a key never seen; its expiry stays.
  void ClearRow(std::uint32_t slot) { rows_.Clear(slot); }

  /// What `rows` encoded, from the bytes of a row; nullopt where it only registers a key. Errors: kCorrupt.
  static Result<std::optional<std::string_view>> RowOf(std::string_view bytes);

  // SlotRows.
  void set_most_bytes(std::int64_t bytes) override { rows_.set_most_bytes(bytes); }
  void Resize(std::uint32_t slots) override;
  void Clear(std::uint32_t slot) override;
  void Prefetch(std::uint32_t slot) const override { rows_.Prefetch(slot); }
  void Encode(std::uint32_t slot, std::string* out) const override;
  Status Decode(std::uint32_t slot, std::string_view bytes) override;
  std::int64_t memory_bytes() const override;
  std::int64_t aside_bytes() const override { return rows_.aside_bytes(); }
  Status failure() const override { return rows_.failure(); }

 private:
  struct Life {
    std::int64_t expires_ms = kNone;
    std::uint32_t mark = 0;
  };

  SlotRows& rows_;
  std::vector<Life> lives_;
};

}  // namespace millrace
