#pragma once

#include <string>
#include <string_view>

namespace millrace {

/// Two lower-case hexadecimal digits per byte.
std::string Hex(std::string_view bytes);

}  // namespace millrace
