#pragma once

#include <string>

namespace millrace {

/// Who may use `path`, or the nearest folder above it that exists, and who asks, for the end of a sentence
/// that says that access was refused: whose it is, its permissions, the user of this process, and what to do.
std::string ExplainRefusedAccess(const std::string& path);

}  // namespace millrace
