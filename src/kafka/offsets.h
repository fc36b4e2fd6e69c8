#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"

typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_topic_partition_list_s rd_kafka_topic_partition_list_t;

namespace millrace::kafka {

/// The offset where a group goes on reading, with the text committed beside it.
struct GroupOffset {
  TopicPartition partition;
  Offset offset = kNoOffset;  ///< kNoOffset: none
  std::string metadata;
};

struct PartitionListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const;
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, PartitionListDeleter>;

PartitionList MakePartitionList(std::span<const TopicPartition> partitions);
/// With offsets and metadata, as commits take them.
PartitionList MakePartitionList(std::span<const GroupOffset> offsets);
std::vector<TopicPartition> FromPartitionList(const rd_kafka_topic_partition_list_t* list);

/// First offset of the log and the one after its last record, transactions still open included
/// (READ_UNCOMMITTED). Errors: kUnavailable, kTimeout, kNotFound.
Result<std::pair<Offset, Offset>> LogBounds(rd_kafka_t* handle, const TopicPartition& partition,
                                            Duration timeout);
/// The first offset of an open transaction, the end of the log when there is none. Errors: as LogBounds.
Result<Offset> StableEnd(rd_kafka_t* handle, const TopicPartition& partition, Duration timeout);

}  // namespace millrace::kafka
