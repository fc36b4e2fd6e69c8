#pragma once

#include <string>

#include "engine/commands/command.h"

namespace millrace {

/// Prints the JSON Schema of pipeline files.
Exit SchemaYamlCommand(CommandIo& io);

/// Prints a generated page of docs/: "yaml" or "functions".
Exit DocsCommand(const std::string& page, CommandIo& io);

/// Prints the versions of Millrace and of the libraries that matter.
Exit VersionCommand(bool json, CommandIo& io);

}  // namespace millrace
