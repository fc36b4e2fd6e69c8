#pragma once

#include <vector>

#include "base/result.h"
#include "connect/cluster.h"
#include "plan/plan.h"
#include "runtime/topology.h"

namespace millrace {

/// Publishes what file sinks have committed where no task of the edited pipeline finds it in time: beside the
/// offset of a topic that is not read any more, or of one whose task had the sink when another has it now,
/// which would take the staging file for a forgotten one. Then the group's offsets say that it is done.
///
/// kUnavailable, naming them, while the group has members: one that still runs the pipeline as it was may be
/// writing those files. Nothing happens when there is no such note in `offsets`, which are all that the group
/// has committed. Precondition: `cluster` has groups.
///
/// Errors: as PublishNote; those of the cluster.
Status PublishLeftNotes(const AnalyzedPlan& analyzed, const Topology& topology,
                        const std::vector<CommittedOffset>& offsets, Cluster& cluster);

}  // namespace millrace
