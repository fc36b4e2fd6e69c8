#include "base/duration.h"
#include "flags.h"

namespace millrace {

CLI::Option* AddDuration(CLI::App* app, const std::string& flag, Duration* target, const std::string& help) {
  CLI::Option* option = app->add_option_function<std::string>(
      flag,
      [target, flag](const std::string& text) {
        const Result<Duration> duration = ParseDuration(text);
        if (!duration.ok()) throw CLI::ValidationError(flag, duration.status().message());
        *target = *duration;
      },
      help);
  return option->default_str(FormatDuration(*target))->type_name("DURATION");
}

void AddClusterFlags(CLI::App* app, ClusterChoice* choice) {
  app->add_option("-b,--broker", choice->broker, "bootstrap.servers (default: $KAFKA, else localhost:9092)");
  app->add_option("-X,--property", choice->properties, "a librdkafka property, KEY=VALUE")
      ->allow_extra_args(false);
  app->add_option("-f,--file", choice->file, "take the kafka section of this pipeline file");
  AddDuration(app, "--startup-timeout", &choice->startup_timeout, "how long to wait for a broker");
}

}  // namespace millrace
