#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace millrace {

/// The 32-bit murmur2 hash that Kafka's Java client computes over key bytes (seed 0x9747b28c).
std::uint32_t Murmur2(std::string_view bytes);

/// The partition Kafka's Java client chooses for a non-null key. Precondition: partitions > 0.
Partition PartitionOfKey(std::string_view key, std::int32_t partitions);

}  // namespace millrace
