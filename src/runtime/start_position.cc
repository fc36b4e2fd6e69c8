#include "runtime/start_position.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/log.h"
#include "runtime/offset_metadata.h"

namespace millrace {
namespace {

constexpr std::int32_t kNone = 0;  // of kBegunNote: every partition that is new counts as added

std::optional<std::int32_t> BegunNote(const OffsetMetadata& metadata) {
  const auto note = metadata.notes.find(std::string(kBegunNote));
  if (note == metadata.notes.end()) return std::nullopt;
  std::int32_t partitions = kNone;
  std::from_chars(note->second.data(), note->second.data() + note->second.size(), partitions);
  return partitions;
}

/// What kBegunNote says beside one of `offsets`; nullopt when nothing is committed for any of them.
Result<std::optional<std::int32_t>> BegunWith(const std::vector<CommittedOffset>& offsets) {
  std::optional<std::int32_t> begun;
  for (const CommittedOffset& at : offsets) {
    if (at.offset == kNoOffset) continue;
    MR_ASSIGN_OR_RETURN(
        const OffsetMetadata metadata,
        ParseOffsetMetadata(at.metadata).WithContext("committed offset of " + at.partition.ToString()));
    if (const auto note = BegunNote(metadata); note.has_value()) return note;
    begun = kNone;  // it began at the beginnings
  }
  return begun;
}

Result<StartPosition> FromCommitted(const StartQuestion& question, std::pair<Offset, Offset> log) {
  const CommittedOffset& committed = question.committed;
  MR_ASSIGN_OR_RETURN(const OffsetMetadata metadata,
                      ParseOffsetMetadata(committed.metadata)
                          .WithContext("committed offset of " + committed.partition.ToString()));
  StartPosition start{.offset = committed.offset, .begun = BegunNote(metadata)};
  if (committed.offset >= log.first && committed.offset <= log.second) return start;
  if (question.reset == OffsetReset::kError) {
    return Status::InvalidArgument(committed.partition.ToString() + ": the committed offset " +
                                   std::to_string(committed.offset.value()) + " is outside the log (" +
                                   std::to_string(log.first.value()) + " to " +
                                   std::to_string(log.second.value()) +
                                   ") and offset_reset is 'error'; set offset_reset: earliest or run "
                                   "'millrace reset'");
  }
  start.offset = log.first;
  const bool removed = committed.offset < log.first;
  Log(LogLevel::kError,
      removed ? "records were removed before they were read; going on with the first one there is"
              : "the log ends before the committed offset; it is read from its first record",
      {{"partition", committed.partition.ToString()},
       {"committed", committed.offset.value()},
       {"first", log.first.value()},
       {"end", log.second.value()},
       {"offsets_lost", removed ? log.first.value() - committed.offset.value() : 0}});
  return start;
}

}  // namespace

Result<StartPosition> StartPositions::Choose(GroupMember& member, const StartQuestion& question) {
  const TopicPartition& partition = question.committed.partition;
  MR_ASSIGN_OR_RETURN(const auto log, member.Bounds(partition));
  if (question.committed.offset != kNoOffset) return FromCommitted(question, log);
  switch (question.reset) {
    case OffsetReset::kEarliest:
      return StartPosition{.offset = log.first};
    case OffsetReset::kLatest:
      return Latest(member, question, log.first);
    case OffsetReset::kError:
      return Status::InvalidArgument(partition.ToString() +
                                     ": no committed offset and offset_reset is 'error'; set offset_reset: "
                                     "earliest or run 'millrace reset'");
  }
  return StartPosition{.offset = log.first};
}

Result<StartPosition> StartPositions::Latest(GroupMember& member, const StartQuestion& question,
                                             Offset first) {
  const TopicPartition& partition = question.committed.partition;
  std::vector<TopicPartition> all;
  all.reserve(static_cast<std::size_t>(question.partitions));
  for (std::int32_t i = 0; i < question.partitions; ++i) all.push_back({partition.topic, Partition(i)});
  MR_ASSIGN_OR_RETURN(const std::vector<CommittedOffset> committed, member.Committed(all));
  MR_ASSIGN_OR_RETURN(const auto begun, BegunWith(committed));
  const bool added = begun.has_value() && partition.partition.value() >= *begun;
  if (added || question.has_state) {
    Log(LogLevel::kWarning,
        added ? "the partition is new to a pipeline that had begun: it is read from its first record"
              : "the committed offset of a partition whose state is there is gone: it is read from its first "
                "record",
        {{"partition", partition.ToString()}, {"first", first.value()}});
    return StartPosition{.offset = first, .begun = begun};
  }
  auto found = ends_.find(partition);
  if (found == ends_.end()) {
    // Not the end of the log: what belongs to a transaction that ends later is read.
    MR_ASSIGN_OR_RETURN(const Offset end, member.StableEnd(partition));
    found = ends_.emplace(partition, end).first;
    Log(LogLevel::kInfo, "reading begins at the end of the partition, as offset_reset: latest says",
        {{"partition", partition.ToString()},
         {"offset", end.value()},
         {"offsets_not_read", end.value() - first.value()}});
  }
  return StartPosition{
      .offset = std::max(found->second, first), .begun = begun.value_or(question.partitions), .is_end = true};
}

}  // namespace millrace
