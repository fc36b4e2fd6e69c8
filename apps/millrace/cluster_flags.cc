#include "base/duration.h"
#include "flags.h"

namespace millrace {

namespace {

/// `Target`: Duration or an optional one.
template <typename Target>
CLI::Option* AddDurationTo(CLI::App* app, const std::string& flag, Target* target, const std::string& help) {
  return app
      ->add_option_function<std::string>(
          flag,
          [target, flag](const std::string& text) {
            const Result<Duration> duration = ParseDuration(text);
            if (!duration.ok()) throw CLI::ValidationError(flag, duration.status().message());
            *target = *duration;
          },
          help)
      ->type_name("DURATION");
}

}  // namespace

CLI::Option* AddDuration(CLI::App* app, const std::string& flag, Duration* target, const std::string& help) {
  return AddDurationTo(app, flag, target, help)->default_str(FormatDuration(*target));
}

CLI::Option* AddDuration(CLI::App* app, const std::string& flag, std::optional<Duration>* target,
                         const std::string& help) {
  return AddDurationTo(app, flag, target, help);
}

void AddClusterFlags(CLI::App* app, ClusterChoice* choice) {
  app->add_option("-b,--broker", choice->broker, "bootstrap.servers (default: $KAFKA, else localhost:9092)")
      ->type_name("HOST:PORT");
  app->add_option("-X,--property", choice->properties, "a librdkafka property")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app->add_option("-f,--file", choice->file, "take the kafka section of this pipeline file")
      ->type_name("FILE");
  AddDuration(app, "--startup-timeout", &choice->startup_timeout, "how long to wait for a broker");
}

}  // namespace millrace
