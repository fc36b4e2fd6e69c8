#include "engine/commands/reference_commands.h"

#include <arrow/util/config.h>

#include "engine/version.h"
#include "engine/yaml/json_schema.h"
#include "engine/yaml/reference_pages.h"

namespace millrace {

Exit SchemaYamlCommand(CommandIo& io) {
  io.out << PipelineJsonSchema();
  return Exit::kOk;
}

Exit DocsCommand(const std::string& page, CommandIo& io) {
  io.out << (page == "functions" ? FunctionReferencePage() : YamlReferencePage());
  return Exit::kOk;
}

Exit VersionCommand(bool json, CommandIo& io) {
  if (json) {
    io.out << "{\"millrace\":\"" << Version() << "\",\"arrow\":\"" << ARROW_VERSION_STRING << "\"}\n";
  } else {
    io.out << "millrace " << Version() << " (Arrow " << ARROW_VERSION_STRING << ")\n";
  }
  return Exit::kOk;
}

}  // namespace millrace
