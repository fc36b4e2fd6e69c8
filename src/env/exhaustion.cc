#include "env/exhaustion.h"

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <system_error>

namespace millrace {
namespace {

constexpr int kExitFailed = 1;
// Written as it is: there may be no memory to put a text together.
constexpr std::string_view kNoMemory =
    "millrace: out of memory: a limit of the process, of its container or of the machine is reached; "
    "raise it or lower `memory` of the pipeline, and start again: what was not committed is read again\n";

[[noreturn]] void End(std::string_view sentence) {
  static_cast<void>(::write(STDERR_FILENO, sentence.data(), sentence.size()) + 1);
  ::_exit(kExitFailed);
}

std::terminate_handler BeforeOurs(std::terminate_handler remembered = nullptr) {
  static const std::terminate_handler before = remembered;
  return before;
}

[[noreturn]] void Terminate() {
  try {
    if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    End(kNoMemory);
  } catch (const std::system_error& e) {
    if (e.code() == std::errc::resource_unavailable_try_again) EndForLackOfThreads("a thread of a library");
    if (e.code() == std::errc::not_enough_memory) End(kNoMemory);
  } catch (...) {  // NOLINT(bugprone-empty-catch): not ours to explain
  }
  BeforeOurs()();
  std::abort();
}

}  // namespace

void EndForLackOfThreads(std::string_view missed) {
  End("millrace: cannot start " + std::string(missed) +
      ": no more threads are allowed; raise the limit (ulimit -u, TasksMax of systemd, pids.max of the "
      "container) or lower `workers`, and start again: what was not committed is read again\n");
}

void EndForLackOfMemory() { End(kNoMemory); }

void EndWhenExhausted() { BeforeOurs(std::set_terminate(&Terminate)); }

}  // namespace millrace
