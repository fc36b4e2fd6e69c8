#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/metrics.h"
#include "base/result.h"
#include "columnar/record_block.h"
#include "kafka/undecodable.h"

typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_topic_s rd_kafka_topic_t;
typedef struct rd_kafka_queue_s rd_kafka_queue_t;
typedef struct rd_kafka_message_s rd_kafka_message_t;
typedef struct rd_kafka_topic_partition_list_s rd_kafka_topic_partition_list_t;

namespace millrace::kafka {

/// How much one Collect may take.
struct FetchLimits {
  Duration wait{100};
  std::int64_t max_records = 65'536;
  std::int64_t max_bytes = 16 << 20;
  Duration linger{0};  ///< of a Poll: for more records after the first, while there is room
};

/// Records of a batch that can never be read, passed over.
struct SkippedRecords {
  TopicPartition partition;
  Offset first;
  Offset next;
  std::string reason;
};

/// A partition whose next record is not in the log any more.
struct GonePartition {
  TopicPartition partition;
  Status cause;  ///< kAborted
};

/// The reading side of a consumer: one librdkafka queue into which the partitions being read are forwarded,
/// and the blocks that their records are copied into, inside librdkafka's callback (the fastest of its ways
/// to consume).
///
/// One owner, one thread. Partitions are added and removed by the owner; delivery starts with Start.
/// Positions are kept here: the next record Collect will return, past transaction markers and batches of
/// aborted transactions.
class Fetch {
 public:
  /// Seeks a partition of the handle; called outside of the consume callback.
  using Seek = std::function<Status(const TopicPartition&, Offset)>;

  /// `handle` must outlive the object. `metrics` may be null.
  Fetch(rd_kafka_t* handle, Seek seek, MetricRegistry* metrics);
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;
  ~Fetch();

  rd_kafka_queue_t* queue() const { return queue_; }

  void Add(const TopicPartition& partition);
  void Remove(const TopicPartition& partition);
  void Clear();
  bool Has(const TopicPartition& partition) const { return Find(partition) != nullptr; }

  /// Records from `offset` on are delivered from now; earlier ones still queued are not.
  /// Precondition: Has(partition).
  void Start(const TopicPartition& partition, Offset offset);
  /// kNoOffset when not started.
  Offset Position(const TopicPartition& partition) const;
  /// The position at which the end was last reported to be reached (last stable offset then), or kNoOffset.
  Offset EndSeenAt(const TopicPartition& partition) const;

  /// Waits for records up to `limits.wait`; call Take afterwards. True when anything came, which may be only
  /// the end of a partition or a transaction marker: positions may have moved without a record.
  bool Collect(const FetchLimits& limits);
  bool empty() const { return records_ == 0; }
  bool HasRoom(const FetchLimits& limits) const {
    return records_ < limits.max_records && bytes_ < limits.max_bytes;
  }
  /// The blocks collected, one per partition that got records.
  std::vector<std::shared_ptr<const RecordBlock>> Take();

  /// What was passed over since the last call, of partitions not started anew since.
  std::vector<SkippedRecords> TakeSkipped();

  /// The first error of a partition since the last call that reading does not get over by itself, or ok.
  Status TakeError();
  /// Partitions whose next record is not in the log any more, each once: nothing more of them is delivered
  /// before Start.
  std::vector<GonePartition> TakeGone();

 private:
  struct PartitionFetch;
  static void OnMessage(rd_kafka_message_t* message, void* opaque);
  PartitionFetch* Find(const TopicPartition& partition) const;
  PartitionFetch* FindFast(const rd_kafka_topic_t* topic, std::int32_t partition);
  void Append(PartitionFetch& to, const rd_kafka_message_t& message);
  /// Whether records were removed between its position and `next`, which came. Nothing more of it is
  /// delivered then, before Start.
  bool IsGone(PartitionFetch& at, Offset next);
  static void AppendHeaders(const rd_kafka_message_t& message, RecordBlockBuilder* to);
  void OnPartitionError(PartitionFetch& at, const rd_kafka_message_t& message);
  void Apply(PartitionFetch& at, const UndecodableBatch::Step& step);
  void FollowSearches();
  void UpdatePositions();
  void RebuildPositionList();
  void DropCollected(PartitionFetch& of);

  rd_kafka_t* const handle_;
  const Seek seek_;
  Counter* const undecodable_;  // null without metrics
  rd_kafka_queue_t* queue_;     // owned
  std::vector<std::unique_ptr<PartitionFetch>> partitions_;
  rd_kafka_topic_partition_list_t* position_list_ = nullptr;  // owned; same order as partitions_

  // During one Collect
  FetchLimits limits_;
  std::int64_t records_ = 0;
  std::int64_t bytes_ = 0;
  const rd_kafka_topic_t* last_topic_ = nullptr;
  std::int32_t last_partition_ = -1;
  PartitionFetch* last_found_ = nullptr;
  bool searching_ = false;  // some partition wants to be sought
  Status error_;
  std::vector<GonePartition> gone_;
};

}  // namespace millrace::kafka
