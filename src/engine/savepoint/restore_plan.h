#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/savepoint/manifest.h"
#include "runtime/topology.h"

namespace millrace {

/// What a user says of an edited pipeline.
struct RestoreChoice {
  /// What the pipeline has no place for is left out.
  bool allow_drop = false;
  /// Steps and source topics that are called otherwise now: new name by old. A source topic named here, also
  /// with the same name, is another topic than that of the savepoint: it is read from its first record.
  std::map<std::string, std::string> names;
};

/// State that goes into a table.
struct StepRestore {
  const SavepointStage* stage = nullptr;  ///< it was in
  const SavepointStep* step = nullptr;
  const SubTopology* sub = nullptr;  ///< it comes into
  const TableSpec* table = nullptr;
  bool moves = false;  ///< rows go to the partition of their key; else they stay in theirs
};

/// An input of a sub-topology.
struct InputRestore {
  std::string topic;
  std::string step;                       ///< of a repartition topic
  const SavepointInput* saved = nullptr;  ///< null: new to the pipeline
  bool from_start = false;                ///< it is another topic than the saved one
};

struct StageRestore {
  const SubTopology* sub = nullptr;
  /// The stage of the savepoint with the same inputs and partitions, whose rows are placed alike:
  /// partition n is what partition n was; null: there is none, and keys may lie in other partitions now.
  const SavepointStage* same = nullptr;
  std::vector<const SavepointStage*> from;  ///< whose clocks count
  std::vector<InputRestore> inputs;         ///< as SubTopology::input_topics
};

/// What becomes of a savepoint in a pipeline. Points into the manifest and the topology it was made from.
struct RestorePlan {
  std::vector<StageRestore> stages;  ///< by sub-topology
  std::vector<StepRestore> steps;
  std::vector<std::string> dropped;   ///< sentences
  std::vector<std::string> warnings;  ///< sentences
  bool all_same() const;
};

/// `topic_ids` by source topic, as they are now. Errors: user error that names the step or topic without a
/// counterpart, or with another layout, and says what can be done.
Result<RestorePlan> PlanRestore(const SavepointManifest& manifest, const Topology& topology,
                                const std::map<std::string, std::string>& topic_ids,
                                const RestoreChoice& choice);

}  // namespace millrace
