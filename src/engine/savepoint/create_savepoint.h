#pragma once

#include <string>

#include "base/result.h"
#include "connect/cluster.h"
#include "engine/savepoint/manifest.h"
#include "env/clock.h"
#include "plan/plan.h"

namespace millrace {

/// Ok when the cluster can say who runs and has real transactions. Errors: user error.
Status CheckSavepointsWork(Cluster& cluster);

/// Copies the committed offsets and the state of a stopped pipeline into `folder`, which must not exist: it
/// appears when everything is on disk, under its name, and never in part. `plan` is the one that ran.
/// Changes nothing on the cluster. Memory is bounded; the disk of `folder` also holds one partition's state
/// meanwhile.
/// Errors: kAlreadyExists; user error when the group has members or committed nothing, or when the plan is
/// not the one that ran; kTimeout while a transaction is open; kIo.
Result<SavepointManifest> CreateSavepoint(const Plan& plan, Cluster& cluster, const Clock& clock,
                                          std::string folder);

}  // namespace millrace
