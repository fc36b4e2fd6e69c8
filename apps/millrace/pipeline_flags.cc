#include <memory>

#include "engine/commands/explain_command.h"
#include "engine/commands/inspect_commands.h"
#include "engine/commands/run_command.h"
#include "engine/commands/test_command.h"
#include "flags.h"

namespace millrace {
namespace {

void AddRun(CLI::App* app, Action* action) {
  CLI::App* command = app->add_subcommand("run", "Run a pipeline file until stopped");
  auto options = std::make_shared<RunOptions>();
  command->add_option("FILE", options->file, "pipeline file")->required();
  command->add_option("--state-dir", options->state_dir, "folder for state, in place of the file's state_dir")
      ->type_name("DIR");
  command->add_option("--workers", options->workers, "processing threads, in place of the file's workers")
      ->check(CLI::Range(1, 1024));
  command->add_option("--http", options->http, "serve /metrics, /healthz, /readyz and /state")
      ->type_name("HOST:PORT");
  AddDuration(command, "--startup-timeout", &options->startup_timeout,
              "how long to wait for a broker at the start");
  AddDuration(command, "--stop-timeout", &options->stop_timeout,
              "how long the end may take after a signal, in place of the file's stop_timeout (30s)");
  command->callback([=] { *action = [options](CommandIo& io) { return RunCommand(*options, io); }; });
}

void AddLint(CLI::App* app, Action* action) {
  CLI::App* command = app->add_subcommand("lint", "Check pipeline files without running them");
  auto options = std::make_shared<LintOptions>();
  command->add_option("FILE", options->files, "pipeline files")->required();
  command->add_flag("--json", options->json, "one JSON object per file");
  command->callback([=] { *action = [options](CommandIo& io) { return LintCommand(*options, io); }; });
}

void AddGraph(CLI::App* app, Action* action) {
  CLI::App* command =
      app->add_subcommand("graph", "Print the steps of a pipeline and the columns between them");
  auto options = std::make_shared<GraphOptions>();
  command->add_option("FILE", options->file, "pipeline file")->required();
  command->add_option("--format", options->format, "text, mermaid or json")
      ->check(CLI::IsMember({"text", "mermaid", "json"}))
      ->capture_default_str();
  command->add_flag_callback(
      "--json", [options] { options->format = "json"; }, "the same as --format json");
  command->callback([=] { *action = [options](CommandIo& io) { return GraphCommand(*options, io); }; });
}

void AddExplain(CLI::App* app, Action* action) {
  CLI::App* command = app->add_subcommand("explain", "Print how a pipeline will run: tasks, topics, state");
  auto options = std::make_shared<ExplainOptions>();
  command->add_option("FILE", options->file, "pipeline file")->required();
  command->add_option("--partitions", options->partitions, "partitions to assume for the source topics")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_flag("--json", options->json, "one JSON object");
  AddDuration(command, "--startup-timeout", &options->startup_timeout,
              "how long to wait for a broker when a source declares no schema");
  command->callback([=] { *action = [options](CommandIo& io) { return ExplainCommand(*options, io); }; });
}

void AddTest(CLI::App* app, Action* action) {
  CLI::App* command = app->add_subcommand("test", "Run the tests inside pipeline files, without any broker");
  auto options = std::make_shared<TestOptions>();
  command->add_option("FILE", options->files, "pipeline files")->required();
  command->add_option("--filter", options->filter, "only tests whose name contains this");
  command->add_flag("--json", options->json, "one JSON object per test");
  command->callback([=] { *action = [options](CommandIo& io) { return TestCommand(*options, io); }; });
}

}  // namespace

void AddPipelineCommands(CLI::App* app, Action* action) {
  AddRun(app, action);
  AddLint(app, action);
  AddGraph(app, action);
  AddExplain(app, action);
  AddTest(app, action);
}

}  // namespace millrace
