#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "base/result.h"
#include "connect/group_member.h"
#include "connect/topic_admin.h"

namespace millrace {

/// What makes a pipeline begin anew.
struct ResetWork {
  std::string state_folder;  ///< to delete; "" when there is none
  std::vector<std::string> topics_to_delete;
  std::vector<CommittedOffset> offsets;  ///< to set; of topics that stay
};

using SetOffsets = std::function<Status(const std::vector<CommittedOffset>&)>;

/// Does the work, with one line in `out` for each thing done. Precondition: no process of the pipeline runs.
///
/// Offsets come last: input that is read again while state of its first reading is there would count twice.
/// What was done before a failure is not there the next time, so another reset does what is left.
///
/// Errors: that of the deletion or of `set_offsets`, with what was done and what is left.
Status CarryOut(const ResetWork& work, TopicAdmin& topics, const SetOffsets& set_offsets, std::ostream& out);

}  // namespace millrace
