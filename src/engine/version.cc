#include "engine/version.h"

namespace millrace {

std::string_view Version() { return MILLRACE_VERSION; }

}  // namespace millrace
