// The part of Table that reads without changing.

#include <algorithm>

#include "base/check.h"
#include "state/table.h"

namespace millrace {

static_assert(KeyedTable::kNoSlot == RowIndex::kNoSlot);

Status Table::Find(std::span<const std::int64_t> slices, const KeyColumn& keys,
                   std::span<std::uint32_t> slots) {
  MR_CHECK(slices.size() == slots.size() && keys.num_rows() == static_cast<std::int64_t>(slots.size()))
      << "table " << name_ << ": " << slices.size() << " slices, " << keys.num_rows() << " keys, "
      << slots.size() << " slots";
  if (slices_.empty()) {
    std::fill(slots.begin(), slots.end(), kNoSlot);
    return Status::Ok();
  }
  std::uint32_t hashes[RowIndex::kBatchRows];
  // Rows mostly lie in the slice of the row before them.
  std::int64_t last_slice = 0;
  const SliceRows* last_rows = nullptr;
  bool looked = false;
  for (std::size_t first = 0; first < slots.size(); first += RowIndex::kBatchRows) {
    const std::size_t n = std::min(RowIndex::kBatchRows, slots.size() - first);
    std::uint32_t* const found = slots.data() + first;
    index_.FindBatch(slices.data() + first, keys, first, n, hashes, found);
    for (std::size_t i = 0; i < n; ++i) {
      if (found[i] != kNoSlot) {
        found[i] = ReadInMemory(found[i]);
        continue;
      }
      const std::int64_t slice = slices[first + i];
      if (!looked || slice != last_slice) {
        const auto at = slices_.find(slice);
        last_rows = at == slices_.end() ? nullptr : &at->second;
        last_slice = slice;
        looked = true;
      }
      if (last_rows != nullptr && last_rows->only_on_disk() > 0) {
        found[i] = AddRow(slice, keys[first + i], hashes[i]);
      }
    }
  }
  return pending_.empty() ? Status::Ok() : ResolveFound(slots);
}

Status Table::ResolveFound(std::span<std::uint32_t> slots) {
  const std::vector<std::uint32_t> asked = pending_;
  const Status status = ResolvePending();
  for (const std::uint32_t slot : asked) {
    if ((index_.flags(slot) & RowIndex::kOnDisk) == 0) Forget(slot, &SliceOf(index_.Slice(slot)));
  }
  for (std::uint32_t& slot : slots) {
    if (slot != kNoSlot && (index_.flags(slot) & RowIndex::kUsed) == 0) slot = kNoSlot;
  }
  return status;
}

void Table::MarkDirty(std::span<const std::uint32_t> slots) {
  if (slots.empty()) return;
  collected_whole_ = false;
  for (const std::uint32_t slot : slots) MarkDirty(slot);
}

}  // namespace millrace
