#pragma once

#include "snap_server/account_tree.h"
#include "snap_server/json_value.h"

namespace millrace::snap {

/// What the Marketing API says about it at that time.
json::object EntityJson(const Entity& entity, EventTime now);

}  // namespace millrace::snap
