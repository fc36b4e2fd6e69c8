#include "ops/key_lives.h"

#include <algorithm>

#include "ops/late_rows.h"
#include "ops/window_assigner.h"

namespace millrace {

Status KeyLives::Check(std::optional<Duration> ttl) {
  if (!ttl || ttl->count() > 0) return Status::Ok();
  return Status::InvalidArgument("'ttl' must be longer than " + FormatDuration(*ttl));
}

std::string KeyLives::Layout(std::optional<Duration> ttl) {
  return ttl ? std::string(kExpiringLayout) + FormatDuration(*ttl) : "";
}

Result<KeyedTable*> KeyLives::AddTable(const std::string& name, StateStore& store) {
  MR_ASSIGN_OR_RETURN(table_, store.AddTable(name, limited() ? &ends_ : &rows_));
  if (limited()) index_.emplace(*ttl_, table_);
  return table_;
}

Status KeyLives::RemoveLate(Batch* batch, Output& output) const {
  return limited() ? RemoveLateRows(*ttl_, batch, output) : Status::Ok();
}

bool KeyLives::See(std::uint32_t slot, std::int64_t event_time_ms, std::string_view key) {
  const std::int64_t expires_ms =
      std::min(index_->ClosesAt(AddTime(event_time_ms, ttl_->count())), ExpiringRows::kNone - 1);
  const bool is_new = !ends_.has(slot);
  if (!is_new && expires_ms <= ends_.expires_ms(slot)) return false;
  ends_.set_expires_ms(slot, expires_ms);
  // One entry at or before the expiry is enough.
  if (is_new) index_->Add(expires_ms, key);
  return true;
}

Status KeyLives::AdvanceTime(Watermark watermark) {
  if (!limited()) return Status::Ok();
  const auto read = [this](const KeyBuffer& keys, std::span<std::int64_t> expires_ms) -> Status {
    MR_RETURN_IF_ERROR(slots_.Find(*table_, ExpiryIndex::kRows, keys));
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i] != KeyedTable::kNoSlot) expires_ms[i] = ends_.expires_ms(slots_[i]);
    }
    return Status::Ok();
  };
  return index_->Close(watermark, read, [this](const KeyBuffer& keys) -> Status {
    MR_RETURN_IF_ERROR(slots_.Lookup(*table_, ExpiryIndex::kRows, keys));
    for (const std::uint32_t slot : slots_) table_->Erase(slot);
    return Status::Ok();
  });
}

}  // namespace millrace
