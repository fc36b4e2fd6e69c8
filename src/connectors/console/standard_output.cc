#include "connectors/console/standard_output.h"

#include <iostream>

namespace millrace {

std::ostream& StandardOutput() { return std::cout; }

}  // namespace millrace
