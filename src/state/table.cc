#include "state/table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "state/key_order.h"
#include "state/store_key.h"

namespace millrace {
namespace {

constexpr std::int64_t kLeastArenaToCompact = 1 << 20;
// Of a row in the index, the lists of slots and the places of what is staged.
constexpr std::int64_t kIndexBytesPerRow = 80;

}  // namespace

Table::Table(std::string name, SlotRows* rows, Disk* disk, std::int64_t most_key_bytes)
    : name_(std::move(name)),
      prefix_(RowPrefix(name_)),
      rows_(rows),
      disk_(disk),
      most_key_bytes_(most_key_bytes) {}

std::string Table::RowKey(std::int64_t slice, std::string_view key) const {
  std::string bytes;
  bytes.reserve(prefix_.size() + kSliceBytes + key.size());
  bytes = prefix_;
  AppendSlice(slice, &bytes);
  return bytes.append(key);
}

// --- Lookup ---

Status Table::Lookup(std::span<const std::int64_t> slices, const KeyColumn& keys,
                     std::span<std::uint32_t> slots) {
  MR_CHECK(slices.size() == slots.size() && keys.num_rows() == static_cast<std::int64_t>(slots.size()))
      << "table " << name_ << ": " << slices.size() << " slices, " << keys.num_rows() << " keys, "
      << slots.size() << " slots";
  collected_whole_ = false;
  std::uint32_t hashes[RowIndex::kBatchRows];
  for (std::size_t first = 0; first < slots.size(); first += RowIndex::kBatchRows) {
    const std::size_t n = std::min(RowIndex::kBatchRows, slots.size() - first);
    std::uint32_t* const found = slots.data() + first;
    index_.FindBatch(slices.data() + first, keys, first, n, hashes, found);
    for (std::size_t i = 0; i < n; ++i) {
      if (found[i] == RowIndex::kNoSlot) found[i] = AddRow(slices[first + i], keys[first + i], hashes[i]);
      if (erased(found[i])) Revive(found[i]);
      MarkDirty(found[i]);
    }
  }
  if (!pending_.empty()) return ResolvePending();
  return Status::Ok();
}

void Table::MarkDirty(std::uint32_t slot) {
  std::uint32_t& flags = index_.flags(slot);
  if ((flags & RowIndex::kDirty) != 0) return;
  flags |= RowIndex::kDirty | RowIndex::kReferenced;
  SliceOf(index_.Slice(slot)).dirty.push_back(slot);
  ++dirty_count_;
  dirty_key_bytes_ += static_cast<std::int64_t>(index_.Key(slot).size());
}

void Table::Revive(std::uint32_t slot) {
  index_.flags(slot) &= ~RowIndex::kErased;
  --erased_count_;
  rows_->Clear(slot);
}

void Table::Erase(std::uint32_t slot) {
  MR_CHECK((index_.flags(slot) & RowIndex::kDirty) != 0 && !erased(slot))
      << "table " << name_ << ": erase of a row that was not looked up";
  collected_whole_ = false;
  index_.flags(slot) |= RowIndex::kErased;
  ++erased_count_;
  if (rows_->aside_bytes() > 0) rows_->Clear(slot);
}

Table::SliceRows& Table::SliceOf(std::int64_t slice) {
  if (last_slice_rows_ == nullptr || last_slice_ != slice) {
    last_slice_rows_ = &slices_[slice];
    last_slice_ = slice;
  }
  return *last_slice_rows_;
}

// Gives the operator's columns and our own the slots that the index has given out; grows by doubling.
void Table::MakeRoom() {
  if (index_.slot_limit() <= row_capacity_) return;
  constexpr std::uint32_t kFirstCapacity = 64;
  row_capacity_ = std::max(kFirstCapacity, std::max(index_.slot_limit(), row_capacity_ * 2));
  rows_->Resize(row_capacity_);
  position_in_slice_.resize(row_capacity_);
}

std::uint32_t Table::AddRow(std::int64_t slice, std::string_view key, std::uint32_t hash) {
  // An earlier row of the same batch may have added it.
  if (const std::uint32_t slot = index_.Find(slice, key, hash); slot != RowIndex::kNoSlot) return slot;
  SliceRows& rows = SliceOf(slice);
  if (key.size() > RowIndex::kInlineKeyBytes) key = {rows.keys.Append(key), key.size()};
  const std::uint32_t slot = index_.Insert(slice, key, hash);
  MakeRoom();
  position_in_slice_[slot] = static_cast<std::uint32_t>(rows.slots.size());
  rows.slots.push_back(slot);
  if (rows.only_on_disk() > 0) {
    index_.flags(slot) |= RowIndex::kPending;
    pending_.push_back(slot);
  } else {
    rows_->Clear(slot);
  }
  return slot;
}

// The context is made for errors only: it would be an allocation per row.
Status Table::DecodeFromDisk(std::uint32_t slot, std::string_view bytes) {
  Status status = rows_->Decode(slot, bytes);
  if (status.ok()) return status;
  return std::move(status).WithContext("state of " + name_ + " in " + disk_->directory());
}

Status Table::ResolvePending() {
  std::string bytes;
  std::vector<std::size_t> ends;
  ends.reserve(pending_.size());
  for (const std::uint32_t slot : pending_) {
    bytes.append(prefix_);
    AppendSlice(index_.Slice(slot), &bytes);
    bytes.append(index_.Key(slot));
    ends.push_back(bytes.size());
  }
  std::vector<rocksdb::Slice> keys;
  keys.reserve(ends.size());
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    keys.emplace_back(bytes.data() + begin, end - begin);
    begin = end;
  }
  Status status = disk_->MultiGet(keys, [this](std::size_t i, std::string_view value) {
    const std::uint32_t slot = pending_[i];
    MR_RETURN_IF_ERROR(DecodeFromDisk(slot, value));
    index_.flags(slot) = (index_.flags(slot) & ~RowIndex::kPending) | RowIndex::kOnDisk;
    SliceOf(index_.Slice(slot)).on_disk_in_memory += 1;
    --rows_only_on_disk_;
    return Status::Ok();
  });
  // After an error the rows are dirty and wrong; the caller can only roll back.
  for (const std::uint32_t slot : pending_) {
    if ((index_.flags(slot) & RowIndex::kPending) == 0) continue;
    index_.flags(slot) &= ~RowIndex::kPending;
    rows_->Clear(slot);
  }
  pending_.clear();
  return status;
}

// --- Slices ---

std::optional<std::int64_t> Table::FirstSlice() const {
  if (slices_.empty()) return std::nullopt;
  return slices_.begin()->first;
}

std::optional<std::int64_t> Table::NextSlice(std::int64_t slice) const {
  const auto found = slices_.lower_bound(slice);
  if (found == slices_.end()) return std::nullopt;
  return found->first;
}

std::vector<std::int64_t> Table::Slices() const {
  std::vector<std::int64_t> slices;
  slices.reserve(slices_.size());
  for (const auto& [slice, rows] : slices_) slices.push_back(slice);
  return slices;
}

void Table::ReserveScratchSlot() {
  if (scratch_slot_ != RowIndex::kNoSlot) return;
  scratch_slot_ = index_.ReserveSlot();
  MakeRoom();
}

Status Table::Peek(std::int64_t slice, std::string_view key, const RowVisitor& visit) {
  const auto rows = slices_.find(slice);
  if (rows == slices_.end()) return Status::Ok();
  const std::uint32_t slot = index_.Find(slice, key, RowIndex::Hash(slice, key));
  if (slot != RowIndex::kNoSlot) return erased(slot) ? Status::Ok() : visit(key, slot);
  if (rows->second.only_on_disk() == 0) return Status::Ok();
  ReserveScratchSlot();
  const std::string row_key = RowKey(slice, key);
  const rocksdb::Slice keys[] = {rocksdb::Slice(row_key)};
  return disk_->MultiGet(keys, [&](std::size_t, std::string_view value) {
    MR_RETURN_IF_ERROR(DecodeFromDisk(scratch_slot_, value));
    return visit(key, scratch_slot_);
  });
}

Status Table::Visit(std::int64_t slice, const RowVisitor& visit) {
  return VisitSlice(slice, [&](std::string_view key, std::uint32_t slot) {
    return erased(slot) ? Status::Ok() : visit(key, slot);
  });
}

Status Table::VisitSlice(std::int64_t slice, const RowVisitor& visit) {
  const auto found = slices_.find(slice);
  if (found == slices_.end()) return Status::Ok();
  const SliceRows& rows = found->second;
  std::unique_ptr<Disk::Cursor> on_disk;
  if (rows.only_on_disk() > 0) {
    MR_ASSIGN_OR_RETURN(on_disk, disk_->MakeCursor(RowKey(slice, "")));
    ReserveScratchSlot();
  }
  const auto visit_disk_below = [&](std::optional<std::string_view> limit) -> Status {
    while (on_disk != nullptr && on_disk->valid() && (!limit || on_disk->key() < *limit)) {
      MR_RETURN_IF_ERROR(DecodeFromDisk(scratch_slot_, on_disk->value()));
      MR_RETURN_IF_ERROR(visit(on_disk->key(), scratch_slot_));
      MR_RETURN_IF_ERROR(on_disk->Next());
    }
    return Status::Ok();
  };
  for (const std::uint32_t slot : InKeyOrder(index_, rows.slots)) {
    const std::string_view key = index_.Key(slot);
    MR_RETURN_IF_ERROR(visit_disk_below(key));
    MR_RETURN_IF_ERROR(visit(key, slot));
    if (on_disk != nullptr && on_disk->valid() && on_disk->key() == key) MR_RETURN_IF_ERROR(on_disk->Next());
  }
  return visit_disk_below(std::nullopt);
}

Status Table::CloseSlice(std::int64_t slice, const RowVisitor& visit) {
  const auto found = slices_.find(slice);
  if (found == slices_.end()) return Status::Ok();
  ClosedSlice closed{.slice = slice, .rows = {}, .committed = {}, .keys_on_disk = {}, .key_ends = {}};
  std::int64_t key_bytes = 0;
  const auto close_row = [&](std::string_view key, std::uint32_t slot) -> Status {
    if (!erased(slot)) MR_RETURN_IF_ERROR(visit(key, slot));
    if (slot == scratch_slot_) {
      closed.keys_on_disk.append(key);
      closed.key_ends.push_back(closed.keys_on_disk.size());
      closed.committed.push_back(RowIndex::kNoSlot);
    } else if (IsCommitted(slot)) {
      closed.committed.push_back(slot);
    } else {
      return Status::Ok();
    }
    key_bytes += static_cast<std::int64_t>(key.size());
    return Status::Ok();
  };
  MR_RETURN_IF_ERROR(VisitSlice(slice, close_row));
  collected_whole_ = false;
  SliceRows& rows = found->second;
  UnlinkRows(rows);
  // Also when no row is left: the tombstones of erased ones have to reach the disk.
  if (closed.committed.empty() && rows.staged.empty() && rows.rows_on_disk == 0) {
    ClearAside(rows.slots);
    for (const std::uint32_t slot : rows.slots) index_.Free(slot);
  } else {
    tombstones_ += static_cast<std::int64_t>(closed.committed.size());
    tombstone_bytes_ += key_bytes;
    closed.rows = std::move(rows);
    closed_.push_back(std::move(closed));
  }
  slices_.erase(found);
  last_slice_rows_ = nullptr;
  return Status::Ok();
}

void Table::UnlinkRows(const SliceRows& rows) {
  for (const std::uint32_t slot : rows.slots) {
    if (erased(slot)) --erased_count_;
    index_.Unlink(slot);
  }
  for (const std::uint32_t slot : rows.dirty) {
    dirty_key_bytes_ -= static_cast<std::int64_t>(index_.Key(slot).size());
  }
  dirty_count_ -= static_cast<std::int64_t>(rows.dirty.size());
  rows_only_on_disk_ -= rows.only_on_disk();
}

Status Table::Scan(const SliceRowVisitor& visit) {
  for (const std::int64_t slice : Slices()) {
    const auto visit_row = [&](std::string_view key, std::uint32_t slot) { return visit(slice, key, slot); };
    MR_RETURN_IF_ERROR(Visit(slice, visit_row));
  }
  return Status::Ok();
}

// --- Memory ---

void Table::Forget(std::uint32_t slot, SliceRows* rows) {
  if (erased(slot)) --erased_count_;
  if ((index_.flags(slot) & RowIndex::kOnDisk) != 0) {
    --rows->on_disk_in_memory;
    ++rows_only_on_disk_;
  }
  const std::uint32_t position = position_in_slice_[slot];
  const std::uint32_t last = rows->slots.back();
  rows->slots[position] = last;
  position_in_slice_[last] = position;
  rows->slots.pop_back();
  const std::size_t key_size = index_.Key(slot).size();
  if (key_size > RowIndex::kInlineKeyBytes) rows->keys.Release(key_size);
  index_.Unlink(slot);
  index_.Free(slot);
}

void Table::CompactKeys(SliceRows* rows) {
  if (rows->keys.released_bytes() < kLeastArenaToCompact) return;
  if (rows->keys.released_bytes() * 2 < rows->keys.allocated_bytes()) return;
  ByteArena kept;
  for (const std::uint32_t slot : rows->slots) {
    const std::string_view key = index_.Key(slot);
    if (key.size() > RowIndex::kInlineKeyBytes) index_.MoveKey(slot, kept.Append(key));
  }
  rows->keys = std::move(kept);
}

void Table::ClearAside(const std::vector<std::uint32_t>& slots) {
  for (const std::uint32_t slot : slots) {
    if (rows_->aside_bytes() == 0) return;
    rows_->Clear(slot);
  }
}

void Table::Evict(std::int64_t rows, std::int64_t bytes) {
  MR_CHECK(!has_changes() && staged_.bytes() == 0)
      << "eviction from table " << name_ << " of rows not on disk";
  // Two rounds of the clock hand: the first takes away the second chance of rows used since the last sweep.
  const std::uint64_t steps = 2ULL * index_.slot_limit();
  const std::int64_t row_bytes = bytes_per_row();
  for (std::uint64_t step = 0; step < steps && (rows > 0 || bytes > 0); ++step) {
    if (sweep_at_ >= index_.slot_limit()) sweep_at_ = 0;
    const std::uint32_t slot = sweep_at_++;
    std::uint32_t& flags = index_.flags(slot);
    if ((flags & RowIndex::kUsed) == 0) continue;
    if ((flags & RowIndex::kReferenced) != 0) {
      flags &= ~RowIndex::kReferenced;
      continue;
    }
    bytes -= row_bytes;
    if (const std::int64_t aside = rows_->aside_bytes(); aside > 0) {
      rows_->Clear(slot);
      bytes -= aside - rows_->aside_bytes();
    }
    const std::size_t key_size = index_.Key(slot).size();
    if (key_size > RowIndex::kInlineKeyBytes) bytes -= static_cast<std::int64_t>(key_size);
    Forget(slot, &SliceOf(index_.Slice(slot)));
    --rows;
  }
  for (auto& [slice, kept] : slices_) CompactKeys(&kept);
}

std::int64_t Table::dirty_bytes() const {
  return dirty_key_bytes_ + tombstone_bytes_ + static_cast<std::int64_t>(kSliceBytes) * dirty_rows() +
         std::max(average_row_bytes_, rows_->aside_bytes() / std::max<std::int64_t>(1, index_.size())) *
             dirty_count_;
}

std::int64_t Table::bytes_per_row() const {
  const std::int64_t columns = rows_->memory_bytes() - rows_->aside_bytes();
  return std::max(StateStoreOptions::kBytesPerRow,
                  kIndexBytesPerRow + columns / std::max<std::int64_t>(1, row_capacity_));
}

std::int64_t Table::bytes_in_use() const {
  std::int64_t bytes = index_.size() * bytes_per_row() + rows_->aside_bytes();
  for (const auto& [slice, rows] : slices_) bytes += rows.keys.bytes_in_use();
  return bytes;
}

std::int64_t Table::memory_bytes() const {
  std::int64_t bytes =
      index_.memory_bytes() + rows_->memory_bytes() + staged_.memory_bytes() + derived_bytes_;
  bytes += collected_rows_.allocated_bytes() +
           static_cast<std::int64_t>(collected_.capacity() * sizeof(Collected));
  bytes += static_cast<std::int64_t>(position_in_slice_.capacity() * sizeof(std::uint32_t));
  for (const auto& [slice, rows] : slices_) {
    bytes +=
        rows.keys.allocated_bytes() +
        static_cast<std::int64_t>((rows.slots.capacity() + rows.dirty.capacity()) * sizeof(std::uint32_t));
  }
  return bytes;
}

}  // namespace millrace
