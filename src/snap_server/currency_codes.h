#pragma once

#include <string_view>

namespace millrace::snap {

/// Whether it is the code of a currency in use, by ISO 4217, in capitals.
bool IsCurrencyCode(std::string_view code);

}  // namespace millrace::snap
