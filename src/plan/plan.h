#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/result.h"
#include "expr/expr.h"
#include "millrace/keyed_state.h"
#include "plan/plan_expr.h"
#include "plan/sinks.h"
#include "plan/source_location.h"
#include "plan/sources.h"

namespace millrace {

class UserAggregate;

/// What happens to a row that fails (R3).
enum class OnError { kDefault, kDeadLetter, kDrop, kFail };

/// How much of a text was understood when the plan was read. What was not is a mistake that was reported, so
/// that plans with less than kAll never run: they are only searched for further mistakes.
enum class Understood {
  kPart,     ///< there may be other columns than it seems
  kColumns,  ///< all that columns depend on
  kAll,
};

// --- Steps
// -------------------------------------------------------------------------------------------------------

struct FilterStep {
  PlanExpr predicate;
};
/// Adds or replaces columns; each expression sees the columns before the step.
struct WithStep {
  std::vector<std::pair<std::string, PlanExpr>> columns;
};
/// Keeps exactly these columns, in this order.
struct SelectStep {
  std::vector<std::pair<std::string, PlanExpr>> columns;
};
struct DropStep {
  std::vector<std::string> columns;
};
struct RenameStep {
  std::vector<std::pair<std::string, std::string>> columns;  ///< (old, new)
};
struct CastStep {
  std::vector<std::pair<std::string, std::shared_ptr<arrow::DataType>>> columns;
};
/// One row per list element; an empty or null list gives no row (keep_empty: one row with null).
struct ExplodeStep {
  std::string column;
  bool keep_empty = false;
};
enum class NullKey { kError, kDrop, kGroup };
/// Makes these columns the key (K1), through a repartition topic where rows must move (K2).
struct GroupByStep {
  std::vector<std::string> columns;
  NullKey null_key = NullKey::kError;
};
enum class WindowEmit { kFinal, kCurrent };
/// By which clock windows close (W5).
enum class WindowClosing { kPartition, kKey };
/// How rows are put into windows (W4).
enum class WindowShape { kTumbling, kHopping, kSliding, kSession, kCount };
struct WindowAggregateColumn {
  std::string name;
  AggregateCall call;
  SourceLocation location;
  /// The user's function of that name; null: a built-in one. C++ only, as MapStep::function.
  std::shared_ptr<const UserAggregate> user = nullptr;
  bool unread = false;  ///< as PlanExpr::unread
};
/// Emits the result of a key and window when `when`, over the result columns, is true (W10).
struct WindowTriggerSpec {
  PlanExpr when;
  bool before = false;      ///< is asked before a row is added, else after it
  SourceLocation location;  ///< of the trigger
};
struct WindowStep {
  std::vector<std::string> by;
  NullKey null_key = NullKey::kError;
  WindowShape shape = WindowShape::kTumbling;
  Duration size{0};             ///< length of a window; session: the gap that ends one
  Duration step{0};             ///< hopping: from one start to the next
  std::int64_t count = 0;       ///< count: rows of a key in a window
  std::int64_t count_step = 0;  ///< count: rows from the start of one window to the start of the next
  Duration grace{0};
  Duration offset{0};
  WindowEmit emit = WindowEmit::kFinal;
  WindowClosing closing = WindowClosing::kPartition;  ///< kKey: not for sliding and count
  std::string late_topic;                             ///< "" = counter and a rate-limited warning
  bool late_to_dead_letters = false;                  ///< late rows are dead letters; without late_topic
  std::vector<WindowAggregateColumn> aggregates;
  std::optional<WindowTriggerSpec> trigger = std::nullopt;  ///< see TriggerRefusal
};
/// Lets the first row of a key pass; rows of the key less than `within` away in event time are absorbed.
struct DeduplicateStep {
  std::vector<std::string> by;
  NullKey null_key = NullKey::kError;
  Duration within{0};
};
/// Lets a row pass when one of `columns` differs from the key's row before it.
struct ChangesStep {
  std::vector<std::string> by;
  NullKey null_key = NullKey::kError;
  std::vector<std::string> columns;
  std::optional<Duration> ttl;  ///< nullopt: keys stay
};
/// Aggregates over all rows of a key so far; one result per row.
struct RunningStep {
  std::vector<std::string> by;
  NullKey null_key = NullKey::kError;
  std::vector<WindowAggregateColumn> aggregates;
  std::optional<Duration> ttl;  ///< nullopt: keys stay
};
/// Keeps the latest row per key as a table; a row passes when it becomes the latest.
struct LatestStep {
  std::vector<std::string> by;
  NullKey null_key = NullKey::kError;
  std::optional<Duration> ttl;  ///< nullopt: rows stay
};
/// Gives each row an end: a tombstone of a key follows when the watermark reaches that of its latest row.
struct ExpireStep {
  std::vector<std::string> by;
  NullKey null_key = NullKey::kError;
  PlanExpr at;                        ///< a timestamp; null: never
  std::string late_topic;             ///< of rows whose end is over; "" = counter and a rate-limited warning
  bool late_to_dead_letters = false;  ///< as that of WindowStep
  /// Rows whose end was over when the pipeline ran for the first time pass, and end in event time.
  bool already_over_pass = false;
};
/// A user's function over batches with a value per key. C++ only: not text, as the rest of a plan.
struct MapStep {
  std::vector<std::string> by;
  NullKey null_key = NullKey::kError;
  std::optional<Duration> ttl;             ///< nullopt: values stay
  std::shared_ptr<arrow::Schema> columns;  ///< of the result; null: those of the input
  MapFunction function;
};

// --- The graph
// ---------------------------------------------------------------------------------------------------

/// Index of a node in Plan::nodes.
using NodeId = std::size_t;

struct PlanNode {
  /// Given by the user, or kind and ordinal among nodes of that kind: "window-1" (K4). Unique in the plan.
  std::string name;
  std::variant<KafkaSource, FilterStep, WithStep, SelectStep, DropStep, RenameStep, CastStep, ExplodeStep,
               GroupByStep, WindowStep, DeduplicateStep, ChangesStep, RunningStep, LatestStep, ExpireStep,
               MapStep, SinkNode>
      op;
  /// Nodes whose rows it reads: none for a source, one for a step or sink, several for a union of equal
  /// schemas.
  std::vector<NodeId> inputs;
  OnError on_error = OnError::kDefault;
  SourceLocation location;
  WordPlaces places{};  ///< of the words in its text
  Understood understood = Understood::kAll;

  /// "source", "filter", "with", ..., "sink".
  std::string_view kind() const;
};

/// What a step makes the key of its rows.
struct NodeKey {
  const std::vector<std::string>* columns = nullptr;
  NullKey null_key = NullKey::kError;
};
/// nullopt for steps that leave the key alone. `node` outlives the result.
std::optional<NodeKey> KeyOf(const PlanNode& node);

/// Where the late rows of a step go; "" for those that only count them. `node` outlives the result.
std::string_view LateTopicOf(const PlanNode& node);
/// Whether they are dead letters.
bool LateToDeadLetters(const PlanNode& node);

enum class Guarantee { kExactlyOnce, kAtLeastOnce };

struct BatchLimits {
  std::int64_t rows = 65'536;
  ByteCount bytes{16LL << 20};
  Duration delay{0};  ///< that rows wait for more rows, while the batch has room
};

/// A whole pipeline: settings and a graph of nodes in topological order (inputs come first). Pure data; built
/// by the YAML reader or api/, checked by AnalyzePlan, turned into tasks by compile/.
struct Plan {
  std::string name;
  std::map<std::string, std::string> kafka;  ///< librdkafka properties
  Guarantee guarantee = Guarantee::kExactlyOnce;
  std::optional<Duration> commit_interval;  ///< default 200 ms exactly_once, 1 s at_least_once
  ByteCount commit_bytes{64LL << 20};
  BatchLimits batch;
  int workers = 1;
  int standbys = 0;  ///< copies of each task's state on other machines
  ByteCount memory{1LL << 30};
  std::string state_dir = "./state";
  Duration stop_timeout{30'000};                         ///< between a signal and the end of the process (D5)
  std::optional<Duration> idle_after{Duration{10'000}};  ///< nullopt: never
  Duration out_of_orderness{0};
  Duration max_future{86'400'000};
  std::string dead_letter_topic;  ///< "" = none
  SourceLocation dead_letter_location{};
  bool create_topics = true;
  std::vector<PlanNode> nodes;
  Understood understood = Understood::kAll;  ///< of the settings

  /// Longer where a sink waits for more rows (linger).
  Duration EffectiveCommitInterval() const;
  /// How long a transaction may stay open: what `kafka` says, or some time beyond the commit interval.
  Duration TransactionTimeout() const;
  /// Errors: under exactly_once a transaction would be aborted by the broker before its commit is due.
  Status CheckCommitInterval() const;
};

/// Column types after every node, found by type-checking the whole plan.
struct AnalyzedPlan {
  Plan plan;
  /// By NodeId: the schema of the rows the node emits (for a sink: of the rows it receives). Never null, but
  /// after WithoutTypes.
  std::vector<std::shared_ptr<arrow::Schema>> schemas;
  /// By NodeId: see GroupColumns in key_columns.h.
  std::vector<std::vector<std::string>> group_columns;
};

/// Type-checks every expression and name. Precondition: every source of JSON has a schema.
/// Errors: user error with all that FindMistakes (mistakes.h) finds, one per line.
Result<AnalyzedPlan> AnalyzePlan(Plan plan);

/// A plan whose sources do not all have a schema, to be printed and nothing else: its schemas are those that
/// sources declare, null for every other node.
AnalyzedPlan WithoutTypes(Plan plan);

/// Gives sources of format string or bytes that declare no schema the only one they can have: a column
/// `value`.
void DeclareTextSchemas(Plan* plan);

/// Gives every unnamed node its name: kind-ordinal (K4); and DeclareFeeds. Errors: a name used twice.
Status NameNodes(Plan* plan);
/// NameNodes that names all nodes and gives each mistake its place.
std::vector<PlacedMessage> NameAllNodes(Plan* plan);

/// What a node does, in one line: "tumbling 1m by auction: n = count()".
std::string DescribeNode(const PlanNode& node);

/// Text for people, `mermaid` flowchart, or JSON of the graph. Secrets are redacted.
std::string PlanToText(const AnalyzedPlan& plan);
std::string PlanToMermaid(const AnalyzedPlan& plan);
std::string PlanToJson(const AnalyzedPlan& plan);

}  // namespace millrace
