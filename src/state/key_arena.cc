#include "state/key_arena.h"

#include <algorithm>
#include <cstring>

namespace millrace {
namespace {
constexpr std::size_t kMaxChunkBytes = 256 * 1024;
}

const char* KeyArena::Append(std::string_view key) {
  if (key.size() > left_) {
    const std::size_t bytes = std::max(next_chunk_bytes_, key.size());
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    at_ = chunks_.back().get();
    left_ = bytes;
    allocated_bytes_ += static_cast<std::int64_t>(bytes);
    next_chunk_bytes_ = std::min(next_chunk_bytes_ * 2, kMaxChunkBytes);
  }
  char* const copy = at_;
  std::memcpy(copy, key.data(), key.size());
  at_ += key.size();
  left_ -= key.size();
  return copy;
}

}  // namespace millrace
