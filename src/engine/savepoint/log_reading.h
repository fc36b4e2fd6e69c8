#pragma once

#include <functional>

#include "base/result.h"
#include "connect/changelog.h"

namespace millrace {

/// Shows the committed records of `partition` from `from` up to `end`, and waits for the end of a transaction
/// that holds some of them back. Errors: kTimeout when it does not end; kCorrupt for records that cannot be
/// decoded; those of reading and of `visit`.
Status ReadUpTo(ChangelogReader& reader, const TopicPartition& partition, Offset from, Offset end,
                const std::function<Status(const RecordBlock&)>& visit);

}  // namespace millrace
