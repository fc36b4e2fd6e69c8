#include <memory>

#include "engine/commands/broker_command.h"
#include "engine/commands/demo_command.h"
#include "flags.h"

namespace millrace {

void AddDemoCommands(CLI::App* app, Action* action) {
  CLI::App* demo =
      app->add_subcommand("demo", "Run the main job on generated bids and a broker inside this process");
  auto options = std::make_shared<DemoOptions>();
  demo->add_option("--rate", options->rate, "bids per second")
      ->check(CLI::Range(1, 5'000'000))
      ->capture_default_str();
  demo->add_option("--keys", options->keys, "auctions")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  demo->add_option("--late", options->late_fraction, "part of the bids that come late")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  AddDuration(demo, "--lateness", &options->lateness, "how late those are at most");
  demo->add_option("--broken", options->broken_fraction, "part of the records that are broken JSON")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  demo->add_option("--seed", options->seed, "the same seed gives the same bids")->capture_default_str();
  demo->add_option("--partitions", options->partitions, "partitions of the bids topic")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  demo->add_option("--workers", options->workers, "processing threads")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  AddDuration(demo, "--window", &options->window, "length of the windows");
  AddDuration(demo, "--duration", &options->duration, "how long bids are generated; 0 goes on until Ctrl-C");
  demo->add_flag("--keep", options->keep, "afterwards leave broker and pipeline running until Ctrl-C");
  demo->add_option("--http", options->http, "serve /metrics, /healthz, /readyz and /state")
      ->type_name("HOST:PORT");
  demo->add_flag("--print", options->print, "print the pipeline file of the demo and end");
  demo->callback([=] { *action = [options](CommandIo& io) { return DemoCommand(*options, io); }; });

  CLI::App* broker =
      app->add_subcommand("broker", "Run the embedded broker alone, for tests and first steps");
  auto broker_options = std::make_shared<BrokerOptions>();
  broker->add_option("-t,--topic", broker_options->topics, "a topic to make")
      ->type_name("NAME[:PARTITIONS]")
      ->allow_extra_args(false);
  broker->callback(
      [=] { *action = [broker_options](CommandIo& io) { return BrokerCommand(*broker_options, io); }; });
}

}  // namespace millrace
