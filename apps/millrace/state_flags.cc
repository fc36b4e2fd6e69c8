#include <memory>

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

  CLI::App* stats = state->add_subcommand("stats", "Print rows, bytes and changelog offsets");
  auto counted = std::make_shared<StateStatsOptions>();
  stats->add_option("STATE_DIR", counted->directory, where)->required();
  stats->add_flag("--json", counted->json, "one JSON object per task and step");
  stats->callback([=] { *action = [counted](CommandIo& io) { return StateStatsCommand(*counted, io); }; });
}

}  // namespace millrace
