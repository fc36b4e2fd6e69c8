#pragma once

#include <optional>
#include <string>

#include "snap_server/account_tree.h"
#include "snap_server/api_answer.h"

namespace millrace::snap {

/// What a path names, or why it is not shown.
struct Lookup {
  const Entity* entity = nullptr;
  Refusal refusal{};  ///< when `entity` is null
};

/// Refuses what does not exist and what belongs to an account that the token has no right to.
Lookup LookUp(const AccountTree& tree, Kind kind, const std::string& id);

}  // namespace millrace::snap
