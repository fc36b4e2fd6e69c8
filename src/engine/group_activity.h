#pragma once

#include <string>

#include "base/result.h"
#include "connect/group_admin.h"

namespace millrace {

/// Ok when the group has no members. Errors: user error that says who they are and what to do; those of
/// GroupAdmin::Members.
Status CheckNobodyRuns(const std::string& group, GroupAdmin& groups);

}  // namespace millrace
