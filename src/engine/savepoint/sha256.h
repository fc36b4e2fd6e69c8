#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

/// SHA-256 as lower-case hex, as sha256sum prints it.
std::string Sha256Of(std::string_view bytes);
/// Errors: kNotFound; kIo.
Result<std::string> Sha256OfFile(const std::string& path);

}  // namespace millrace
