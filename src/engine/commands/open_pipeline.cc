#include "engine/commands/open_pipeline.h"

#include <utility>

#include "engine/commands/cluster_connection.h"
#include "engine/commands/pipeline_loading.h"

namespace millrace {

Exit WithPipeline(const std::string& file, Duration startup_timeout, CommandIo& io,
                  const std::function<Status(OpenPipeline&)>& body,
                  const std::map<std::string, std::string>& kafka) {
  Result<PipelineFile> pipeline = LoadPipeline(file);
  if (!pipeline.ok()) return Report(io, pipeline.status(), Exit::kUsage);
  OpenPipeline open;
  open.plan = std::move(pipeline->plan);
  open.plan.kafka.insert(kafka.begin(), kafka.end());
  Result<std::unique_ptr<Cluster>> cluster =
      ConnectCluster(open.plan.kafka, startup_timeout, open.clock, open.metrics);
  if (!cluster.ok()) return Report(io, cluster.status());
  open.cluster = *std::move(cluster);
  return Report(io, body(open));
}

}  // namespace millrace
