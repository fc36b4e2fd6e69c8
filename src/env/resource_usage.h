#pragma once

#include "base/byte_size.h"

namespace millrace {

/// What this process has used so far.
struct ResourceUsage {
  double cpu_user_s = 0;
  double cpu_system_s = 0;
  ByteCount resident;       ///< now
  ByteCount resident_peak;  ///< since its start
  double cpu_s() const { return cpu_user_s + cpu_system_s; }
};

/// Zeros where the system does not tell. Thread-safe; reads two files, so once per second rather than per
/// batch.
ResourceUsage GetResourceUsage();

}  // namespace millrace
