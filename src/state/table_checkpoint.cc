// The part of Table that takes rows from dirty to staged to disk, and back.

#include <map>

#include "base/check.h"
#include "state/key_order.h"
#include "state/store_key.h"
#include "state/table.h"

namespace millrace {
namespace {

constexpr std::size_t kPrefetchAhead = 8;

}  // namespace

Status Table::Reload() {
  for (std::uint32_t slot = 0; slot < index_.slot_limit() && rows_->aside_bytes() > 0; ++slot)
    rows_->Clear(slot);
  index_.Clear();
  scratch_slot_ = RowIndex::kNoSlot;
  slices_.clear();
  last_slice_rows_ = nullptr;
  ForgetChanges();
  staged_.Clear();
  staged_closes_.clear();
  rows_only_on_disk_ = 0;
  erased_count_ = 0;
  sweep_at_ = 0;
  const std::string prefix = ReservedKey(Reserved::kCount, name_);
  return disk_->Scan(prefix, [&](std::string_view key, std::string_view value) -> Status {
    if (key.size() != prefix.size() + kSliceBytes || value.size() != sizeof(std::int64_t)) {
      return disk_->Unverified("has a row count of table " + name_ + " that cannot be read");
    }
    const std::int64_t count = ReadInt64(value);
    SliceOf(ReadSlice(key.substr(prefix.size()))).rows_on_disk = count;
    rows_only_on_disk_ += count;
    return Status::Ok();
  });
}

void Table::ForgetChanges() {
  dirty_count_ = 0;
  dirty_key_bytes_ = 0;
  closed_.clear();
  tombstones_ = 0;
  tombstone_bytes_ = 0;
  collected_.clear();
  collected_rows_ = ByteArena();
  collected_whole_ = false;
}

// --- Dirty to staged ---

Status Table::Collect(const ChangelogVisitor& visit) {
  collected_.clear();
  collected_rows_ = ByteArena();
  std::map<std::int64_t, const ClosedSlice*> changed;
  for (const ClosedSlice& closed : closed_) changed[closed.slice] = &closed;
  for (const auto& [slice, rows] : slices_) {
    if (!rows.dirty.empty()) changed.try_emplace(slice, nullptr);
  }
  for (const auto& [slice, closed] : changed) MR_RETURN_IF_ERROR(CollectSlice(slice, closed, visit));
  MR_RETURN_IF_ERROR(rows_->failure());
  if (dirty_count_ > 0) average_row_bytes_ = collected_rows_.appended_bytes() / dirty_count_;
  collected_whole_ = true;
  return Status::Ok();
}

Status Table::CollectSlice(std::int64_t slice, const ClosedSlice* closed, const ChangelogVisitor& visit) {
  std::string changelog_key;
  AppendSlice(slice, &changelog_key);
  const auto with_key = [&changelog_key](std::string_view key) -> std::string_view {
    changelog_key.resize(kSliceBytes);
    return changelog_key.append(key);
  };
  // Both lists are in key order; a key in both came back after the slice was closed, and its row wins.
  std::size_t next_closed = 0;
  std::size_t next_on_disk = 0;
  const auto visit_closed_below = [&](std::optional<std::string_view> limit) -> Status {
    for (; closed != nullptr && next_closed < closed->committed.size(); ++next_closed) {
      const std::uint32_t slot = closed->committed[next_closed];
      const bool on_disk = slot == RowIndex::kNoSlot;
      const std::string_view key = on_disk ? closed->KeyOnDisk(next_on_disk) : index_.Key(slot);
      if (limit && key > *limit) break;
      if (on_disk) ++next_on_disk;
      if (limit && key == *limit) continue;
      MR_RETURN_IF_ERROR(visit({name_, with_key(key), std::nullopt}));
    }
    return Status::Ok();
  };
  std::string encoded;
  std::vector<std::uint32_t> dirty;
  if (const auto found = slices_.find(slice); found != slices_.end())
    dirty = InKeyOrder(index_, found->second.dirty);
  for (std::size_t i = 0; i < dirty.size(); ++i) {
    if (i + kPrefetchAhead < dirty.size()) {
      index_.Prefetch(dirty[i + kPrefetchAhead]);
      rows_->Prefetch(dirty[i + kPrefetchAhead]);
    }
    const std::uint32_t slot = dirty[i];
    const std::string_view key = index_.Key(slot);
    if (erased(slot)) {
      collected_.push_back({.slot = slot, .erased = true, .row = {}});
      // A slice closed since the commit has no committed row in memory; its own list has the tombstones.
      if (IsCommitted(slot)) MR_RETURN_IF_ERROR(visit({name_, with_key(key), std::nullopt}));
      continue;
    }
    MR_RETURN_IF_ERROR(visit_closed_below(key));
    encoded.clear();
    rows_->Encode(slot, &encoded);
    const std::string_view row(collected_rows_.Append(encoded), encoded.size());
    collected_.push_back({.slot = slot, .erased = false, .row = row});
    MR_RETURN_IF_ERROR(visit({name_, with_key(key), row}));
  }
  return visit_closed_below(std::nullopt);
}

void Table::Committed() {
  MR_CHECK(collected_whole_) << "table " << name_ << " changed between CollectDirty and CommitDirty";
  constexpr std::string_view kErasedRow = "-";  // not empty, so that something counts as staged
  for (std::size_t i = 0; i < collected_.size(); ++i) {
    if (i + kPrefetchAhead < collected_.size()) {
      index_.Prefetch(collected_[i + kPrefetchAhead].slot);
      staged_.PrefetchPlace(collected_[i + kPrefetchAhead].slot);
    }
    const Collected& row = collected_[i];
    std::uint32_t& flags = index_.flags(row.slot);
    if (row.erased && (flags & (RowIndex::kStaged | RowIndex::kOnDisk)) == 0) {
      Forget(row.slot, &SliceOf(index_.Slice(row.slot)));
      continue;
    }
    staged_.Set(row.slot, row.erased ? kErasedRow : row.row);
    if ((flags & RowIndex::kStaged) == 0) SliceOf(index_.Slice(row.slot)).staged.push_back(row.slot);
    flags = (flags & ~(RowIndex::kDirty | RowIndex::kStagedErased)) | RowIndex::kStaged |
            (row.erased ? RowIndex::kStagedErased : 0U);
  }
  for (auto& [slice, rows] : slices_) rows.dirty.clear();
  for (const ClosedSlice& closed : closed_) {
    ClearAside(closed.rows.slots);
    for (const std::uint32_t slot : closed.rows.slots) index_.Free(slot);
    if (closed.rows.rows_on_disk > 0) staged_closes_.insert(closed.slice);
  }
  ForgetChanges();
  DropEmptySlices();
}

void Table::DropEmptySlices() {
  std::erase_if(slices_, [](const auto& entry) {
    return entry.second.slots.empty() && entry.second.rows_on_disk == 0;
  });
  last_slice_rows_ = nullptr;
}

// --- Back to what is committed ---

Status Table::Rollback() {
  for (auto& [slice, rows] : slices_) MR_RETURN_IF_ERROR(RollBackRows(&rows));
  // What came back after a close was never committed: the closed slice takes its place.
  for (ClosedSlice& closed : closed_) {
    for (const std::uint32_t slot : closed.rows.slots) {
      index_.Relink(slot);
      if (erased(slot)) ++erased_count_;
    }
    rows_only_on_disk_ += closed.rows.only_on_disk();
    SliceRows& rows = slices_[closed.slice];
    rows = std::move(closed.rows);
    MR_RETURN_IF_ERROR(RollBackRows(&rows));
  }
  ForgetChanges();
  DropEmptySlices();
  return Status::Ok();
}

Status Table::RollBackRows(SliceRows* rows) {
  for (const std::uint32_t slot : rows->dirty) {
    std::uint32_t& flags = index_.flags(slot);
    if ((flags & RowIndex::kStaged) == 0) {
      if (rows_->aside_bytes() > 0) rows_->Clear(slot);
      Forget(slot, rows);
      continue;
    }
    flags &= ~RowIndex::kDirty;
    const bool is_erased = (flags & RowIndex::kErased) != 0;
    const bool was_erased = (flags & RowIndex::kStagedErased) != 0;
    erased_count_ += (was_erased ? 1 : 0) - (is_erased ? 1 : 0);
    flags = (flags & ~RowIndex::kErased) | (was_erased ? RowIndex::kErased : 0U);
    if (was_erased) continue;
    MR_RETURN_IF_ERROR(rows_->Decode(slot, staged_[slot]).WithContext("state of " + name_ + " in memory"));
  }
  rows->dirty.clear();
  return Status::Ok();
}

// --- Staged to disk ---

void Table::AppendStaged(rocksdb::WriteBatch* batch) const {
  std::map<std::int64_t, std::int64_t> counts;
  for (const std::int64_t slice : staged_closes_) {
    const std::string prefix = RowKey(slice, "");
    batch->DeleteRange(prefix, PrefixEnd(prefix));
    counts[slice] = 0;
  }
  for (const auto& [slice, rows] : slices_) AppendStagedSlice(slice, rows, batch, &counts);
  for (const ClosedSlice& closed : closed_) AppendStagedSlice(closed.slice, closed.rows, batch, &counts);
  for (const auto& [slice, count] : counts) {
    const std::string key = ReservedKey(Reserved::kCount, name_, slice);
    std::string value;
    AppendInt64(count, &value);
    if (count == 0) {
      batch->Delete(key);
    } else {
      batch->Put(key, value);
    }
  }
}

void Table::AppendStagedSlice(std::int64_t slice, const SliceRows& rows, rocksdb::WriteBatch* batch,
                              std::map<std::int64_t, std::int64_t>* counts) const {
  if (rows.staged.empty()) return;
  std::string key = RowKey(slice, "");
  const std::size_t prefix_size = key.size();
  std::int64_t count = rows.rows_on_disk;
  const std::vector<std::uint32_t> staged = InKeyOrder(index_, rows.staged);
  for (std::size_t i = 0; i < staged.size(); ++i) {
    if (i + 2 * kPrefetchAhead < staged.size()) staged_.PrefetchPlace(staged[i + 2 * kPrefetchAhead]);
    if (i + kPrefetchAhead < staged.size()) {
      index_.Prefetch(staged[i + kPrefetchAhead]);
      staged_.PrefetchRow(staged[i + kPrefetchAhead]);
    }
    const std::uint32_t slot = staged[i];
    key.resize(prefix_size);
    key.append(index_.Key(slot));
    if ((index_.flags(slot) & RowIndex::kStagedErased) != 0) {
      batch->Delete(key);
      if ((index_.flags(slot) & RowIndex::kOnDisk) != 0) --count;
      continue;
    }
    const std::string_view row = staged_[slot];
    batch->Put(key, rocksdb::Slice(row.data(), row.size()));
    if ((index_.flags(slot) & RowIndex::kOnDisk) == 0) ++count;
  }
  (*counts)[slice] = count;
}

void Table::StagedWritten() {
  for (auto& [slice, rows] : slices_) SliceWritten(&rows, /*open=*/true);
  for (ClosedSlice& closed : closed_) SliceWritten(&closed.rows, /*open=*/false);
  staged_.Clear();
  staged_closes_.clear();
  DropEmptySlices();
}

void Table::SliceWritten(SliceRows* rows, bool open) {
  for (const std::uint32_t slot : rows->staged) {
    std::uint32_t& flags = index_.flags(slot);
    if ((flags & RowIndex::kStagedErased) != 0) {
      if ((flags & RowIndex::kOnDisk) != 0) {
        --rows->rows_on_disk;
        --rows->on_disk_in_memory;
      }
      flags &= ~(RowIndex::kStaged | RowIndex::kStagedErased | RowIndex::kOnDisk);
      if (open && (flags & (RowIndex::kErased | RowIndex::kDirty)) == RowIndex::kErased) Forget(slot, rows);
      continue;
    }
    if ((flags & RowIndex::kOnDisk) == 0) {
      ++rows->rows_on_disk;
      ++rows->on_disk_in_memory;
    }
    flags = (flags & ~RowIndex::kStaged) | RowIndex::kOnDisk;
  }
  rows->staged.clear();
}

}  // namespace millrace
