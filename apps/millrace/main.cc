#include <unistd.h>

#include <iostream>

#include "base/log.h"
#include "engine/version.h"
#include "flags.h"

namespace millrace {
namespace {

int Main(int argc, char** argv) {
  CLI::App app("Streaming DataFrames on Kafka, columnar from the first byte.", "millrace");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string(Version()));
  std::string log_format = "text";
  std::string log_level = "info";
  app.add_option("--log", log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_option("--log-level", log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  Action action;
  AddPipelineCommands(&app, &action);
  AddReferenceCommands(&app, &action);
  AddTopicCommands(&app, &action);
  AddGroupCommands(&app, &action);
  AddStateCommands(&app, &action);
  AddDemoCommands(&app, &action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? static_cast<int>(Exit::kOk) : static_cast<int>(Exit::kUsage);
  }
  LogLevel level = LogLevel::kInfo;
  if (log_level == "debug") level = LogLevel::kDebug;
  if (log_level == "warning") level = LogLevel::kWarning;
  if (log_level == "error") level = LogLevel::kError;
  ConfigureLog(log_format == "json" ? LogFormat::kJson : LogFormat::kText, level);
  CommandIo io{std::cout, std::cerr, isatty(STDOUT_FILENO) == 1};
  const Exit exit = action(io);
  std::cout.flush();
  return static_cast<int>(exit);
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) { return millrace::Main(argc, argv); }
