#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "connect/cluster.h"
#include "engine/savepoint/restore_plan.h"
#include "env/clock.h"
#include "plan/plan.h"

namespace millrace {

/// What a restore did.
struct RestoreReport {
  struct Step {
    std::string name;  ///< as it is called now
    std::int64_t rows = 0;
    bool moved = false;  ///< to the partitions of their keys
  };
  std::vector<Step> steps;
  std::int64_t records_in_flight = 0;
  std::int64_t offsets = 0;
  std::vector<std::string> dropped;
  std::vector<std::string> warnings;
};

/// Makes a pipeline that has no state go on where a savepoint ends: its state goes to the changelog topics,
/// rows that were on their way to the repartition topics, and the offsets to the group, all in one
/// transaction, so that a restore that is cut off has not happened and can be run again. Topics that the
/// pipeline needs are made.
/// Errors: user error when the group has members or state, or when savepoint and pipeline do not fit;
/// kCorrupt for a savepoint that is not whole; kOutcomeUnknown; those of the cluster.
Result<RestoreReport> RestoreSavepoint(const Plan& plan, Cluster& cluster, const Clock& clock,
                                       const std::string& folder, const RestoreChoice& choice);

}  // namespace millrace
