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

  CLI::App* restore =
      savepoint->add_subcommand("restore", "Make a pipeline without state go on at a savepoint");
  auto restored = std::make_shared<SavepointRestoreOptions>();
  restore->add_option("FILE", restored->file, "pipeline file, which may have been edited")->required();
  restore->add_option("--from", restored->folder, "folder of the savepoint")->required()->type_name("FOLDER");
  restore->add_flag("--allow-drop", restored->allow_drop,
                    "leave out steps and topics that are not in the pipeline any more");
  restore
      ->add_option(
          "--map", restored->maps,
          "a step, or a source topic, that has another name now; such a topic is read from its first "
          "record")
      ->type_name("OLD=NEW")
      ->allow_extra_args(false);
  AddDuration(restore, "--startup-timeout", &restored->startup_timeout, "how long to wait for a broker");
  restore->callback(
      [=] { *action = [restored](CommandIo& io) { return SavepointRestoreCommand(*restored, io); }; });
}

}  // namespace millrace
