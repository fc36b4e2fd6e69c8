#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connectors/snapchat/audience_api.h"

namespace millrace {

/// What is to happen to each of a number of identifiers: the last action that was put counts, so that the
/// order in which they are sent does not matter. One owner.
class AudienceChanges {
 public:
  /// SHA-256 of an identifier.
  using Digest = std::array<char, 32>;
  struct Change {
    Digest digest{};
    AudienceAction action = AudienceAction::kAdd;
    std::int64_t row = 0;  ///< which the action is of
  };

  /// `sha256` in hexadecimal, in any case: false, and nothing happens, for what is none.
  bool Put(std::string_view sha256, AudienceAction action, std::int64_t row);
  /// One per identifier, in the order in which they were put first.
  const std::vector<Change>& all() const { return changes_; }
  bool empty() const { return changes_.empty(); }
  void Clear();

 private:
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const {
      return std::hash<std::string_view>()(std::string_view(digest.data(), digest.size()));
    }
  };

  std::vector<Change> changes_;
  std::unordered_map<Digest, std::size_t, DigestHash> index_;  // in changes_
};

}  // namespace millrace
