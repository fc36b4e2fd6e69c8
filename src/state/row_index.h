#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "state/keyed_table.h"

namespace millrace {

/// Hash index (slice, key) -> slot in memory: open addressing with linear probing, probed a batch at a time
/// so that the cache misses of many rows overlap. One owner, one thread.
///
/// Slots are dense numbers; erased ones are given out again. Keys up to kInlineKeyBytes live in the slot,
/// longer ones at an address that the owner keeps valid while the slot is used.
///
/// Invariants:
///   1. A used slot is in exactly one bucket, reachable from its home bucket without crossing an empty one.
///   2. At most 5/8 of the buckets are in use.
class RowIndex {
 public:
  static constexpr std::uint32_t kNoSlot = 0xffffffffU;
  static constexpr std::size_t kInlineKeyBytes = 12;
  /// Rows that FindBatch takes at once.
  static constexpr std::size_t kBatchRows = 128;

  /// What is known of a slot beside its key; the owner's bits.
  enum Flag : std::uint32_t {
    kUsed = 1,            ///< holds a row
    kDirty = 2,           ///< changed since the last commit
    kOnDisk = 4,          ///< a committed row of this key is on disk
    kReferenced = 8,      ///< used since the eviction sweep passed
    kPending = 16,        ///< to be read from disk in this lookup
    kStaged = 32,         ///< committed later than what is on disk
    kErased = 64,         ///< holds no row; its key is kept until the disk has forgotten it
    kStagedErased = 128,  ///< what is staged is that the row is gone
  };

  RowIndex();

  static std::uint32_t Hash(std::int64_t slice, std::string_view key);

  /// Finds rows [0, n) of a batch, n <= kBatchRows: hashes[i] and slots[i], kNoSlot for the unknown.
  void FindBatch(const std::int64_t* slices, const KeyColumn& keys, std::size_t first_row, std::size_t n,
                 std::uint32_t* hashes, std::uint32_t* slots) const;
  std::uint32_t Find(std::int64_t slice, std::string_view key, std::uint32_t hash) const;

  /// Adds a key that is not there. `key` is copied when it fits inline, else referred to.
  std::uint32_t Insert(std::int64_t slice, std::string_view key, std::uint32_t hash);
  /// Makes the key unknown; the slot with its key and flags stays.
  void Unlink(std::uint32_t slot);
  /// Takes Unlink back. Precondition: the key is unknown.
  void Relink(std::uint32_t slot);
  /// Gives an unlinked slot back.
  void Free(std::uint32_t slot);
  void Clear();
  /// A slot for the owner's own use: never found, never given out again until Clear.
  std::uint32_t ReserveSlot();

  /// For loops over many slots: what Key, Slice and flags of it will read.
  void Prefetch(std::uint32_t slot) const { __builtin_prefetch(&slots_[slot]); }
  std::string_view Key(std::uint32_t slot) const { return slots_[slot].Key(); }
  std::int64_t Slice(std::uint32_t slot) const { return slots_[slot].slice; }
  std::uint32_t& flags(std::uint32_t slot) { return slots_[slot].flags; }
  std::uint32_t flags(std::uint32_t slot) const { return slots_[slot].flags; }
  /// Tells where the bytes of a long key lie now. Precondition: same bytes, size > kInlineKeyBytes.
  void MoveKey(std::uint32_t slot, const char* data) { slots_[slot].SetLongData(data); }

  /// Slots ever given out: all slots are below.
  std::uint32_t slot_limit() const { return static_cast<std::uint32_t>(slots_.size()); }
  std::int64_t size() const { return size_; }
  std::int64_t memory_bytes() const;

 private:
  // 32 bytes, two to a cache line. Bytes of a short key lie in bytes[0..12); a long key has its first four
  // bytes in bytes[0..4) and its address in bytes[4..12).
  struct Slot {
    std::int64_t slice;
    std::uint32_t size;
    char bytes[kInlineKeyBytes];
    std::uint32_t hash;
    std::uint32_t flags;

    const char* LongData() const {
      const char* data;
      std::memcpy(&data, bytes + 4, sizeof(data));
      return data;
    }
    void SetLongData(const char* data) { std::memcpy(bytes + 4, &data, sizeof(data)); }
    std::string_view Key() const { return {size <= kInlineKeyBytes ? bytes : LongData(), size}; }
    bool Equals(std::int64_t other_slice, std::string_view key) const;
  };
  static_assert(sizeof(Slot) == 32);

  void MakeBucketRoom();
  void AddBucket(std::uint64_t bucket);

  // A bucket is 0 when empty, else hash << 32 | slot + 1.
  std::vector<std::uint64_t> buckets_;
  std::uint32_t mask_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::int64_t size_ = 0;
};

}  // namespace millrace
