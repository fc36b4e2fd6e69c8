#include "env/clock.h"

namespace millrace {

EventTime SystemClock::Now() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return EventTime(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

std::chrono::nanoseconds SystemClock::Steady() const {
  return std::chrono::steady_clock::now().time_since_epoch();
}

}  // namespace millrace
