#include "engine/savepoint/log_reading.h"

#include <string>

namespace millrace {
namespace {

constexpr Duration kPoll{500};
constexpr int kMostEmptyPolls = 60;  // an open transaction of a process that died ends sooner

Status ReadAdded(ChangelogReader& reader, const TopicPartition& partition, Offset end,
                 const std::function<Status(const RecordBlock&)>& visit) {
  int empty_polls = 0;
  while (reader.Position(partition) < end) {
    const Offset before = reader.Position(partition);
    MR_ASSIGN_OR_RETURN(const auto blocks, reader.Poll(kPoll));
    for (const UndecodableRecords& lost : reader.TakeUndecodable()) {
      return Status::Corrupt(lost.partition.ToString() + " cannot be decoded at offsets " +
                             std::to_string(lost.first.value()) + " to " +
                             std::to_string(lost.next.value() - 1) + " (" + lost.message +
                             "); restore the topic first");
    }
    for (const auto& block : blocks) {
      if (block->num_records() > 0) MR_RETURN_IF_ERROR(visit(*block));
    }
    empty_polls = reader.Position(partition) > before ? 0 : empty_polls + 1;
    if (empty_polls >= kMostEmptyPolls) {
      return Status::Timeout(partition.ToString() +
                             " cannot be read to its end; a transaction is open, which ends within its "
                             "transaction.timeout.ms: try again");
    }
  }
  return Status::Ok();
}

}  // namespace

Status ReadUpTo(ChangelogReader& reader, const TopicPartition& partition, Offset from, Offset end,
                const std::function<Status(const RecordBlock&)>& visit) {
  if (from >= end) return Status::Ok();
  MR_RETURN_IF_ERROR(reader.Add(partition, from));
  const Status read = ReadAdded(reader, partition, end, visit);
  const Status removed = reader.Remove(partition);
  return read.ok() ? removed : read;
}

}  // namespace millrace
