#pragma once

#include <string>

#include "snap_server/json_value.h"

namespace millrace::snap {

/// What a person wants to see of the stand-in, in one page without anything from elsewhere. `received`: as
/// GET /_received answers.
std::string MakePage(const json::object& received);

}  // namespace millrace::snap
