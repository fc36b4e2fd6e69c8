#include "engine/group_activity.h"

#include <algorithm>
#include <vector>

#include "base/counted.h"

namespace millrace {
namespace {

constexpr std::size_t kMostMembersNamed = 8;

}  // namespace

Status CheckNobodyRuns(const std::string& group, GroupAdmin& groups) {
  MR_ASSIGN_OR_RETURN(const std::vector<MemberDescription> members, groups.Members(group));
  if (members.empty()) return Status::Ok();
  std::string text = "the group '" + group + "' has " + Counted(members.size(), "member") + ": ";
  for (std::size_t i = 0; i < std::min(members.size(), kMostMembersNamed); ++i) {
    text += (i == 0 ? "" : ", ") + members[i].client_id + " at " + members[i].host;
  }
  if (members.size() > kMostMembersNamed) text += ", ...";
  return Status::InvalidArgument(text +
                                 "; nothing was changed. Stop all processes of the pipeline and try again (a "
                                 "process that was killed stays a member until its session times out)");
}

}  // namespace millrace
