#include "ops/batch_state.h"

#include <cstring>

#include <arrow/array.h>

#include "base/check.h"
#include "ops/watermark_before.h"
#include "ops/window_assigner.h"

namespace millrace {

// --- ValueRows ---

void ValueRows::Encode(std::uint32_t slot, std::string* out) const {
  out->push_back(has(slot) ? '\1' : '\0');
  if (!has(slot)) return;
  const std::int64_t expires_ms = head(slot).expires_ms;
  char expires[sizeof(expires_ms)];
  std::memcpy(expires, &expires_ms, sizeof(expires));
  out->append(expires, sizeof(expires)).append(value(slot));
}

Status ValueRows::Decode(std::uint32_t slot, std::string_view in) {
  Clear(slot);
  if (in == std::string_view("\0", 1)) return Status::Ok();
  if (!in.empty()) in.remove_prefix(1);
  std::int64_t expires_ms = 0;
  if (in.size() < sizeof(expires_ms)) return Status::Corrupt("a value of the state is cut short");
  std::memcpy(&expires_ms, in.data(), sizeof(expires_ms));
  Set(slot, in.substr(sizeof(expires_ms)), expires_ms);
  return Status::Ok();
}

// --- BatchState ---

void BatchState::Start(const Batch* batch, const KeyBuffer* keys, std::span<const std::uint32_t> slots) {
  batch_ = batch;
  index_.Clear();
  size_ = 0;
  failed_.clear();
  entry_of_row_.resize(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::string_view key = (*keys)[i];
    const std::uint32_t hash = RowIndex::Hash(0, key);
    std::uint32_t entry = index_.Find(0, key, hash);
    if (entry == RowIndex::kNoSlot) {
      entry = index_.Insert(0, key, hash);
      MR_DCHECK(entry == size_);
      if (size_ == entries_.size()) entries_.emplace_back();
      Entry& made = entries_[size_++];
      made.slot = slots[i];
      made.first_row = static_cast<std::uint32_t>(i);
      made.present = slots[i] != KeyedTable::kNoSlot && rows_.has(slots[i]);
      made.expires_ms = made.present ? rows_.expires_ms(slots[i]) : ValueRows::kNever;
      made.own = made.changed = false;
    }
    entry_of_row_[i] = entry;
  }
}

std::uint32_t BatchState::EntryOf(std::int64_t row) const {
  MR_CHECK(row >= 0 && row < static_cast<std::int64_t>(entry_of_row_.size()))
      << "the batch has " << entry_of_row_.size() << " rows, not a row " << row;
  return entry_of_row_[static_cast<std::size_t>(row)];
}

std::optional<std::string_view> BatchState::Get(std::int64_t row) const {
  const Entry& entry = entries_[EntryOf(row)];
  if (!entry.present) return std::nullopt;
  const std::int64_t watermark = WatermarkBefore(*batch_, row);
  if (entry.expires_ms != ValueRows::kNever && entry.expires_ms <= watermark) return std::nullopt;
  return entry.own ? std::string_view(entry.value) : rows_.value(entry.slot);
}

void BatchState::Put(std::int64_t row, std::string_view value) {
  Entry& entry = entries_[EntryOf(row)];
  if (static_cast<std::int64_t>(value.size()) > rows_.most_bytes()) {
    return Fail(row, "the value to keep has " + std::to_string(value.size()) + " bytes; a step keeps " +
                         std::to_string(rows_.most_bytes()) + " for one key");
  }
  entry.value.assign(value);
  entry.own = entry.present = entry.changed = true;
  entry.expires_ms =
      ttl_ms_ == ValueRows::kNever ? ValueRows::kNever : AddTime(batch_->event_time->Value(row), ttl_ms_);
}

void BatchState::Delete(std::int64_t row) {
  Entry& entry = entries_[EntryOf(row)];
  entry.changed = entry.changed || entry.present;
  entry.present = false;
}

void BatchState::Fail(std::int64_t row, std::string message) {
  static_cast<void>(EntryOf(row));
  failed_.emplace(row, std::move(message));
}

}  // namespace millrace
