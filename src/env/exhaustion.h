#pragma once

#include <string_view>

namespace millrace {

/// What a process does that cannot get what it needs to go on: it says so in one sentence on stderr and ends
/// at once with exit code 1, as a supervisor expects it. Nothing is unwound: libraries that miss a thread or
/// a buffer wait for it forever, or abort. What was not committed is read again at the next start.

/// `missed`: what was to be started, such as "thread 'http'". Any thread.
[[noreturn]] void EndForLackOfThreads(std::string_view missed);

/// For who has no way to return an error. Any thread; allocates nothing.
[[noreturn]] void EndForLackOfMemory();

/// From now on an exception that nobody catches ends the process like this when it says that memory or a
/// thread is missing. Any other one does what it did before. For the whole process; idempotent.
void EndWhenExhausted();

}  // namespace millrace
