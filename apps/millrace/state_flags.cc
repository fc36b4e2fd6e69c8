#include <memory>

#include "engine/commands/checkpoint_command.h"
#include "engine/commands/state_commands.h"
#include "flags.h"

namespace millrace {

void AddStateCommands(CLI::App* app, Action* action) {
  CLI::App* state = app->add_subcommand("state", "Look into a state directory that no process uses");
  state->require_subcommand(1);
  const std::string where = "state directory: of a task, of a pipeline, or what --state-dir named";

  CLI::App* dump = state->add_subcommand("dump", "Print every row with its window, key and aggregates");
  auto dumped = std::make_shared<StateDumpOptions>();
  dump->add_option("STATE_DIR", dumped->directory, where)->required();
  dump->add_option("--step", dumped->step, "only the state of this step");
  CLI::Option* json = dump->add_flag("--json", dumped->json, "one JSON object per row");
  dump->add_flag("--raw", dumped->raw, "one JSON object per row with its changelog key and value in hex")
      ->excludes(json);
  dump->callback([=] { *action = [dumped](CommandIo& io) { return StateDumpCommand(*dumped, io); }; });

  CLI::App* get =
      state->add_subcommand("get", "Print the rows of one step that have a key, or begin with it");
  auto got = std::make_shared<StateGetOptions>();
  get->add_option("STATE_DIR", got->directory, where)->required();
  get->add_option("--step", got->step, "the step")->required();
  get->add_option("--key", got->selection.key, "value of a key column; one --key per column, in order")
      ->allow_extra_args(false);
  get->add_option("--prefix", got->selection.prefix, "the beginning of the next key column, a string");
  get->add_option("--window", got->selection.window, "start of a tumbling window, in ms since the epoch");
  get->add_option("--limit", got->selection.limit, "most rows")->capture_default_str();
  get->add_flag("--json", got->json, "one JSON object per row");
  get->callback([=] { *action = [got](CommandIo& io) { return StateGetCommand(*got, io); }; });

  CLI::App* exported = state->add_subcommand("export", "Write the rows of each step to a Parquet file");
  auto wanted = std::make_shared<StateExportOptions>();
  exported->add_option("STATE_DIR", wanted->directory, where)->required();
  exported->add_option("--to", wanted->folder, "folder for STEP.parquet; made when missing")->required();
  exported->add_option("--step", wanted->step, "only the state of this step");
  exported->callback([=] { *action = [wanted](CommandIo& io) { return StateExportCommand(*wanted, io); }; });

  CLI::App* stats = state->add_subcommand("stats", "Print rows, bytes and changelog offsets");
  auto counted = std::make_shared<StateStatsOptions>();
  stats->add_option("STATE_DIR", counted->directory, where)->required();
  stats->add_flag("--json", counted->json, "one JSON object per task and step");
  stats->callback([=] { *action = [counted](CommandIo& io) { return StateStatsCommand(*counted, io); }; });

  CLI::App* checkpoint = app->add_subcommand("checkpoint", "Look at what a pipeline committed");
  checkpoint->require_subcommand(1);
  CLI::App* verify = checkpoint->add_subcommand(
      "verify", "Compare the state of a stopped pipeline with its changelog topics");
  auto verified = std::make_shared<CheckpointVerifyOptions>();
  verify->add_option("FILE", verified->file, "pipeline file")->required();
  verify
      ->add_option("--state-dir", verified->state_dir,
                   "folder of the state, in place of the file's state_dir")
      ->type_name("DIR");
  AddDuration(verify, "--startup-timeout", &verified->startup_timeout, "how long to wait for a broker");
  verify->add_flag("--json", verified->json, "one JSON object per task and step");
  verify->callback(
      [=] { *action = [verified](CommandIo& io) { return CheckpointVerifyCommand(*verified, io); }; });
}

}  // namespace millrace
