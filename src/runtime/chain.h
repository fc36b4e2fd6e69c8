#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/batch.h"
#include "runtime/dead_letter_writer.h"
#include "runtime/step_metrics.h"
#include "runtime/topology.h"

namespace millrace {

/// The nodes of one task and all control flow between them: batches go through depth-first, so between two
/// calls nothing is in flight. Owned by the task, used on the worker's thread.
class Chain {
 public:
  /// `dead_letters` and `metrics` outlive the chain.
  Chain(std::vector<ChainNode> nodes, DeadLetterWriter& dead_letters, MetricRegistry& metrics,
        const Clock& clock);
  ~Chain();

  void set_producer(Producer* producer) { producer_ = producer; }

  /// Rows enter at node `entry`.
  Status Push(std::size_t entry, Batch batch);
  /// The task's watermark moved: nodes in order, each with the watermark its input allows.
  Status AdvanceTime(Watermark watermark);
  /// True when a step asks when the pipeline ran for the first time.
  bool uses_first_run() const;
  /// Before RestoreTime, where one does.
  void SetFirstRun(EventTime first_run);
  /// After recovery: the clock of every node without emitting anything.
  void RestoreTime(Watermark watermark);

  /// `notes` by node name: what Notes() gave to the last committed transaction. Those that no sink takes go
  /// to `publish_note` (TaskProgram): nothing committed is left behind. Errors: user error when there is no
  /// way to publish one.
  Status Recover(const std::map<std::string, std::string>& notes,
                 const std::function<Status(const std::string&, std::string_view)>& publish_note);
  /// After Prepare: the notes of the sinks that have one, by node name (Sink::Note).
  std::map<std::string, std::string> Notes() const;
  /// True when a sink needs a checkpoint though no input came.
  bool CheckpointDue() const;
  /// True when something went to a sink, or to the dead letters, since the last Commit.
  bool has_output() const { return has_output_; }
  /// Sink::Settle of all sinks, which wait at most `wait` together.
  bool Settle(Duration wait);
  /// True when others learn the time from here: a repartition sink reports it at every checkpoint.
  bool reports_time() const;
  /// Sinks make everything durable; `watermark` and `idle` are what a repartition sink reports downstream.
  Status Prepare(Watermark watermark, bool idle);
  Status Commit();
  /// Sinks make everything committed visible (Sink::Publish).
  Status Publish();
  Status Rollback();
  Status Close();

 private:
  struct Node;
  class NodeOutput;

  /// The watermark that a node's inputs allow: the task's for an entry; `out` by node, those before filled.
  Watermark InputTime(std::size_t node, Watermark task, const std::vector<Watermark>& out) const;
  static Watermark OutputTime(const Node& node, Watermark in);
  Status PushInto(Node& node, Batch batch);
  Status WriteSink(Node& node, Sink& sink, const Batch& batch);
  /// Those that came too late for the sink itself.
  Status HandleLateRows(Node& node, const Batch& batch, const std::vector<LateRow>& late);
  Status PrepareSink(std::size_t at, Sink& sink, SinkContext context);
  /// The step before a sink learns which of its rows failed there. Where several feed a sink nobody does.
  Status TakeBack(std::size_t sink, const FailedRows& failed);
  /// Rows that the sink took for good; none of a late output.
  void CountAccepted(Node& node, const Sink& sink, std::int64_t rows);
  Status HandleErrors(Node& node, const Batch& batch, ErrorPolicy policy, std::vector<RowError> errors);
  Status HandleLate(Node& node, const Batch& batch, std::vector<std::int64_t> late_by_ms);
  template <typename Call>
  Status ForEachSink(Call call);

  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::vector<std::size_t>> inputs_;  // by node: the nodes that feed it; empty for an entry
  DeadLetterWriter& dead_letters_;
  const Clock& clock_;
  Counter& sink_rows_;
  Producer* producer_ = nullptr;
  bool has_output_ = false;
};

}  // namespace millrace
