#pragma once

#include "base/result.h"
#include "state/disk.h"
#include "state/restore_run.h"

namespace millrace {

/// Adds to `run` how many rows each table and slice that it touches will have on `disk` with it, so that the
/// counts stay right without looking at the rest. Cost: one lookup per key of the run.
///
/// Preconditions: `run` is sorted, and the counts on disk are right. `run` has to be sorted again.
Status AddRowCounts(Disk& disk, RestoreRun* run);

}  // namespace millrace
