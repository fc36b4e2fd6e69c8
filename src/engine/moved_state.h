#pragma once

#include <vector>

#include "base/result.h"
#include "connect/group_member.h"
#include "connect/topic_admin.h"
#include "runtime/topology.h"

namespace millrace {

/// Whether the rows of every step with state still come the way they came when its state was written (K4).
/// `offsets`: all that the group has committed, also of topics that an edit of the pipeline took out.
///
/// Errors: user error that names the step and what can be done; those of `topics`.
Status CheckNoStateMoved(const Topology& topology, const std::vector<CommittedOffset>& offsets,
                         TopicAdmin& topics);

}  // namespace millrace
