#pragma once

#include <string>
#include <string_view>

#include <yaml-cpp/yaml.h>

#include "base/result.h"
#include "engine/yaml/document.h"

namespace millrace {

/// A YAML value as compact JSON: mappings keep their order; unquoted null, true, false and numbers are what
/// they look like, everything else is a string.
std::string JsonOf(const YamlDocument& document, const YAML::Node& node, Diagnostics& errors);

/// JSON text in a form in which equal values are equal texts: keys sorted, numbers in one notation, no
/// blanks. Errors: user error for text that is not JSON.
Result<std::string> CanonicalJson(std::string_view json);

/// `text` as a JSON string with its quotes.
std::string JsonString(std::string_view text);

}  // namespace millrace
