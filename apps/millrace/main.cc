#include <unistd.h>

#include <iostream>

#include "base/log.h"
#include "engine/version.h"
#include "flags.h"
#include "help.h"

namespace millrace {
namespace {

int Main(int argc, char** argv) {
  CLI::App app("Streaming DataFrames on Kafka, columnar from the first byte.", "millrace");
  app.require_subcommand(1);
  app.fallthrough();
  app.formatter(MakeHelpFormatter());  // before the commands, which inherit it
  app.set_version_flag("--version", std::string(Version()));
  std::string log_format = "text";
  std::string log_level = "info";
  const CLI::Option* format = app.add_option("--log", log_format, "how the log looks")
                                  ->check(CLI::IsMember({"text", "json"}))
                                  ->capture_default_str();
  const CLI::Option* lowest = app.add_option("--log-level", log_level, "the least that is logged")
                                  ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
                                  ->capture_default_str();
  Action action;
  AddPipelineCommands(&app, &action);
  AddReferenceCommands(&app, &action);
  AddTopicCommands(&app, &action);
  AddGroupCommands(&app, &action);
  AddStateCommands(&app, &action);
  AddSavepointCommands(&app, &action);
  AddDemoCommands(&app, &action);
  AddSnapServerCommand(&app, &action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    ExplainWrongUse(app, e, std::cerr);
    return static_cast<int>(Exit::kUsage);
  }
  LogLevel level = LogLevel::kInfo;
  if (log_level == "debug") level = LogLevel::kDebug;
  if (log_level == "warning") level = LogLevel::kWarning;
  if (log_level == "error") level = LogLevel::kError;
  ConfigureLog(log_format == "json" ? LogFormat::kJson : LogFormat::kText, level);
  CommandIo io{std::cout, std::cerr, isatty(STDOUT_FILENO) == 1, format->count() + lowest->count() > 0};
  const Exit exit = action(io);
  std::cout.flush();
  return static_cast<int>(exit);
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) { return millrace::Main(argc, argv); }
