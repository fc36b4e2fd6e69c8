#pragma once

#include <string_view>

namespace millrace {

/// In builds with MILLRACE_TEST_HOOKS: kills this process with SIGKILL when the environment says
/// CRASH_AT="<name>:<n>" and this is the n-th time (from 1; "<name>" alone means the first) that the point of
/// that name is passed, in any thread. Nothing in every other build. `name` is a literal like
/// "after_send_offsets".
#ifdef MILLRACE_TEST_HOOKS
void CrashPoint(std::string_view name);
/// True when CRASH_AT names this point: what is done seldom is then done often, so that the point is reached.
bool CrashPointWanted(std::string_view name);
#else
inline bool CrashPointWanted(std::string_view /*name*/) { return false; }
inline void CrashPoint(std::string_view /*name*/) {}
#endif

}  // namespace millrace
