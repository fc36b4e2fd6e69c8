#include "columnar/record_block.h"

#include <algorithm>
#include <cstring>

namespace millrace {
namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;

}  // namespace

RecordBlock& RecordBlockBuilder::block() {
  if (block_ == nullptr) {
    block_ = std::make_shared<RecordBlock>();
    block_->partition_ = partition_;
    chunk_left_ = 0;
  }
  return *block_;
}

const char* RecordBlockBuilder::Copy(const char* data, std::size_t size) {
  if (size > chunk_left_) {
    const std::size_t chunk = std::max(kChunkBytes, size);
    // Left uninitialised but for the padding: every other byte is written before it is read.
    block_->chunks_.emplace_back(new char[chunk + RecordBlock::kPadding]);
    chunk_at_ = block_->chunks_.back().get();
    chunk_left_ = chunk;
    std::memset(chunk_at_ + chunk, 0, RecordBlock::kPadding);
  }
  char* at = chunk_at_;
  std::memcpy(at, data, size);
  chunk_at_ += size;
  chunk_left_ -= size;
  return at;
}

void RecordBlockBuilder::Append(Offset offset, std::int64_t timestamp_ms, BytesView key, BytesView value) {
  RecordBlock& to = block();
  MR_CHECK(to.offsets_.empty() || offset.value() > to.offsets_.back()) << partition_ << " offset " << offset;
  to.offsets_.push_back(offset.value());
  to.timestamps_ms_.push_back(timestamp_ms);
  for (const auto& [from, column] : {std::pair{key, &to.keys_}, std::pair{value, &to.values_}}) {
    BytesView copy;
    if (!from.is_null()) {
      copy.data = from.size == 0 ? "" : Copy(from.data, static_cast<std::size_t>(from.size));
      copy.size = from.size;
    }
    column->push_back(copy);
    to.num_bytes_ += from.size;
  }
  if (!to.header_starts_.empty()) to.header_starts_.push_back(to.headers_.size());
}

void RecordBlockBuilder::AppendHeader(std::string_view name, BytesView value) {
  MR_CHECK(num_records() > 0);
  RecordBlock& to = *block_;
  if (to.header_starts_.empty()) to.header_starts_.assign(to.offsets_.size() + 1, 0);
  HeaderView copy;
  copy.name = {Copy(name.data(), name.size()), name.size()};
  if (!value.is_null()) {
    copy.value = {value.size == 0 ? "" : Copy(value.data, static_cast<std::size_t>(value.size)), value.size};
  }
  to.headers_.push_back(copy);
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
  return std::move(block_);
}

}  // namespace millrace
