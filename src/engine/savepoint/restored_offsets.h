#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "connect/changelog.h"
#include "connect/group_member.h"
#include "engine/savepoint/restore_plan.h"

namespace millrace {

/// What is committed by a restore.
struct RestoredOffsets {
  std::vector<CommittedOffset> offsets;
  std::vector<std::string> warnings;  ///< sentences
};

struct RestoredOffsetsContext {
  const SavepointManifest* manifest = nullptr;
  const RestorePlan* plan = nullptr;                 ///< for it
  ChangelogReader* reader = nullptr;                 ///< asks for the ends of topics
  std::map<std::string, std::string> changelog_ids;  ///< by table
  bool same_pipeline = false;                        ///< the pipeline has the name that the saved one had
};

/// Where each partition begins, and with which clock. Partition n of a stage that is the same goes on as it
/// was. Elsewhere keys lie in other partitions, so every partition gets the lowest watermark of those that
/// its keys may come from: no row is late that was not, and a row that was late may not be. A task that had
/// no watermark yet, but state, rows on their way or records to be read, makes them begin without one; where
/// windows share state that is refused. Partitions that were added, and other topics, are read from their
/// first record. An input that the savepoint does not have begins as in a pipeline without state, but where
/// state is restored behind it: then at its first record or, of a repartition topic, at its end, with that
/// watermark. Errors: user error for an offset that the log does not have yet, and as said; kCorrupt; those
/// of asking.
Result<RestoredOffsets> OffsetsToRestore(const RestoredOffsetsContext& context);

}  // namespace millrace
