#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <ostream>
#include <string>

#include "base/strong_type.h"

namespace millrace {

/// Position of a record in one partition.
using Offset = Strong<struct OffsetTag, std::int64_t>;
/// Partition number of a topic.
using Partition = Strong<struct PartitionTag, std::int32_t>;
/// Event time in milliseconds since the Unix epoch; may be negative.
using EventTime = Strong<struct EventTimeTag, std::int64_t>;
/// Event time in ms before which no more rows are expected.
using Watermark = Strong<struct WatermarkTag, std::int64_t>;

inline constexpr Offset kNoOffset{-1};
inline constexpr Watermark kNoWatermark{std::numeric_limits<std::int64_t>::min()};
inline constexpr Watermark kEndOfTime{std::numeric_limits<std::int64_t>::max()};

/// The offset after `offset`.
constexpr Offset Next(Offset offset) { return Offset(offset.value() + 1); }

/// One partition of one topic.
struct TopicPartition {
  std::string topic;
  Partition partition;

  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
  friend std::ostream& operator<<(std::ostream& out, const TopicPartition& tp) {
    return out << tp.topic << "[" << tp.partition << "]";
  }
  /// "topic[partition]", as error messages and logs write it.
  std::string ToString() const { return topic + "[" + std::to_string(partition.value()) + "]"; }
};

}  // namespace millrace

template <>
struct std::hash<millrace::TopicPartition> {
  std::size_t operator()(const millrace::TopicPartition& tp) const {
    return std::hash<std::string>{}(tp.topic) * 31U + static_cast<std::size_t>(tp.partition.value());
  }
};
