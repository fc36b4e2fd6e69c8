#pragma once

#include <sstream>

namespace millrace::internal {

/// Collects the message of a failed check and aborts the process when it goes out of scope.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  CheckFailure(const CheckFailure&) = delete;
  CheckFailure& operator=(const CheckFailure&) = delete;
  [[noreturn]] ~CheckFailure();

  std::ostream& stream() { return stream_; }

 private:
  std::ostringstream stream_;
};

struct Voidify {
  void operator&(std::ostream&) {}
};

}  // namespace millrace::internal

/// Aborts with file, line and message when `condition` is false. Always on; for our own invariants, never for
/// input.
#define MR_CHECK(condition)                       \
  (condition) ? static_cast<void>(0)              \
              : ::millrace::internal::Voidify{} & \
                    ::millrace::internal::CheckFailure(__FILE__, __LINE__, #condition).stream()

/// MR_CHECK for row loops: compiled out of release builds.
#ifdef NDEBUG
#define MR_DCHECK(condition) MR_CHECK(true || (condition))
#else
#define MR_DCHECK(condition) MR_CHECK(condition)
#endif
