#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "connect/group_member.h"
#include "runtime/topology.h"

namespace millrace {

/// The note beside a committed offset that says how many partitions the topic had when its group began to
/// read it at the ends of them: those above were added later.
inline constexpr std::string_view kBegunNote = "begun:";  // no step's name has a colon

/// Where a task begins to read an input partition.
struct StartPosition {
  Offset offset;
  /// The value of kBegunNote; nullopt: the group began at the beginnings.
  std::optional<std::int32_t> begun{};
  /// Chosen just now, as the end of the partition: to be committed before anything is read.
  bool is_end = false;
};

/// An input partition that is about to be read.
struct StartQuestion {
  CommittedOffset committed;
  OffsetReset reset = OffsetReset::kEarliest;
  std::int32_t partitions = 0;  ///< of its topic
  bool has_state = false;       ///< its task has read it before, whatever is committed
};

/// Chooses where reading begins: at the committed offset; without one by OffsetReset, and where the log does
/// not have that offset any more, with the first record there is. Everything but the committed offset is
/// logged.
///
/// One owner, one thread.
class StartPositions {
 public:
  /// Errors: user error under OffsetReset::kError when there is no committed offset in the log; kUnavailable.
  Result<StartPosition> Choose(GroupMember& member, const StartQuestion& question);
  /// The partition went to somebody else.
  void Forget(const TopicPartition& partition) { ends_.erase(partition); }

 private:
  Result<StartPosition> Latest(GroupMember& member, const StartQuestion& question, Offset first);

  // Ends that were chosen; they hold also when it took several attempts to commit them.
  std::map<TopicPartition, Offset> ends_;
};

}  // namespace millrace
