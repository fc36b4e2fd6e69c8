#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "connect/changelog.h"
#include "connect/topic_admin.h"
#include "env/clock.h"
#include "runtime/state_notes.h"
#include "runtime/topology.h"
#include "state/state_store.h"

namespace millrace {

/// Where the changelog of one table is to be read on from, so that the state on this disk becomes the state.
struct ChangelogPlace {
  std::string table;
  TopicPartition changelog;
  std::string changelog_id;
  Offset first;         ///< of the changelog
  Offset end;           ///< of the changelog now
  Offset applied;       ///< the state has what lies below
  bool trusted = true;  ///< what is on disk belongs to this changelog
};

/// The state of one task on this disk, with what is committed about it.
struct StateOnDisk {
  StateStore* store = nullptr;
  const SubTopology* sub = nullptr;
  Partition partition{0};
  const StateNotes* notes = nullptr;
};

/// Changelog partitions of a sub-topology's tables: (table, partition).
std::vector<std::pair<std::string, TopicPartition>> ChangelogsOf(const SubTopology& sub, Partition partition);

/// Applies a block of the changelog of `place`, and moves `place` past it.
Status ApplyChangelog(const RecordBlock& block, StateStore& store, ChangelogPlace* place);

/// Looks at the changelogs of a task. State that cannot be built on is wiped: what the topic has been made
/// anew under, or what is older than the topic keeps tombstones.
/// Errors: user error when a changelog was written by another definition of its step (K4), kNotFound when its
/// topic is gone; those of `reader` and `admin`.
Result<std::vector<ChangelogPlace>> FindChangelogPlaces(const StateOnDisk& state, ChangelogReader& reader,
                                                        TopicAdmin& admin, const Clock& clock);

}  // namespace millrace
