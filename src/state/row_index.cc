#include "state/row_index.h"

#include <xxhash.h>

#include "base/check.h"

namespace millrace {
namespace {

constexpr std::size_t kFirstBuckets = 64;

std::uint64_t BucketOf(std::uint32_t hash, std::uint32_t slot) {
  return (static_cast<std::uint64_t>(hash) << 32) | (static_cast<std::uint64_t>(slot) + 1);
}
std::uint32_t HashOf(std::uint64_t bucket) { return static_cast<std::uint32_t>(bucket >> 32); }
std::uint32_t SlotOf(std::uint64_t bucket) { return static_cast<std::uint32_t>(bucket) - 1; }

template <typename Word>
bool SameEnds(const char* a, const char* b, std::size_t size) {
  Word a_head, b_head, a_tail, b_tail;
  std::memcpy(&a_head, a, sizeof(Word));
  std::memcpy(&b_head, b, sizeof(Word));
  std::memcpy(&a_tail, a + size - sizeof(Word), sizeof(Word));
  std::memcpy(&b_tail, b + size - sizeof(Word), sizeof(Word));
  return ((a_head ^ b_head) | (a_tail ^ b_tail)) == 0;
}

// Equality of two keys of at most 16 bytes without a call.
bool SameShortBytes(const char* a, const char* b, std::size_t size) {
  if (size >= 8) return SameEnds<std::uint64_t>(a, b, size);
  if (size >= 4) return SameEnds<std::uint32_t>(a, b, size);
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace

bool RowIndex::Slot::Equals(std::int64_t other_slice, std::string_view key) const {
  if (slice != other_slice || size != key.size()) return false;
  if (size <= kInlineKeyBytes) return SameShortBytes(bytes, key.data(), size);
  return std::memcmp(bytes, key.data(), 4) == 0 && std::memcmp(LongData(), key.data(), size) == 0;
}

RowIndex::RowIndex() : buckets_(kFirstBuckets, 0), mask_(kFirstBuckets - 1) {}

std::uint32_t RowIndex::Hash(std::int64_t slice, std::string_view key) {
  const std::uint64_t hash = XXH3_64bits_withSeed(key.data(), key.size(), static_cast<XXH64_hash_t>(slice));
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

void RowIndex::FindBatch(const std::int64_t* slices, const KeyColumn& keys, std::size_t first_row,
                         std::size_t n, std::uint32_t* hashes, std::uint32_t* slots) const {
  for (std::size_t i = 0; i < n; ++i) {
    hashes[i] = Hash(slices[i], keys[first_row + i]);
    __builtin_prefetch(&buckets_[hashes[i] & mask_]);
  }
  // The first bucket whose hash agrees is nearly always the one: fetch its slot while the others are looked
  // up.
  for (std::size_t i = 0; i < n; ++i) {
    std::uint32_t at = hashes[i] & mask_;
    std::uint64_t bucket = buckets_[at];
    while (bucket != 0 && HashOf(bucket) != hashes[i]) {
      at = (at + 1) & mask_;
      bucket = buckets_[at];
    }
    slots[i] = SlotOf(bucket);  // kNoSlot when empty
    if (bucket != 0) __builtin_prefetch(&slots_[SlotOf(bucket)]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (slots[i] == kNoSlot) continue;
    const std::string_view key = keys[first_row + i];
    if (!slots_[slots[i]].Equals(slices[i], key)) slots[i] = Find(slices[i], key, hashes[i]);
  }
}

std::uint32_t RowIndex::Find(std::int64_t slice, std::string_view key, std::uint32_t hash) const {
  for (std::uint32_t at = hash & mask_;; at = (at + 1) & mask_) {
    const std::uint64_t bucket = buckets_[at];
    if (bucket == 0) return kNoSlot;
    if (HashOf(bucket) == hash && slots_[SlotOf(bucket)].Equals(slice, key)) return SlotOf(bucket);
  }
}

std::uint32_t RowIndex::Insert(std::int64_t slice, std::string_view key, std::uint32_t hash) {
  MakeBucketRoom();
  const std::uint32_t slot = ReserveSlot();
  Slot& added = slots_[slot];
  added = Slot{.slice = slice,
               .size = static_cast<std::uint32_t>(key.size()),
               .bytes = {},
               .hash = hash,
               .flags = kUsed};
  if (key.size() <= kInlineKeyBytes) {
    if (!key.empty()) std::memcpy(added.bytes, key.data(), key.size());
  } else {
    std::memcpy(added.bytes, key.data(), 4);
    added.SetLongData(key.data());
  }
  AddBucket(BucketOf(hash, slot));
  ++size_;
  return slot;
}

std::uint32_t RowIndex::ReserveSlot() {
  if (free_slots_.empty()) {
    MR_CHECK(slots_.size() < kNoSlot) << "more than 2^32 rows in one table in memory";
    slots_.emplace_back();
    return slot_limit() - 1;
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void RowIndex::AddBucket(std::uint64_t bucket) {
  std::uint32_t at = HashOf(bucket) & mask_;
  while (buckets_[at] != 0) at = (at + 1) & mask_;
  buckets_[at] = bucket;
}

void RowIndex::MakeBucketRoom() {
  if (static_cast<std::uint64_t>(size_ + 1) * 8 <= static_cast<std::uint64_t>(buckets_.size()) * 5) return;
  MR_CHECK(buckets_.size() <= (1ULL << 31)) << "too many rows in one table in memory";
  std::vector<std::uint64_t> old(buckets_.size() * 2, 0);
  old.swap(buckets_);
  mask_ = static_cast<std::uint32_t>(buckets_.size() - 1);
  for (const std::uint64_t bucket : old) {
    if (bucket != 0) AddBucket(bucket);
  }
}

void RowIndex::Unlink(std::uint32_t slot) {
  const Slot& unlinked = slots_[slot];
  MR_CHECK((unlinked.flags & kUsed) != 0) << "slot " << slot << " is not in use";
  const std::uint64_t target = BucketOf(unlinked.hash, slot);
  std::uint32_t hole = unlinked.hash & mask_;
  while (buckets_[hole] != target) hole = (hole + 1) & mask_;
  // Moves later entries of the run back into the hole, unless that would put one before its home bucket.
  for (std::uint32_t at = (hole + 1) & mask_; buckets_[at] != 0; at = (at + 1) & mask_) {
    const std::uint32_t home = HashOf(buckets_[at]) & mask_;
    if (((at - home) & mask_) >= ((at - hole) & mask_)) {
      buckets_[hole] = buckets_[at];
      hole = at;
    }
  }
  buckets_[hole] = 0;
  --size_;
}

void RowIndex::Relink(std::uint32_t slot) {
  MakeBucketRoom();
  AddBucket(BucketOf(slots_[slot].hash, slot));
  ++size_;
}

void RowIndex::Free(std::uint32_t slot) {
  slots_[slot].flags = 0;
  free_slots_.push_back(slot);
}

void RowIndex::Clear() {
  buckets_.assign(kFirstBuckets, 0);
  mask_ = kFirstBuckets - 1;
  slots_.clear();
  free_slots_.clear();
  size_ = 0;
}

std::int64_t RowIndex::memory_bytes() const {
  return static_cast<std::int64_t>(buckets_.capacity() * sizeof(std::uint64_t) +
                                   slots_.capacity() * sizeof(Slot) +
                                   free_slots_.capacity() * sizeof(std::uint32_t));
}

}  // namespace millrace
