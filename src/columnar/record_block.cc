#include "columnar/record_block.h"

#include <algorithm>
#include <cstring>

namespace millrace {
namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;
// Most records that a new block makes room for, however large the one before it was.
constexpr std::size_t kMostReserved = 65'536;

}  // namespace

RecordBlock& RecordBlockBuilder::block() {
  if (block_ == nullptr) {
    block_ = std::make_shared<RecordBlock>();
    block_->partition_ = partition_;
    block_->offsets_.reserve(records_last_block_);
    block_->timestamps_ms_.reserve(records_last_block_);
    block_->keys_.reserve(records_last_block_);
    block_->values_.reserve(records_last_block_);
    chunk_left_ = 0;
  }
  return *block_;
}

void RecordBlockBuilder::MakeRoom(std::size_t size) {
  if (size <= chunk_left_) return;
  const std::size_t chunk = std::max(kChunkBytes, size);
  // Left uninitialised but for the padding: every other byte is written before it is read.
  block_->chunks_.emplace_back(new char[chunk + RecordBlock::kPadding]);
  chunk_at_ = block_->chunks_.back().get();
  chunk_left_ = chunk;
  std::memset(chunk_at_ + chunk, 0, RecordBlock::kPadding);
}

BytesView RecordBlockBuilder::Copy(BytesView from) {
  if (from.is_null()) return {};
  if (from.size == 0) return {"", 0};
  char* at = chunk_at_;
  const auto size = static_cast<std::size_t>(from.size);
  std::memcpy(at, from.data, size);
  chunk_at_ += size;
  chunk_left_ -= size;
  return {at, from.size};
}

void RecordBlockBuilder::Append(Offset offset, std::int64_t timestamp_ms, BytesView key, BytesView value) {
  RecordBlock& to = block();
  MR_CHECK(to.offsets_.empty() || offset.value() > to.offsets_.back()) << partition_ << " offset " << offset;
  MakeRoom(static_cast<std::size_t>(key.size) + static_cast<std::size_t>(value.size));
  to.offsets_.push_back(offset.value());
  to.timestamps_ms_.push_back(timestamp_ms);
  to.keys_.push_back(Copy(key));
  to.values_.push_back(Copy(value));
  to.num_bytes_ += static_cast<std::int64_t>(key.size) + value.size;
  if (!to.header_starts_.empty()) to.header_starts_.push_back(to.headers_.size());
}

void RecordBlockBuilder::AppendHeader(std::string_view name, BytesView value) {
  MR_CHECK(num_records() > 0);
  RecordBlock& to = *block_;
  if (to.header_starts_.empty()) to.header_starts_.assign(to.offsets_.size() + 1, 0);
  MakeRoom(name.size() + static_cast<std::size_t>(value.size));
  to.headers_.push_back({.name = Copy(BytesView::Of(name)).view(), .value = Copy(value)});
  to.header_starts_.back() = to.headers_.size();
  to.num_bytes_ += static_cast<std::int64_t>(name.size()) + value.size;
}

std::shared_ptr<const RecordBlock> RecordBlockBuilder::Finish(Offset next_offset) {
  RecordBlock& done = block();
  if (!done.offsets_.empty()) {
    done.next_offset_ = std::max(next_offset, Next(Offset(done.offsets_.back())));
  } else {
    done.next_offset_ = std::max(next_offset, Offset(0));
  }
  chunk_left_ = 0;
  records_last_block_ = std::min(done.offsets_.size(), kMostReserved);
  return std::move(block_);
}

}  // namespace millrace
