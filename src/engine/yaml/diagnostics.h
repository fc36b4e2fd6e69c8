#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "plan/plan.h"

namespace millrace {

/// Collects the errors of one file so that all of them are reported together. One owner.
class Diagnostics {
 public:
  void Add(SourceLocation location, std::string message);
  /// An error beside the rest of the file, all of which was read as it is meant.
  void AddBeside(SourceLocation location, std::string message);
  /// Something that was meant is missing from what was read.
  void MarkIncomplete() { complete_ = false; }
  /// False when what was read is not worth further checks: their errors would only repeat those here.
  bool complete() const { return complete_; }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  /// Ok when empty; else one user error with a line "file:line:column: message" per entry, in the order of
  /// the file, without repeats, at most kShown of them.
  Status ToStatus() const;

  static constexpr std::size_t kShown = 50;

 private:
  struct Entry {
    SourceLocation location;
    std::string message;
  };
  std::vector<Entry> entries_;
  bool complete_ = true;
};

}  // namespace millrace
