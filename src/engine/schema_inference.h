#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "connect/cluster.h"
#include "env/clock.h"
#include "plan/plan.h"

namespace millrace {

/// Gives every source without a schema one (R7): what an earlier process of the pipeline wrote to
/// "<app>-meta", else what a sample of the topic shows, which is then written there. The first record per
/// source counts, so all processes agree. Errors: user error when the topic is empty or holds no JSON
/// objects.
Status InferMissingSchemas(Plan* plan, Cluster& cluster, const Clock& clock);

/// The same for somebody who only looks: nothing is written.
Status LookUpMissingSchemas(Plan* plan, Cluster& cluster, const Clock& clock);

/// The schema of the first records of every partition (SampleTopic). Errors: user error when the topic is
/// empty; retryable when its records do not come.
Result<std::shared_ptr<arrow::Schema>> SampleSchema(const std::string& topic, const std::string& format,
                                                    Cluster& cluster, const Clock& clock);

}  // namespace millrace
