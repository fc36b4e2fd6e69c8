#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "connect/feed.h"

namespace millrace {

/// What the rows of a source said when they were written last, so that only changes are written again: a hash
/// per key. It remembers at most so many and then forgets them all, so that some come again, which
/// replaces them by what they were. One owner.
class WrittenRows {
 public:
  explicit WrittenRows(std::size_t most) : most_(most) {}

  void Forget() { hashes_.clear(); }
  /// True when the record is to be written: it is new, is another, or is not remembered. Precondition: it is
  /// no tombstone.
  bool IsAnother(const FeedRecord& record) const;
  /// The record is written.
  void Note(const FeedRecord& record);
  std::size_t size() const { return hashes_.size(); }

 private:
  const std::size_t most_;
  std::unordered_map<std::string, std::uint64_t> hashes_;  // by key
};

}  // namespace millrace
