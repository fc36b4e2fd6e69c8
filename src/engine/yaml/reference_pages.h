#pragma once

#include <string>

namespace millrace {

/// docs/yaml-reference.md: every section and key, from PipelineSections().
std::string YamlReferencePage();

/// docs/functions.md: the grammar of expressions and every function, from AllFunctions().
std::string FunctionReferencePage();

}  // namespace millrace
