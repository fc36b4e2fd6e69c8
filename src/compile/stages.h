#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"

namespace millrace {

/// Where rows must move to the partition of their key before a node may see them (K2).
struct Cut {
  NodeId at = 0;                     ///< the group_by or window that needs it
  std::vector<std::string> columns;  ///< key columns
  NullKey null_key = NullKey::kError;
  std::size_t from_stage = 0;
  std::string topic;  ///< "<app>-<step>-repartition"
};

/// The nodes that run on one partition number without rows moving. Becomes a SubTopology.
struct Stage {
  std::string name;
  std::vector<NodeId> sources;  ///< empty for a stage behind a cut
  std::optional<Cut> cut;       ///< set for a stage behind a cut
  std::vector<NodeId> nodes;    ///< ascending; without sources. A group_by behind its own cut is left out.
  std::int32_t partitions = 0;
};

struct StagedPlan {
  std::vector<Stage> stages;  ///< upstream first
  /// By node that has a key: the columns whose equal values lie in one partition, as they are called there
  /// and in the order of the key that brought them together. All of them are columns of the node's key; none:
  /// its stage has one partition.
  std::map<NodeId, std::vector<std::string>> placed_by;
};

/// Cuts a plan where rows must move. `partitions` by source topic.
/// No cut: when the input has one partition, or rows with equal keys are already together because the source
/// declares `key:` or an earlier group_by moved them. Errors: user error when sources that meet have
/// different partition counts, or one topic is read twice.
Result<StagedPlan> CutPlan(const AnalyzedPlan& analyzed,
                           const std::map<std::string, std::int32_t>& partitions);

}  // namespace millrace
