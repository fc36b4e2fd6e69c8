#include "runtime/chain.h"

#include <algorithm>
#include <set>

#include <arrow/api.h>

#include "base/log.h"
#include "columnar/arrow_status.h"

namespace millrace {
namespace {

constexpr std::int64_t kLateWarningEveryMs = 10'000;

/// `batch` with an int64 column `late_by` (ms) at the end.
Result<Batch> WithLateBy(const Batch& batch, const std::vector<std::int64_t>& late_by_ms) {
  arrow::Int64Builder builder;
  MR_RETURN_IF_ARROW_ERROR(builder.AppendValues(late_by_ms));
  std::shared_ptr<arrow::Array> column;
  MR_RETURN_IF_ARROW_ERROR(builder.Finish(&column));
  MR_ASSIGN_ARROW(auto data, batch.data->AddColumn(batch.data->num_columns(),
                                                   arrow::field("late_by", arrow::int64()), column));
  return batch.WithData(std::move(data));
}

/// All rows of a batch as dead letters; one that is ahead of its time is late by less than 0.
std::vector<RowError> LateErrors(const std::vector<std::int64_t>& late_by_ms) {
  std::vector<RowError> errors;
  errors.reserve(late_by_ms.size());
  for (std::size_t i = 0; i < late_by_ms.size(); ++i) {
    errors.push_back({static_cast<std::int64_t>(i), "late",
                      std::string(late_by_ms[i] < 0 ? "the row is too far ahead" : "the row came too late") +
                          ": late_by is " + std::to_string(late_by_ms[i]) + " ms"});
  }
  return errors;
}

/// The rows that the failed rows of a batch stand for.
std::int64_t RowsBehind(const Batch& batch, const std::vector<RowError>& errors) {
  if (batch.stands_for == nullptr) return static_cast<std::int64_t>(errors.size());
  std::int64_t rows = 0;
  for (const RowError& error : errors) rows += batch.stands_for->Value(error.row);
  return rows;
}

/// What helps against late rows of a step, or of a sink.
std::string_view LateAdvice(const ChainNode& node) {
  return node.op != nullptr ? node.op->late_advice()
                            : "raise out_of_orderness, or a window's grace; late: {topic: ...} keeps them";
}

}  // namespace

struct Chain::Node {
  Node(ChainNode made, MetricRegistry& registry) : spec(std::move(made)), metrics(registry, spec.name) {
    if (spec.sink == nullptr && spec.late_sink == nullptr) return;
    bytes_out = &registry.GetCounter("millrace_bytes_out_total",
                                     "Bytes that sinks wrote, those of aborted transactions included.",
                                     {{"step", spec.name}});
  }

  /// Its own and that for late rows: none, one or both.
  std::vector<Sink*> sinks() const {
    std::vector<Sink*> out;
    for (Sink* sink : {spec.sink.get(), spec.late_sink.get()}) {
      if (sink != nullptr) out.push_back(sink);
    }
    return out;
  }

  ChainNode spec;
  StepMetrics metrics;
  Counter* bytes_out = nullptr;   // of a node with a sink
  Watermark time = kNoWatermark;  // last AdvanceTime
  std::int64_t late_warned_at_ms = 0;
};

/// Passes what an operator emits to the nodes behind it.
class Chain::NodeOutput final : public Output {
 public:
  NodeOutput(Chain& chain, Node& node) : chain_(chain), node_(node) {}

  Status Emit(Batch batch) override {
    if (batch.num_rows() == 0) return Status::Ok();
    node_.metrics.rows_out.Add(batch.rows_behind());
    const auto& next = node_.spec.next;
    if (next.empty()) return Status::Ok();
    for (std::size_t i = 0; i + 1 < next.size(); ++i) {
      MR_RETURN_IF_ERROR(Pass(batch, *chain_.nodes_[next[i]]));
    }
    return Pass(std::move(batch), *chain_.nodes_[next.back()]);
  }

  Status Late(Batch batch, std::vector<std::int64_t> late_by_ms) override {
    return chain_.HandleLate(node_, batch, std::move(late_by_ms));
  }

  Status DeadLetter(const Batch& batch, std::vector<RowError> errors) override {
    return chain_.HandleErrors(node_, batch, node_.spec.on_error, std::move(errors));
  }

  void CountFiltered(std::int64_t rows) override { node_.metrics.rows_filtered.Add(rows); }
  void CountAbsorbed(std::int64_t rows) override { node_.metrics.rows_absorbed.Add(rows); }

 private:
  Status Pass(Batch batch, Node& next) {
    if (batch.watermark_before == nullptr && batch.watermark == kNoWatermark) {
      batch.watermark = next.time;  // made from state: judged by the clock the next step has seen
    }
    return chain_.PushInto(next, std::move(batch));
  }

  Chain& chain_;
  Node& node_;
};

Chain::Chain(std::vector<ChainNode> nodes, DeadLetterWriter& dead_letters, MetricRegistry& metrics,
             const Clock& clock)
    : inputs_(nodes.size()),
      dead_letters_(dead_letters),
      clock_(clock),
      sink_rows_(metrics.GetCounter("millrace_sink_rows_total", "Rows that the pipeline's sinks accepted.")) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    MR_CHECK((nodes[i].op == nullptr) != (nodes[i].sink == nullptr));
    for (const std::size_t next : nodes[i].next) {
      MR_CHECK(next > i && next < nodes.size());
      inputs_[next].push_back(i);
    }
    nodes_.push_back(std::make_unique<Node>(std::move(nodes[i]), metrics));
  }
}

Chain::~Chain() = default;

Status Chain::Push(std::size_t entry, Batch batch) {
  CheckBatch(batch);
  return PushInto(*nodes_[entry], std::move(batch));
}

Status Chain::PushInto(Node& node, Batch batch) {
  if (batch.num_rows() == 0) return Status::Ok();
  node.metrics.rows_in.Add(batch.rows_behind());
  if (node.spec.sink != nullptr) {
    return WriteSink(node, *node.spec.sink, batch);
  }
  NodeOutput output(*this, node);
  return node.spec.op->Process(std::move(batch), output).WithContext("step " + node.spec.name);
}

Status Chain::WriteSink(Node& node, Sink& sink, const Batch& batch) {
  has_output_ = true;
  std::vector<RowError> errors;
  std::vector<LateRow> late;
  SinkContext context{.producer = producer_, .errors = &errors, .late = &late};
  MR_RETURN_IF_ERROR(sink.Write(batch, context).WithContext(node.spec.name));
  node.bytes_out->Add(context.bytes);
  CountAccepted(node, sink,
                batch.rows_behind() - RowsBehind(batch, errors) - static_cast<std::int64_t>(late.size()) -
                    context.unsettled);
  if (!late.empty()) MR_RETURN_IF_ERROR(HandleLateRows(node, context.late_from.value_or(batch), late));
  if (errors.empty()) return Status::Ok();
  return HandleErrors(node, batch, node.spec.on_error, std::move(errors));
}

void Chain::CountAccepted(Node& node, const Sink& sink, std::int64_t rows) {
  if (&sink != node.spec.sink.get()) return;  // late rows are counted as such
  node.metrics.rows_out.Add(rows);
  if (!node.spec.internal) sink_rows_.Add(rows);
}

Status Chain::HandleLateRows(Node& node, const Batch& batch, const std::vector<LateRow>& late) {
  arrow::Int32Builder rows;
  std::vector<std::int64_t> late_by_ms;
  for (const LateRow& row : late) {
    MR_RETURN_IF_ARROW_ERROR(rows.Append(static_cast<std::int32_t>(row.row)));
    late_by_ms.push_back(row.late_by_ms);
  }
  std::shared_ptr<arrow::Int32Array> indices;
  MR_RETURN_IF_ARROW_ERROR(rows.Finish(&indices));
  MR_ASSIGN_OR_RETURN(const Batch taken, TakeRows(batch, indices));
  return HandleLate(node, taken, std::move(late_by_ms));
}

Status Chain::HandleErrors(Node& node, const Batch& batch, ErrorPolicy policy, std::vector<RowError> errors) {
  if (errors.empty()) return Status::Ok();
  has_output_ = true;
  std::vector<std::int64_t> records(errors.size(), 0);
  if (batch.block != nullptr) {
    for (std::size_t i = 0; i < errors.size(); ++i) records[i] = batch.RecordOf(errors[i].row);
  }
  MR_RETURN_IF_ERROR(dead_letters_.Handle(policy, node.spec.name, batch.block.get(), records, errors));
  node.metrics.CountFailed(policy, RowsBehind(batch, errors));
  return Status::Ok();
}

Status Chain::HandleLate(Node& node, const Batch& batch, std::vector<std::int64_t> late_by_ms) {
  // Partial aggregates were on their way when the late output was added: there are no rows to give it.
  if (node.spec.late_to_dead_letters && batch.stands_for == nullptr)
    return HandleErrors(node, batch, ErrorPolicy::kDeadLetter, LateErrors(late_by_ms));
  const std::int64_t rows = batch.rows_behind();
  node.metrics.rows_late.Add(rows);
  if (node.spec.late_sink != nullptr && batch.stands_for == nullptr) {
    MR_ASSIGN_OR_RETURN(const Batch extended, WithLateBy(batch, late_by_ms));
    return WriteSink(node, *node.spec.late_sink, extended);
  }
  const std::int64_t now = clock_.Now().value();
  if (node.late_warned_at_ms == 0 || now - node.late_warned_at_ms >= kLateWarningEveryMs) {
    node.late_warned_at_ms = now;
    Log(LogLevel::kWarning, "rows came too late",
        {{"step", node.spec.name},
         {"rows", rows},
         {"late_by_ms_max", *std::max_element(late_by_ms.begin(), late_by_ms.end())},
         {"partition", batch.origin.partition.ToString()},
         {"advice", LateAdvice(node.spec)}});
  }
  return Status::Ok();
}

Watermark Chain::InputTime(std::size_t node, Watermark task, const std::vector<Watermark>& out) const {
  Watermark in = task;
  for (const std::size_t from : inputs_[node]) in = std::min(in, out[from]);
  return in;
}

Watermark Chain::OutputTime(const Node& node, Watermark in) {
  if (node.spec.op == nullptr || in == kNoWatermark) return kNoWatermark;
  return node.spec.op->OutputWatermark(in);
}

Status Chain::AdvanceTime(Watermark watermark) {
  std::vector<Watermark> out(nodes_.size(), kNoWatermark);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = *nodes_[i];
    if (node.spec.op == nullptr) continue;
    const Watermark in = InputTime(i, watermark, out);
    if (in > node.time) {
      NodeOutput output(*this, node);
      MR_RETURN_IF_ERROR(node.spec.op->AdvanceTime(in, output).WithContext("step " + node.spec.name));
      node.time = in;
    }
    out[i] = OutputTime(node, node.time);
  }
  return Status::Ok();
}

bool Chain::uses_first_run() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
    return node->spec.op != nullptr && node->spec.op->uses_first_run();
  });
}

void Chain::SetFirstRun(EventTime first_run) {
  for (const auto& node : nodes_) {
    if (node->spec.op != nullptr && node->spec.op->uses_first_run()) node->spec.op->SetFirstRun(first_run);
  }
}

void Chain::RestoreTime(Watermark watermark) {
  std::vector<Watermark> out(nodes_.size(), kNoWatermark);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = *nodes_[i];
    node.time = InputTime(i, watermark, out);
    if (node.spec.op != nullptr) node.spec.op->RestoreTime(node.time);
    out[i] = OutputTime(node, node.time);
  }
}

template <typename Call>
Status Chain::ForEachSink(Call call) {
  for (const auto& node : nodes_) {
    for (Sink* sink : node->sinks()) MR_RETURN_IF_ERROR(call(*sink).WithContext(node->spec.name));
  }
  return Status::Ok();
}

Status Chain::Recover(const std::map<std::string, std::string>& notes,
                      const std::function<Status(const std::string&, std::string_view)>& publish_note) {
  std::set<std::string> taken;
  for (const auto& node : nodes_) {
    const auto note = notes.find(node->spec.name);
    for (Sink* sink : node->sinks()) {
      const bool takes = note != notes.end() && sink->TakesNotes();
      if (takes) taken.insert(note->first);
      MR_RETURN_IF_ERROR(sink->Recover(takes ? note->second : "").WithContext(node->spec.name));
    }
  }
  for (const auto& [sink, note] : notes) {
    if (taken.contains(sink)) continue;
    if (publish_note == nullptr) {
      return Status::InvalidArgument("rows of the sink '" + sink +
                                     "' are committed but not published, and no sink takes them; start once "
                                     "with the pipeline file as it was");
    }
    MR_RETURN_IF_ERROR(publish_note(sink, note));
  }
  return Status::Ok();
}

std::map<std::string, std::string> Chain::Notes() const {
  std::map<std::string, std::string> out;
  for (const auto& node : nodes_) {
    if (node->spec.sink == nullptr) continue;
    if (std::string note = node->spec.sink->Note(); !note.empty()) out[node->spec.name] = std::move(note);
  }
  return out;
}

bool Chain::CheckpointDue() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
    return node->spec.sink != nullptr && node->spec.sink->CheckpointDue();
  });
}

bool Chain::Settle(Duration wait) {
  std::vector<Sink*> waiting;
  for (const auto& node : nodes_) {
    for (Sink* sink : node->sinks()) {
      if (!sink->Settle(Duration(0))) waiting.push_back(sink);  // all of them are under way now
    }
  }
  const auto until = clock_.Steady() + wait;
  return std::all_of(waiting.begin(), waiting.end(), [&](Sink* sink) {
    const auto left = std::chrono::ceil<Duration>(until - clock_.Steady());
    return sink->Settle(std::max(left, Duration(0)));
  });
}

bool Chain::reports_time() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->spec.internal; });
}

Status Chain::Prepare(Watermark watermark, bool idle) {
  std::vector<Watermark> out(nodes_.size(), kNoWatermark);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = *nodes_[i];
    const Watermark in = InputTime(i, watermark, out);
    out[i] = OutputTime(node, in);
    for (Sink* sink : node.sinks()) {
      MR_RETURN_IF_ERROR(PrepareSink(i, *sink, {.producer = producer_, .watermark = in, .idle = idle}));
    }
  }
  return Status::Ok();
}

Status Chain::TakeBack(std::size_t sink, const FailedRows& failed) {
  if (inputs_[sink].size() != 1) return Status::Ok();
  const Node& before = *nodes_[inputs_[sink].front()];
  std::vector<std::int64_t> rows;
  for (const RowError& error : failed.errors) rows.push_back(error.row);
  return before.spec.op->TakeBack(failed.batch, rows).WithContext("step " + before.spec.name);
}

Status Chain::PrepareSink(std::size_t at, Sink& sink, SinkContext context) {
  Node& node = *nodes_[at];
  std::vector<RowError> errors;
  std::vector<FailedRows> failed;
  context.errors = &errors;
  context.failed = &failed;
  MR_RETURN_IF_ERROR(sink.Prepare(context).WithContext(node.spec.name));
  node.bytes_out->Add(context.bytes);
  CountAccepted(node, sink, context.settled);
  for (FailedRows& rows : failed) {
    if (&sink == node.spec.sink.get()) MR_RETURN_IF_ERROR(TakeBack(at, rows));
    MR_RETURN_IF_ERROR(HandleErrors(node, rows.batch, node.spec.on_error, std::move(rows.errors)));
  }
  return Status::Ok();
}

Status Chain::Commit() {
  has_output_ = false;
  return ForEachSink([](Sink& sink) { return sink.Commit(); });
}

Status Chain::Publish() {
  return ForEachSink([](Sink& sink) { return sink.Publish(); });
}

Status Chain::Rollback() {
  return ForEachSink([](Sink& sink) { return sink.Rollback(); });
}

Status Chain::Close() {
  return ForEachSink([](Sink& sink) { return sink.Close(); });
}

}  // namespace millrace
