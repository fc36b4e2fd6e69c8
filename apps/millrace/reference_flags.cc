#include <memory>

#include "engine/commands/reference_commands.h"
#include "engine/commands/schema_command.h"
#include "flags.h"

namespace millrace {
namespace {

void AddSchema(CLI::App* app, Action* action) {
  CLI::App* schema = app->add_subcommand("schema", "Schemas of topics and of pipeline files");
  schema->require_subcommand(1);
  CLI::App* infer =
      schema->add_subcommand("infer", "Print the schema of a topic, ready to paste into a pipeline file");
  auto options = std::make_shared<SchemaInferOptions>();
  infer->add_option("FILE", options->cluster.file, "pipeline file: its cluster and its source topics");
  infer->add_option("-t,--topic", options->topic, "this topic instead");
  infer
      ->add_option("-b,--broker", options->cluster.broker,
                   "bootstrap.servers (default: $KAFKA, else localhost:9092)")
      ->type_name("HOST:PORT");
  infer->add_option("-X,--property", options->cluster.properties, "a librdkafka property")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  infer->add_option("--records", options->max_records, "records to look at")->capture_default_str();
  infer->add_flag("--json", options->json, "one JSON object per topic");
  AddDuration(infer, "--startup-timeout", &options->cluster.startup_timeout, "how long to wait for a broker");
  infer->callback([=] { *action = [options](CommandIo& io) { return SchemaInferCommand(*options, io); }; });

  CLI::App* yaml = schema->add_subcommand("yaml", "Print the JSON Schema of pipeline files, for editors");
  yaml->callback([=] { *action = SchemaYamlCommand; });
}

}  // namespace

void AddReferenceCommands(CLI::App* app, Action* action) {
  AddSchema(app, action);
  CLI::App* version = app->add_subcommand("version", "Print the version");
  auto json = std::make_shared<bool>(false);
  version->add_flag("--json", *json, "one JSON object");
  version->callback([=] { *action = [json](CommandIo& io) { return VersionCommand(*json, io); }; });

  // Writes the generated pages of docs/: for those who change Millrace.
  CLI::App* docs = app->add_subcommand("docs", "Print a generated page of docs/")->group("");
  auto page = std::make_shared<std::string>();
  docs->add_option("PAGE", *page, "yaml or functions")
      ->required()
      ->check(CLI::IsMember({"yaml", "functions"}));
  docs->callback([=] { *action = [page](CommandIo& io) { return DocsCommand(*page, io); }; });
}

}  // namespace millrace
