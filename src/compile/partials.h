#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "compile/stages.h"
#include "plan/plan.h"

namespace millrace {

// Where partial aggregates travel through a repartition topic instead of rows (K2a).

/// Of a stage behind a cut: the layout of the partials that its reader takes, "" for none. Only a window that
/// alone reads what comes through the cut can take any, see PartialLayout. Errors: as StateLayout.
Result<std::string> PartialsTaken(const AnalyzedPlan& analyzed, const Stage& stage);

/// Of a stage behind a cut: the window for which partials are sent. It takes them, and nothing that it gives
/// depends on single rows: results leave at the close only, late rows are counted, and the key of the cut is
/// the key of the window. nullopt: rows travel. Errors: as StateLayout.
Result<std::optional<NodeId>> PartialsSentTo(const AnalyzedPlan& analyzed, const Stage& stage);

}  // namespace millrace
