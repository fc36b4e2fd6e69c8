#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "state/stored_state.h"

namespace millrace {

/// A table of one task's state directory.
struct TableAt {
  StoredState& state;
  const StoredState::Table& table;
  std::string directory;

  std::int64_t partition() const;
};

/// Visits the tables of all state directories at or below `directory`, in name order; those set aside as
/// corrupt are left out. Errors: kNotFound when there is none; kAlreadyExists for one that a process uses.
Status ForEachTable(const std::string& directory, const std::function<Status(const TableAt&)>& visit);

}  // namespace millrace
