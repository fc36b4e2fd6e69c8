#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"
#include "columnar/record_block.h"
#include "kafka/client.h"
#include "kafka/fetch.h"

namespace millrace::kafka {

/// Reads given partitions without a group, read_committed. One owner, one thread.
class PartitionReader {
 public:
  static Result<std::unique_ptr<PartitionReader>> Make(const ClientOptions& options);
  ~PartitionReader();

  /// First offset and the end of the log, open transactions included.
  Result<std::pair<Offset, Offset>> Bounds(const TopicPartition& partition);
  /// The first offset of an open transaction, the end of the log when there is none.
  Result<Offset> StableEnd(const TopicPartition& partition);
  /// Errors: kAlreadyExists when it is being read.
  Status Add(const TopicPartition& partition, Offset from);
  Status Remove(const TopicPartition& partition);
  Result<std::vector<std::shared_ptr<const RecordBlock>>> Poll(const FetchLimits& limits);
  /// See Fetch::TakeSkipped.
  std::vector<SkippedRecords> TakeSkipped() { return fetch_->TakeSkipped(); }
  /// The next record Poll will return; passes transaction markers. kNoOffset when not added.
  Offset Position(const TopicPartition& partition) const { return fetch_->Position(partition); }

 private:
  struct TopicDeleter {
    void operator()(rd_kafka_topic_t* topic) const;
  };
  using TopicHandle = std::unique_ptr<rd_kafka_topic_t, TopicDeleter>;

  PartitionReader() = default;
  Status Seek(const TopicPartition& partition, Offset offset);

  std::unique_ptr<Client> client_;
  std::unique_ptr<Fetch> fetch_;
  std::map<TopicPartition, TopicHandle> reading_;
};

}  // namespace millrace::kafka
