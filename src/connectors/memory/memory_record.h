#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace millrace {

struct MemoryHeader {
  std::string name;
  std::optional<std::string> value;
  friend bool operator==(const MemoryHeader&, const MemoryHeader&) = default;
};

/// One record that owns its bytes, as tests write and read it.
struct MemoryRecord {
  Offset offset{0};
  std::int64_t timestamp_ms = 0;
  std::optional<std::string> key{};
  std::optional<std::string> value{};
  std::vector<MemoryHeader> headers{};
  friend bool operator==(const MemoryRecord&, const MemoryRecord&) = default;
};

/// What a reader may see.
enum class Isolation { kReadCommitted, kReadUncommitted };

}  // namespace millrace
