#include "engine/commands/cluster_connection.h"

#include <utility>

#include "connectors/kafka/kafka_cluster.h"
#include "engine/broker_wait.h"
#include "engine/commands/pipeline_loading.h"
#include "env/environment.h"

namespace millrace {
Result<std::map<std::string, std::string>> PropertiesOf(const ClusterChoice& choice) {
  std::map<std::string, std::string> properties;
  if (!choice.file.empty()) {
    MR_ASSIGN_OR_RETURN(PipelineFile file, LoadPipeline(choice.file));
    properties = std::move(file.plan.kafka);
  }
  for (const std::string& property : choice.properties) {
    const std::size_t equals = property.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Status::InvalidArgument("write a property as KEY=VALUE, such as security.protocol=ssl");
    }
    properties[property.substr(0, equals)] = property.substr(equals + 1);
  }
  if (!choice.broker.empty()) properties["bootstrap.servers"] = choice.broker;
  if (!properties.contains("bootstrap.servers")) {
    properties["bootstrap.servers"] = GetEnv("KAFKA").value_or("localhost:9092");
  }
  return properties;
}

Result<std::unique_ptr<Cluster>> ConnectCluster(const std::map<std::string, std::string>& properties,
                                                Duration startup_timeout, const Clock& clock,
                                                MetricRegistry& metrics) {
  KafkaClusterOptions options;
  options.properties = properties;
  options.clock = &clock;
  options.metrics = &metrics;
  MR_ASSIGN_OR_RETURN(std::unique_ptr<KafkaCluster> cluster, KafkaCluster::Make(std::move(options)));
  MR_RETURN_IF_ERROR(AwaitBroker(*cluster, startup_timeout, clock, [] { return false; }));
  return std::unique_ptr<Cluster>(std::move(cluster));
}

}  // namespace millrace
