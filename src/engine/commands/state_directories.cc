#include "engine/commands/state_directories.h"

#include <charconv>
#include <memory>
#include <vector>

#include "env/file.h"

namespace millrace {
namespace {

constexpr int kDeepest = 3;  // <state-dir>/<app>/<task>

/// The state directories at or below `directory`, in name order; those set aside as corrupt are left out.
Status FindStates(const std::string& directory, int depth, std::vector<std::string>* found) {
  if (StoredState::IsStateDirectory(directory)) {
    found->push_back(directory);
    return Status::Ok();
  }
  MR_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, ListDirectory(directory));
  for (const DirectoryEntry& entry : entries) {
    if (!entry.is_directory || depth == 0 || entry.name.find(".corrupt-") != std::string::npos) continue;
    MR_RETURN_IF_ERROR(FindStates(directory + "/" + entry.name, depth - 1, found));
  }
  return Status::Ok();
}

}  // namespace

std::int64_t TableAt::partition() const {
  // The identity ends in "_<partition>".
  const std::string& identity = state.identity();
  std::int64_t number = -1;
  std::from_chars(identity.data() + identity.rfind('_') + 1, identity.data() + identity.size(), number);
  return number;
}

Status ForEachTable(const std::string& directory, const std::function<Status(const TableAt&)>& visit) {
  std::vector<std::string> found;
  MR_RETURN_IF_ERROR(FindStates(directory, kDeepest, &found));
  if (found.empty()) return Status::NotFound("there is no state in or below " + directory);
  for (const std::string& one : found) {
    MR_ASSIGN_OR_RETURN(const auto state, StoredState::Open(one));
    for (const StoredState::Table& table : state->tables()) {
      MR_RETURN_IF_ERROR(visit({*state, table, one}).WithContext(one));
    }
  }
  return Status::Ok();
}

}  // namespace millrace
