#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace millrace {

/// A state directory as it lies on disk, read without changing it: for dumps and verification. Its lock is
/// held as long as the object lives, so that no process opens it meanwhile. One owner, one thread.
class StoredState {
 public:
  struct Table {
    std::string name;    ///< of the step
    std::string layout;  ///< of its rows, as the step described them
    std::optional<Offset> changelog_offset;
    std::string changelog_id;
  };
  using RowVisitor = std::function<Status(std::int64_t slice, std::string_view key, std::string_view row)>;

  static bool IsStateDirectory(const std::string& directory);
  /// Errors: kNotFound when it is none; kAlreadyExists when a process uses it; kCorrupt; kIo.
  static Result<std::unique_ptr<StoredState>> Open(const std::string& directory);
  virtual ~StoredState() = default;

  /// "<app>/<sub-topology>_<partition>"; empty, as tables() is, when nothing was flushed yet.
  virtual const std::string& identity() const = 0;
  /// Wall clock of the last commit that is on disk.
  virtual std::optional<EventTime> last_committed() const = 0;
  /// In name order.
  virtual const std::vector<Table>& tables() const = 0;
  /// Slices ascending, keys ascending. Views are valid during the call.
  virtual Status Scan(const std::string& table, const RowVisitor& visit) = 0;
};

}  // namespace millrace
