#pragma once

#include <cstdint>
#include <memory>

#include "compile/stages.h"
#include "connectors/snapchat/snap_access.h"
#include "plan/plan.h"
#include "runtime/topology.h"

namespace millrace {

/// Bytes that a record may have by default, with its key and headers.
inline constexpr std::int64_t kLargestRecord = 1'048'400;
/// What a topic has to take beside, for the batch around the record.
inline constexpr std::int64_t kBatchHeaderBytes = 188;
/// Bytes that a record may have, where the pipeline says so; else 0.
std::int64_t LargestRecord(const Plan& plan);
/// Bytes that a key of a step's state may have (Topology::max_key_bytes).
std::int64_t MostKeyBytes(const Plan& plan);

/// Adds the repartition topics of `staged` and the changelogs of the tables of its sub-topologies, which
/// `topology` has.
void AddInternalTopics(const Plan& plan, const StagedPlan& staged, Topology* topology);

/// Adds the sources outside Kafka, with their topics. `accesses`: shared with sinks.
void AddFeeds(const Plan& plan, const std::shared_ptr<SnapAccesses>& accesses, Topology* topology);

}  // namespace millrace
