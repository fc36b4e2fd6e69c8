#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/mutex.h"

namespace millrace {

/// Which groups (pixels, accounts) a service took something of, so far as that is needed to tell a service
/// that lets nobody in from one that does not know, or allow, one group. Thread-safe.
class GroupsLetIn {
 public:
  void Note(std::string_view group) {
    const MutexLock lock(mutex_);
    if (last_two_[0] == group) return;
    last_two_[1] = std::move(last_two_[0]);
    last_two_[0] = group;
  }
  /// Whether something of another group was taken.
  bool AnyBut(std::string_view group) const {
    const MutexLock lock(mutex_);
    for (const std::string& known : last_two_) {
      if (!known.empty() && known != group) return true;
    }
    return false;
  }

 private:
  mutable Mutex mutex_;
  std::array<std::string, 2> last_two_;  // the last first; "": none
};

}  // namespace millrace
