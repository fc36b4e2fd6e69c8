#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/result.h"
#include "engine/yaml/diagnostics.h"
#include "engine/yaml/substitution.h"
#include "plan/plan.h"

namespace millrace {

/// A parsed YAML file that still knows its text: values with ${...} replaced, and places for error messages.
/// One owner; nodes keep the parsed tree alive by themselves.
class YamlDocument {
 public:
  /// Errors: user error with line and column for text that is not YAML, or that holds more than one document.
  static Result<YamlDocument> Parse(std::string file, std::string text, SubstitutionSources sources);

  const YAML::Node& root() const { return root_; }
  const std::string& file() const { return file_; }

  /// The scalar's text after substitution; what fails goes to `errors` and reads as "".
  std::string Text(const YAML::Node& scalar, Diagnostics& errors) const;

  /// PATH of a scalar that is written as ${file:PATH} and nothing else; "" of others.
  std::string FileOf(const YAML::Node& scalar) const;

  /// Where a node begins; of a quoted scalar, its first character inside the quotes.
  SourceLocation LocationOf(const YAML::Node& node) const;
  /// LocationOf with the places of all characters of Text(scalar).
  SourceLocation LocationOfText(const YAML::Node& scalar) const;

 private:
  SourceLocation At(std::size_t raw_position) const;
  std::size_t CharactersBefore(std::size_t raw_position) const;
  std::size_t ContentBegin(const YAML::Node& node) const;
  std::vector<std::size_t> RawPositions(const YAML::Node& scalar) const;

  std::string file_;
  std::string raw_;
  std::vector<std::size_t> line_begins_;        // positions in raw_
  std::vector<std::size_t> characters_before_;  // each 256th byte of raw_: a file may be one long line
  SubstitutionSources sources_;
  YAML::Node root_;
};

}  // namespace millrace
