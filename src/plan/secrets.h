#pragma once

#include <string_view>

namespace millrace {

/// True for properties whose values must not be shown: names matching password, secret, token or private key.
bool IsSecretProperty(std::string_view name);

/// What is shown in their place.
inline constexpr std::string_view kRedacted = "<redacted>";

}  // namespace millrace
