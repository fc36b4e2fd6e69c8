#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/metrics.h"
#include "base/result.h"
#include "columnar/batch.h"
#include "connect/sink.h"
#include "connect/topic_admin.h"
#include "env/clock.h"
#include "ops/operator.h"
#include "runtime/feed.h"
#include "state/state_store.h"

namespace millrace {

/// What a repartition topic says about one upstream partition (T2a).
struct WatermarkReport {
  std::int32_t upstream_partition = 0;
  Watermark watermark = kNoWatermark;
  bool idle = false;
};

/// One block of an input, decoded: rows and watermark reports in the order of the log.
struct InputItems {
  /// Batch::watermark and watermark_before are filled by the task.
  std::vector<std::variant<Batch, WatermarkReport>> items;
  /// Records that could not be decoded; RowError::row is the record's index in the block.
  std::vector<RowError> errors;
};

/// Turns the blocks of one input topic into batches. One owner, one thread.
class InputReader {
 public:
  virtual ~InputReader() = default;
  virtual Result<InputItems> Read(std::shared_ptr<const RecordBlock> block) = 0;
};

/// What to do with a row that fails (R3), settled when the plan is compiled.
enum class ErrorPolicy { kDeadLetter, kDrop, kFail };

/// Where reading of a partition begins while its group has committed nothing for it. A committed offset that
/// the log does not have any more is an error under kError; else the first record there is comes next.
enum class OffsetReset { kEarliest, kLatest, kError };

/// One step or sink of a task, with the nodes that receive its rows.
struct ChainNode {
  std::string name;
  /// Exactly one of the two is set.
  std::unique_ptr<Operator> op;
  std::unique_ptr<Sink> sink;
  /// Receives rows that came too late, extended by an int64 column `late_by`; null: they are counted and
  /// warned about.
  std::unique_ptr<Sink> late_sink;
  bool late_to_dead_letters = false;  ///< they are dead letters; without late_sink
  std::vector<std::size_t> next;      ///< indices above this node's own
  ErrorPolicy on_error = ErrorPolicy::kFail;
  bool internal = false;  ///< a repartition sink: its rows are not the pipeline's output
};

/// Everything that one task runs. Nodes are in topological order.
struct TaskProgram {
  struct Input {
    std::string topic;
    std::unique_ptr<InputReader> reader;
    std::vector<std::size_t> entries;  ///< nodes that receive its batches
    /// Partitions of the sub-topology that writes this topic; 0 for a source topic, whose own time counts.
    std::int32_t upstream_partitions = 0;
    ErrorPolicy on_error = ErrorPolicy::kFail;
    OffsetReset offset_reset = OffsetReset::kEarliest;
    /// False where event time is a column, which a record without a value lacks: such records move no clock.
    bool tombstones_have_time = true;
  };
  std::vector<Input> inputs;
  std::vector<ChainNode> nodes;
  /// Publishes what `note` commits for a sink that the pipeline has no more under this name, or that is
  /// another kind of sink now; null where no sink ever had notes.
  std::function<Status(const std::string& sink, std::string_view note)> publish_note;
};

/// How rows with equal keys of a step come into one partition.
struct KeyPlace {
  enum class By {
    kNothing,      ///< there is one partition
    kRepartition,  ///< murmur2 of the canonical bytes of `columns` (K2)
    kMessageKey,   ///< whoever writes the source topic sees to it
    kRecord,       ///< they may not: each lies where its record was
  };
  By by = By::kNothing;
  /// Of the step's key, in this order; with kRecord those that brought the records there, if any did.
  std::vector<std::string> columns{};
  std::string key_format{};  ///< of the message key: string | json | bytes

  friend bool operator==(const KeyPlace&, const KeyPlace&) = default;
};

/// A table of a sub-topology and the changelog topic that mirrors it.
struct TableSpec {
  std::string table;
  std::string changelog_topic;
  KeyPlace place{};
};

/// The part of a plan between two cuts: what runs on one partition number without rows moving.
struct SubTopology {
  std::string name;  ///< part of its tasks' state directory; stable over edits of the plan (K4)
  std::vector<std::string> input_topics;  ///< all with `partitions` partitions
  std::int32_t partitions = 0;
  std::vector<TableSpec> tables;  ///< empty: stateless
  std::string state_layout;       ///< StateStoreOptions::layout
  /// Those of input_topics that may be purged below the committed offset.
  std::vector<std::string> repartition_inputs;
  /// Those of repartition_inputs through which partial aggregates travel where that is less than rows (K2a).
  std::vector<std::string> partial_inputs;
  /// Makes the program of one task. `store`: null for a stateless sub-topology, else tables are added to it.
  std::function<Result<TaskProgram>(Partition partition, StateStore* store)> make_program;
};

/// Time settings of a pipeline (T2-T4).
struct TimeOptions {
  Duration out_of_orderness{0};
  std::optional<Duration> idle_after{Duration{10'000}};
};

/// A compiled pipeline: what workers run.
struct Topology {
  std::string app;  ///< also the consumer group
  std::vector<SubTopology> sub_topologies;
  std::vector<NewTopic> internal_topics;  ///< changelog and repartition topics, made before the workers start
  std::vector<Feed> feeds;                ///< of sources outside Kafka
  std::vector<NewTopic> feed_topics;      ///< theirs, made before the workers start
  std::string dead_letter_topic;          ///< "" = none
  std::int64_t max_row_bytes = kMostRowBytes;  ///< StateStoreOptions::max_row_bytes
  std::int64_t max_key_bytes = kMostKeyBytes;  ///< StateStoreOptions::max_key_bytes
  TimeOptions time;
};

}  // namespace millrace
