#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/ids.h"

namespace millrace {

/// Bytes owned by somebody else, or null (Kafka distinguishes a null key or value from an empty one).
struct BytesView {
  const char* data = nullptr;  ///< null means "no bytes", not "empty"
  std::int32_t size = 0;

  bool is_null() const { return data == nullptr; }
  /// Empty when null.
  std::string_view view() const { return {data, static_cast<std::size_t>(size)}; }
  static BytesView Of(std::string_view text) {
    return {text.data() == nullptr ? "" : text.data(), static_cast<std::int32_t>(text.size())};
  }
};

/// What a record says.
struct KeyValue {
  BytesView key;
  BytesView value;
};

/// One header of a record. Names repeat and need not be UTF-8.
struct HeaderView {
  std::string_view name;
  BytesView value;
};

/// Consecutive records of one partition, as they came from the log: views into buffers that the block owns.
///
/// Immutable after RecordBlockBuilder::Finish, shared by const pointer, thread-safe. Every view stays valid
/// as long as the block. At least kPadding readable bytes follow every key and value. Offsets ascend but may
/// have gaps (compaction, transaction markers). Who filled it (librdkafka, a native fetch, the in-memory log)
/// cannot be seen.
class RecordBlock {
 public:
  static constexpr std::size_t kPadding = 64;

  const TopicPartition& partition() const { return partition_; }
  std::int64_t num_records() const { return static_cast<std::int64_t>(offsets_.size()); }
  /// Sum of key, value and header bytes.
  std::int64_t num_bytes() const { return num_bytes_; }

  std::span<const std::int64_t> offsets() const { return offsets_; }
  /// Kafka timestamps in ms; -1 when the record has none.
  std::span<const std::int64_t> timestamps_ms() const { return timestamps_ms_; }
  std::span<const BytesView> keys() const { return keys_; }
  std::span<const BytesView> values() const { return values_; }
  /// Headers of record `i` in their original order.
  std::span<const HeaderView> headers(std::int64_t i) const {
    if (header_starts_.empty()) return {};
    const auto at = static_cast<std::size_t>(i);
    return std::span<const HeaderView>(headers_).subspan(header_starts_[at],
                                                         header_starts_[at + 1] - header_starts_[at]);
  }

  /// Where reading goes on after this block: at least the last offset + 1, more when control records
  /// followed.
  Offset next_offset() const { return next_offset_; }

 private:
  friend class RecordBlockBuilder;
  TopicPartition partition_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int64_t> timestamps_ms_;
  std::vector<BytesView> keys_;
  std::vector<BytesView> values_;
  std::vector<HeaderView> headers_;
  std::vector<std::size_t> header_starts_;  // num_records + 1 entries, or empty when no record has a header
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::int64_t num_bytes_ = 0;
  Offset next_offset_{0};
};

/// Copies records into a new block. One owner, one thread; reusable after Finish.
class RecordBlockBuilder {
 public:
  explicit RecordBlockBuilder(TopicPartition partition) : partition_(std::move(partition)) {}

  /// Precondition: `offset` above all offsets of this block.
  void Append(Offset offset, std::int64_t timestamp_ms, BytesView key, BytesView value);
  /// Adds a header to the record appended last.
  void AppendHeader(std::string_view name, BytesView value);

  const TopicPartition& partition() const { return partition_; }
  std::int64_t num_records() const { return block_ ? block_->num_records() : 0; }
  std::int64_t num_bytes() const { return block_ ? block_->num_bytes_ : 0; }

  /// The block so far; the builder starts a new one. `next_offset` as in RecordBlock; kNoOffset: last offset
  /// + 1.
  std::shared_ptr<const RecordBlock> Finish(Offset next_offset = kNoOffset);

 private:
  RecordBlock& block();
  /// Makes the next copies of `size` bytes together lie in one chunk.
  void MakeRoom(std::size_t size);
  /// Precondition: room was made.
  BytesView Copy(BytesView from);

  TopicPartition partition_;
  std::shared_ptr<RecordBlock> block_;
  std::size_t records_last_block_ = 0;  // the next one will probably be as large
  std::size_t chunk_left_ = 0;
  char* chunk_at_ = nullptr;
};

}  // namespace millrace
