#include "engine/commands/open_pipeline.h"

#include <utility>

#include "engine/commands/cluster_connection.h"
#include "engine/commands/pipeline_loading.h"

namespace millrace {

Result<std::unique_ptr<OpenPipeline>> OpenPipelineFile(const std::string& file, Duration startup_timeout,
                                                       const std::map<std::string, std::string>& kafka) {
  auto open = std::make_unique<OpenPipeline>();
  MR_ASSIGN_OR_RETURN(PipelineFile pipeline, LoadPipeline(file));
  open->plan = std::move(pipeline.plan);
  open->plan.kafka.insert(kafka.begin(), kafka.end());
  MR_ASSIGN_OR_RETURN(open->cluster,
                      ConnectCluster(open->plan.kafka, startup_timeout, open->clock, open->metrics));
  return open;
}

}  // namespace millrace
