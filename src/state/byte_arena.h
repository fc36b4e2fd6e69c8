#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace millrace {

/// Append-only storage for keys and rows: addresses stay valid until destruction. It grows by chunks, so that
/// what it has is never copied to a larger place. One owner, one thread.
class ByteArena {
 public:
  /// Returns where the copy of `bytes` lies.
  char* Append(std::string_view bytes);
  /// Notes that `size` appended bytes are not needed any more.
  void Release(std::size_t size) { released_bytes_ += static_cast<std::int64_t>(size); }

  std::int64_t appended_bytes() const { return appended_bytes_; }
  std::int64_t allocated_bytes() const { return allocated_bytes_; }
  std::int64_t released_bytes() const { return released_bytes_; }
  std::int64_t bytes_in_use() const { return allocated_bytes_ - released_bytes_; }

 private:
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::size_t next_chunk_bytes_ = 1024;
  std::int64_t appended_bytes_ = 0;
  std::int64_t allocated_bytes_ = 0;
  std::int64_t released_bytes_ = 0;
};

}  // namespace millrace
