#include "env/resource_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "env/file.h"

namespace millrace {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

/// Second number of /proc/self/statm: resident pages.
ByteCount ResidentNow() {
  const auto text = ReadFile("/proc/self/statm");
  if (!text.ok()) return ByteCount(0);
  const std::size_t space = text->find(' ');
  if (space == std::string::npos) return ByteCount(0);
  std::int64_t pages = 0;
  std::from_chars(text->data() + space + 1, text->data() + text->size(), pages);
  return ByteCount(pages * ::sysconf(_SC_PAGESIZE));
}

/// VmHWM of /proc/self/status. Not ru_maxrss, which begins with what the process had before it became this
/// program.
ByteCount ResidentPeak() {
  constexpr std::string_view kName = "VmHWM:";
  const auto text = ReadFile("/proc/self/status");
  if (!text.ok()) return ByteCount(0);
  const std::size_t name = text->find(kName);
  if (name == std::string::npos) return ByteCount(0);
  const std::size_t digits = text->find_first_of("0123456789", name + kName.size());
  if (digits == std::string::npos) return ByteCount(0);
  std::int64_t kilobytes = 0;
  std::from_chars(text->data() + digits, text->data() + text->size(), kilobytes);
  return ByteCount(kilobytes * 1024);
}

}  // namespace

ResourceUsage GetResourceUsage() {
  ResourceUsage usage;
  rusage raw{};
  if (::getrusage(RUSAGE_SELF, &raw) == 0) {
    usage.cpu_user_s = Seconds(raw.ru_utime);
    usage.cpu_system_s = Seconds(raw.ru_stime);
  }
  usage.resident = ResidentNow();
  usage.resident_peak = ResidentPeak();
  return usage;
}

}  // namespace millrace
