#pragma once

#include <iosfwd>

namespace millrace {

/// The process's own console, for programs that give a console sink no other stream.
std::ostream& StandardOutput();

}  // namespace millrace
