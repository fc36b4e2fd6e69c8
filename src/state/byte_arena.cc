#include "state/byte_arena.h"

#include <algorithm>
#include <cstring>

namespace millrace {
namespace {
constexpr std::size_t kMaxChunkBytes = 256 * 1024;
}

char* ByteArena::Append(std::string_view bytes) {
  if (bytes.size() > left_) {
    const std::size_t chunk_bytes = std::max(next_chunk_bytes_, bytes.size());
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_bytes));
    at_ = chunks_.back().get();
    left_ = chunk_bytes;
    allocated_bytes_ += static_cast<std::int64_t>(chunk_bytes);
    next_chunk_bytes_ = std::min(next_chunk_bytes_ * 2, kMaxChunkBytes);
  }
  char* const copy = at_;
  if (!bytes.empty()) std::memcpy(copy, bytes.data(), bytes.size());
  at_ += bytes.size();
  left_ -= bytes.size();
  appended_bytes_ += static_cast<std::int64_t>(bytes.size());
  return copy;
}

}  // namespace millrace
