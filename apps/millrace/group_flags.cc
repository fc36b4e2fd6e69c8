#include <memory>

#include "engine/commands/group_commands.h"
#include "flags.h"

namespace millrace {

void AddGroupCommands(CLI::App* app, Action* action) {
  CLI::App* lag = app->add_subcommand("lag", "Print how far a pipeline is behind its input");
  auto lag_options = std::make_shared<LagOptions>();
  lag->add_option("FILE", lag_options->file, "pipeline file")->required();
  lag->add_flag("--json", lag_options->json, "one JSON object per partition");
  AddDuration(lag, "--startup-timeout", &lag_options->startup_timeout, "how long to wait for a broker");
  lag->callback([=] { *action = [lag_options](CommandIo& io) { return LagCommand(*lag_options, io); }; });

  CLI::App* reset = app->add_subcommand("reset", "Make a stopped pipeline begin anew: offsets and state");
  auto options = std::make_shared<ResetOptions>();
  reset->add_option("FILE", options->file, "pipeline file")->required();
  reset->add_option("--to", options->to, "where to begin: earliest or latest")
      ->check(CLI::IsMember({"earliest", "latest"}))
      ->capture_default_str();
  CLI::Option* offsets_only = reset->add_flag_callback(
      "--offsets-only", [options] { options->state = false; }, "leave the state as it is");
  reset
      ->add_flag_callback(
          "--state-only", [options] { options->offsets = false; }, "leave the offsets as they are")
      ->excludes(offsets_only);
  reset
      ->add_option_function<std::string>(
          "--step",
          [options](const std::string& step) {
            options->step = step;
            options->offsets = false;
          },
          "only the state of this step, which may be gone from the file; offsets stay")
      ->type_name("NAME")
      ->excludes(offsets_only);
  reset
      ->add_option("--state-dir", options->state_dir, "folder of the state, in place of the file's state_dir")
      ->type_name("DIR");
  reset->add_flag("--yes", options->yes, "do it; without this the command only says what it would do");
  AddDuration(reset, "--startup-timeout", &options->startup_timeout, "how long to wait for a broker");
  reset->callback([=] { *action = [options](CommandIo& io) { return ResetCommand(*options, io); }; });
}

}  // namespace millrace
