#pragma once

#include <string_view>

namespace millrace {

/// "0.1.0", from CMakeLists.txt.
std::string_view Version();

}  // namespace millrace
