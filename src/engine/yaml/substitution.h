#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace {

/// Where ${...} gets its values from.
struct SubstitutionSources {
  /// Value of an environment variable. Empty function: no variable is set.
  std::function<std::optional<std::string>(const std::string& name)> variable;
  /// Content of a file, for ${file:PATH}. Empty function: no file can be read.
  std::function<Result<std::string>(const std::string& path)> read_file;
};

/// Text after substitution, with what is needed to find the way back.
struct SubstitutedText {
  std::string text;
  /// Ascending: from `to` on, text stands where the original has `from`; a replaced reference points at its
  /// "${".
  struct Piece {
    std::size_t to;
    std::size_t from;
    bool replaced;
  };
  std::vector<Piece> pieces;

  /// The position in the original of a position in `text`.
  std::size_t OriginalPosition(std::size_t position) const;
};

/// Replaces ${VAR}, ${VAR:-default} (when VAR is unset or empty) and ${file:PATH} (without the last line
/// break).
/// "$${" stands for a literal "${". Defaults and file contents are not substituted again.
/// Errors: user error naming the variable or the file, never a value.
Result<SubstitutedText> Substitute(std::string_view text, const SubstitutionSources& sources);

/// PATH of a text that is ${file:PATH} and nothing else; "" of others. Lives as long as `text`.
std::string_view OnlyFile(std::string_view text);

}  // namespace millrace
