#pragma once

#include <condition_variable>
#include <mutex>

namespace millrace {

/// The only mutex of the project, so that locking can be found and instrumented in one place.
using Mutex = std::mutex;                           // NOLINT: the one place that names it
using MutexLock = std::unique_lock<std::mutex>;     // NOLINT: the one place that names it
using ConditionVariable = std::condition_variable;  // NOLINT: the one place that names it

}  // namespace millrace
