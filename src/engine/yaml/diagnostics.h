#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"
#include "plan/plan.h"

namespace millrace {

/// Collects the mistakes in one file so that all of them are reported together. One owner.
class Diagnostics {
 public:
  /// A mistake because of which there may be other columns than those that were read.
  void Add(SourceLocation location, std::string message);
  /// A mistake that takes nothing away that columns depend on.
  void AddBeside(SourceLocation location, std::string message);
  void AddBeside(std::vector<PlacedMessage> mistakes);
  /// What was meant to be columns is missing, for a reason that was added.
  void MarkIncomplete() { ++incomplete_; }

  bool empty() const { return mistakes_.empty(); }
  std::size_t size() const { return mistakes_.size(); }

  /// A moment in the reading of a file.
  struct Mark {
    std::size_t mistakes = 0;
    std::size_t incomplete = 0;
  };
  Mark Now() const { return {mistakes_.size(), incomplete_}; }
  /// How much was understood of what was read since then.
  Understood Since(const Mark& begin) const;

  /// MistakesStatus (plan/mistakes.h) of all.
  Status ToStatus() const;

 private:
  std::vector<PlacedMessage> mistakes_;
  std::size_t incomplete_ = 0;
};

}  // namespace millrace
