#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace millrace {

/// Where something was written: for errors. line 0: not from a file.
struct SourceLocation {
  std::string file;
  int line = 0;
  int column = 0;
  /// Line and column of each character of the text that begins here, and of its end; null when only the
  /// beginning is known.
  std::shared_ptr<const std::vector<std::pair<int, int>>> characters{};
  /// "bids.yaml:12:5" or "" without a file.
  std::string ToString() const;
};

/// Where a word was written and where its value begins: the same place for an item of a list.
struct WordPlace {
  SourceLocation word;
  SourceLocation value;
};

/// By a key in the text of a node and a word below it: {"rename", "price"}; {"tumbling", ""} is the key
/// itself. Empty when the node was not written in a file.
using WordPlaces = std::map<std::pair<std::string, std::string>, WordPlace>;

/// A message with the place it is about.
struct PlacedMessage {
  SourceLocation location;
  std::string message;
};

/// Turns the " at character N" at the end of a message about the text at `location` into the place of that
/// character, where it is known.
PlacedMessage PlaceAtCharacter(const SourceLocation& location, const std::string& message);

}  // namespace millrace
