#include <memory>

#include "engine/commands/savepoint_commands.h"
#include "flags.h"

namespace millrace {

void AddSavepointCommands(CLI::App* app, Action* action) {
  CLI::App* savepoint =
      app->add_subcommand("savepoint", "Copy offsets and state of a stopped pipeline to a folder");
  savepoint->require_subcommand(1);

  CLI::App* create = savepoint->add_subcommand("create", "Write a savepoint of a stopped pipeline");
  auto created = std::make_shared<SavepointCreateOptions>();
  create->add_option("FILE", created->file, "pipeline file, as the pipeline ran")->required();
  create->add_option("--to", created->folder, "folder of the savepoint, which must not exist")
      ->required()
      ->type_name("FOLDER");
  AddDuration(create, "--startup-timeout", &created->startup_timeout, "how long to wait for a broker");
  create->callback(
      [=] { *action = [created](CommandIo& io) { return SavepointCreateCommand(*created, io); }; });

  CLI::App* inspect =
      savepoint->add_subcommand("inspect", "Check all files of a savepoint and print what it holds");
  auto inspected = std::make_shared<SavepointInspectOptions>();
  inspect->add_option("FOLDER", inspected->folder, "the savepoint")->required();
  inspect->add_flag("--json", inspected->json, "the manifest");
  inspect->callback(
      [=] { *action = [inspected](CommandIo& io) { return SavepointInspectCommand(*inspected, io); }; });
}

}  // namespace millrace
