#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "snap_server/api_request.h"
#include "snap_server/json_value.h"

namespace millrace::snap {

/// The stats of a public profile, by the rules of that API: its parameters are in camel case, and times are
/// midnights as they are written.
/// Errors: user error that says what is wrong with the parameters.
Result<json::object> ProfileStats(const ApiRequest& request, const std::string& profile_id, EventTime now);

}  // namespace millrace::snap
