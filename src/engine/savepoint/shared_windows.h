#pragma once

#include "base/result.h"
#include "engine/savepoint/manifest.h"
#include "plan/plan.h"

namespace millrace {

/// Of windows that overlap: hopping and sliding ones.
SharedWindows SharedWindowsOf(const PlanNode& node);

/// Whether the rows of a step may go on under the lowest watermark of the partitions of its stage: not when
/// windows that share state have closed in some of them and not in others, since they would close again.
/// Errors: user error that says so; kCorrupt.
Status CheckSharedWindows(const SavepointStage& stage, const SavepointStep& step);

}  // namespace millrace
