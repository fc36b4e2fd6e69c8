#include "compile/compile.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <arrow/api.h>

#include "codec/json/json_codec.h"
#include "codec/text/text_codec.h"
#include "columnar/tombstone_column.h"
#include "compile/internal_topics.h"
#include "compile/keyed_steps.h"
#include "compile/operator_factory.h"
#include "compile/partials.h"
#include "compile/repartition.h"
#include "compile/sink_factory.h"
#include "compile/snapchat_sinks.h"
#include "compile/source_reader.h"
#include "compile/stages.h"
#include "connectors/snapchat/late_conversions.h"
#include "expr/expr.h"
#include "ops/filter.h"
#include "ops/rekey.h"
#include "plan/state_names.h"

namespace millrace {
namespace {

/// Everything program factories share; immutable.
struct Compiled {
  AnalyzedPlan analyzed;
  StagedPlan staged;
  std::map<NodeId, std::shared_ptr<ConsoleOutput>> consoles;
  std::map<NodeId, std::shared_ptr<ConversionsConnection>> conversions;
  std::map<NodeId, std::shared_ptr<AudienceConnection>> audiences;
  MetricRegistry own_metrics{};  // where CompileOptions has none
  const Clock* clock = nullptr;

  const PlanNode& node(NodeId id) const { return analyzed.plan.nodes[id]; }
  /// The schema a node receives: all its inputs have the same.
  const std::shared_ptr<arrow::Schema>& input_schema(NodeId id) const {
    return analyzed.schemas[node(id).inputs.front()];
  }
};

Status At(const PlanNode& node, Status status) {
  if (status.ok()) return status;
  const std::string where = node.location.ToString();
  return std::move(status).WithContext((where.empty() ? "" : where + ": ") + std::string(node.kind()) + " '" +
                                       node.name + "'");
}

/// PartialsSentTo, with the place of an error.
Result<std::optional<NodeId>> WindowOfPartials(const Compiled& compiled, const Stage& stage) {
  auto window = PartialsSentTo(compiled.analyzed, stage);
  if (!window.ok()) return At(compiled.node(stage.cut->at), window.status());
  return window;
}

ErrorPolicy PolicyOf(const Plan& plan, const PlanNode& node) {
  switch (node.on_error) {
    case OnError::kDefault:
      return plan.dead_letter_topic.empty() ? ErrorPolicy::kFail : ErrorPolicy::kDeadLetter;
    case OnError::kDeadLetter:
      return ErrorPolicy::kDeadLetter;
    case OnError::kDrop:
      return ErrorPolicy::kDrop;
    case OnError::kFail:
      return ErrorPolicy::kFail;
  }
  return ErrorPolicy::kFail;
}

OffsetReset ResetOf(const KafkaSource& source) {
  if (source.offset_reset == "latest") return OffsetReset::kLatest;
  return source.offset_reset == "error" ? OffsetReset::kError : OffsetReset::kEarliest;
}

Result<std::unique_ptr<InputReader>> MakeReader(const Compiled& compiled, NodeId id) {
  const auto& source = std::get<KafkaSource>(compiled.node(id).op);
  const std::shared_ptr<arrow::Schema>& schema = compiled.analyzed.schemas[id];
  SourceReaderOptions options;
  if (source.format == "json") {
    JsonDecoderOptions json;
    json.schema = schema;
    if (source.extra == "keep") json.extra_column = "_extra";
    MR_ASSIGN_OR_RETURN(options.values, MakeJsonDecoder(std::move(json)));
  } else {
    if (schema->num_fields() != 1) {
      return Status::InvalidArgument("format '" + source.format +
                                     "' fills exactly one column, the schema has " +
                                     std::to_string(schema->num_fields()));
    }
    MR_ASSIGN_OR_RETURN(options.values, MakeStringDecoder(schema->field(0)));
  }
  if (source.timestamp) options.timestamp = source.timestamp->expr;
  options.max_future = compiled.analyzed.plan.max_future;
  if (!source.key.empty()) {
    const auto field = schema->GetFieldByName(source.key);
    if (field == nullptr)
      return Status::InvalidArgument("the key column '" + source.key + "' is not in the schema");
    MR_ASSIGN_OR_RETURN(const KeyFormat format, ParseKeyFormat(source.key_format));
    MR_ASSIGN_OR_RETURN(options.keys, MakeKeyDecoder(format, field));
    options.key_column = source.key;
  }
  return MakeSourceReader(std::move(options), *compiled.clock);
}

/// Builds the chain of one stage for one partition.
class ProgramBuilder {
 public:
  ProgramBuilder(const Compiled& compiled, std::size_t stage, Partition partition, StateStore* store)
      : compiled_(compiled),
        plan_(compiled.analyzed.plan),
        stage_(compiled.staged.stages[stage]),
        stage_index_(stage),
        partition_(partition),
        store_(store) {}

  Result<TaskProgram> Build() {
    for (const NodeId id : stage_.nodes) MR_RETURN_IF_ERROR(At(compiled_.node(id), AddNode(id)));
    for (const Stage& other : compiled_.staged.stages) {
      if (other.cut.has_value() && other.cut->from_stage == stage_index_)
        MR_RETURN_IF_ERROR(AddCutSink(other));
    }
    Connect();
    MR_RETURN_IF_ERROR(AddInputs());
    program_.publish_note = [app = plan_.name, partition = partition_](const std::string& sink,
                                                                       std::string_view note) {
      return PublishNote({app, sink, partition}, note);
    };
    return std::move(program_);
  }

 private:
  std::size_t Append(ChainNode node) {
    program_.nodes.push_back(std::move(node));
    return program_.nodes.size() - 1;
  }

  Status AddNode(NodeId id) {
    const PlanNode& node = compiled_.node(id);
    ChainNode chain;
    chain.name = node.name;
    chain.on_error = PolicyOf(plan_, node);
    if (const auto* sink = std::get_if<SinkNode>(&node.op)) return AddSink(id, *sink, std::move(chain));
    MR_ASSIGN_OR_RETURN(chain.op, MakeOperator(node, compiled_.input_schema(id), store_, InputOf()));
    if (const std::string late_topic(LateTopicOf(node)); !late_topic.empty()) {
      MR_ASSIGN_OR_RETURN(chain.late_sink,
                          MakeLateSink(late_topic, compiled_.input_schema(id), KeyBefore(id)));
    }
    chain.late_to_dead_letters = LateToDeadLetters(node);
    first_[id] = last_[id] = Append(std::move(chain));
    return Status::Ok();
  }

  /// What the task reads; the first topic, where there are several.
  TopicPartition InputOf() const {
    if (stage_.cut.has_value()) return {stage_.cut->topic, partition_};
    return {std::get<KafkaSource>(compiled_.node(stage_.sources.front()).op).topic, partition_};
  }

  /// The columns that made the key of the rows that reach the node; none: they have that of their records.
  std::vector<std::string> KeyBefore(NodeId id) const {
    if (stage_.cut.has_value() && stage_.cut->at == id) return stage_.cut->columns;
    return compiled_.analyzed.group_columns[compiled_.node(id).inputs.front()];
  }

  Status AddSink(NodeId id, const SinkNode& sink, ChainNode chain) {
    const auto& input = compiled_.input_schema(id);
    std::vector<std::size_t> path;
    MR_ASSIGN_OR_RETURN(const auto where, SinkPredicate(sink, input));
    if (where) {
      ChainNode filter;
      filter.name = chain.name + "-where";
      filter.on_error = chain.on_error;
      MR_ASSIGN_OR_RETURN(BoundExpr predicate, BoundExpr::Bind(*where, WithTombstoneField(input)));
      MR_ASSIGN_OR_RETURN(filter.op, MakeFilter(std::move(predicate), input));
      path.push_back(Append(std::move(filter)));
    }
    SinkFactoryContext context;
    context.app = plan_.name;
    context.input = input;
    context.group_columns = compiled_.analyzed.group_columns[compiled_.node(id).inputs.front()];
    context.partition = partition_;
    context.clock = compiled_.clock;
    if (const auto console = compiled_.consoles.find(id); console != compiled_.consoles.end())
      context.console = console->second;
    if (const auto events = compiled_.conversions.find(id); events != compiled_.conversions.end())
      context.conversions = events->second;
    if (const auto audience = compiled_.audiences.find(id); audience != compiled_.audiences.end())
      context.audience = audience->second;
    MR_ASSIGN_OR_RETURN(auto projection, MakeSinkProjection(sink, input));
    if (projection != nullptr) {
      context.input = projection->output_schema();
      ChainNode columns;
      columns.name = chain.name + "-columns";
      columns.on_error = chain.on_error;
      columns.op = std::move(projection);
      path.push_back(Append(std::move(columns)));
    }
    if (const auto* events = std::get_if<SnapchatConversionsSink>(&sink.sink)) {
      ChainNode repeats;
      repeats.name = RepeatsStep(chain.name);
      repeats.on_error = chain.on_error;
      MR_ASSIGN_OR_RETURN(repeats.op,
                          MakeSinkRepeats(*events, chain.name, context.input, store_, *compiled_.clock));
      if (repeats.op != nullptr) {
        context.input = repeats.op->output_schema();
        MR_RETURN_IF_ERROR(AddLate(*events, context.input, &repeats));
        path.push_back(Append(std::move(repeats)));
      }
      MR_RETURN_IF_ERROR(AddLate(*events, context.input, &chain));
    }
    MR_ASSIGN_OR_RETURN(chain.sink, MakeSink(compiled_.node(id), context));
    path.push_back(Append(std::move(chain)));
    for (std::size_t i = 0; i + 1 < path.size(); ++i) program_.nodes[path[i]].next.push_back(path[i + 1]);
    first_[id] = path.front();
    last_[id] = path.back();
    return Status::Ok();
  }

  static Status AddLate(const SnapchatConversionsSink& events, const std::shared_ptr<arrow::Schema>& input,
                        ChainNode* node) {
    node->late_to_dead_letters = events.late_to_dead_letters;
    if (events.late_topic.empty()) return Status::Ok();
    MR_ASSIGN_OR_RETURN(node->late_sink, MakeLateSink(events.late_topic, LateConversionSchema(*input), {}));
    return Status::Ok();
  }

  /// The upstream half of a cut: rows get their key and leave for the repartition topic, added up where they
  /// may be (K2a).
  Status AddCutSink(const Stage& downstream) {
    const Cut& cut = *downstream.cut;
    const PlanNode& node = compiled_.node(cut.at);
    ChainNode rekey;
    rekey.name = node.name + "-key";
    rekey.on_error = PolicyOf(plan_, node);
    auto made = MakeRekey(cut.columns, NullKeyPolicyOf(cut.null_key), compiled_.input_schema(cut.at));
    if (!made.ok()) return At(node, made.status());
    rekey.op = *std::move(made);
    const std::size_t at = Append(std::move(rekey));
    std::size_t last = at;
    MR_ASSIGN_OR_RETURN(const auto window, WindowOfPartials(compiled_, downstream));
    if (window) {
      ChainNode partials;
      partials.name = compiled_.node(*window).name + "-partials";
      MR_ASSIGN_OR_RETURN(
          partials.op,
          MakeWindowPartials(compiled_.node(*window), compiled_.input_schema(*window), MostKeyBytes(plan_)));
      last = Append(std::move(partials));
      program_.nodes[at].next.push_back(last);
    }
    ChainNode sink;
    sink.name = node.name + "-repartition";
    sink.on_error = PolicyOf(plan_, node);
    sink.internal = true;
    sink.sink = MakeRepartitionSink(
        {.topic = cut.topic, .partitions = downstream.partitions, .upstream = partition_}, *compiled_.clock);
    const std::size_t to = Append(std::move(sink));
    program_.nodes[last].next.push_back(to);
    for (const NodeId input : node.inputs) edges_.emplace_back(input, at);
    return Status::Ok();
  }

  /// Edges between nodes of this stage; what comes from outside becomes an entry.
  void Connect() {
    for (const NodeId id : stage_.nodes) {
      for (const NodeId input : compiled_.node(id).inputs) edges_.emplace_back(input, first_.at(id));
    }
    for (const auto& [from, to] : edges_) {
      if (const auto found = last_.find(from); found != last_.end()) {
        program_.nodes[found->second].next.push_back(to);
      } else {
        entries_[from].push_back(to);
      }
    }
  }

  Status AddInputs() {
    if (!stage_.cut.has_value()) {
      for (const NodeId id : stage_.sources) {
        const auto& source = std::get<KafkaSource>(compiled_.node(id).op);
        TaskProgram::Input input;
        input.topic = source.topic;
        auto reader = MakeReader(compiled_, id);
        if (!reader.ok()) return At(compiled_.node(id), reader.status());
        input.reader = *std::move(reader);
        input.entries = entries_[id];
        input.on_error = PolicyOf(plan_, compiled_.node(id));
        input.offset_reset = ResetOf(source);
        input.tombstones_have_time = !source.timestamp.has_value();
        program_.inputs.push_back(std::move(input));
      }
      return Status::Ok();
    }
    const Cut& cut = *stage_.cut;
    TaskProgram::Input input;
    input.topic = cut.topic;
    MR_ASSIGN_OR_RETURN(std::string partials, PartialsTaken(compiled_.analyzed, stage_));
    input.reader = MakeRepartitionReader(compiled_.input_schema(cut.at), std::move(partials));
    input.upstream_partitions = compiled_.staged.stages[cut.from_stage].partitions;
    // Behind the cut stands the node that needed it, or, for a group_by, what comes after it.
    for (const auto& [from, entries] : entries_)
      input.entries.insert(input.entries.end(), entries.begin(), entries.end());
    std::sort(input.entries.begin(), input.entries.end());
    input.entries.erase(std::unique(input.entries.begin(), input.entries.end()), input.entries.end());
    program_.inputs.push_back(std::move(input));
    return Status::Ok();
  }

  const Compiled& compiled_;
  const Plan& plan_;
  const Stage& stage_;
  const std::size_t stage_index_;
  const Partition partition_;
  StateStore* const store_;
  TaskProgram program_;
  std::map<NodeId, std::size_t> first_;  // chain node that receives the plan node's rows
  std::map<NodeId, std::size_t> last_;   // chain node that emits them
  std::vector<std::pair<NodeId, std::size_t>> edges_;
  std::map<NodeId, std::vector<std::size_t>> entries_;
};

/// Part of a directory name: only what every file system takes.
std::string FileName(std::string text) {
  for (char& c : text) {
    if ((std::isalnum(static_cast<unsigned char>(c)) == 0) && c != '-' && c != '_' && c != '.') c = '_';
  }
  return text;
}

/// How the rows of a table come to its partition.
KeyPlace PlaceOf(const Compiled& compiled, const Stage& stage, NodeId id) {
  KeyPlace place;
  if (std::holds_alternative<SinkNode>(compiled.node(id).op)) {
    if (stage.partitions == 1) return place;
    place.by = KeyPlace::By::kRecord;
    if (stage.cut.has_value()) place.columns = stage.cut->columns;
    return place;
  }
  place.columns = compiled.staged.placed_by.at(id);
  if (place.columns.empty()) return place;
  place.by = stage.cut.has_value() ? KeyPlace::By::kRepartition : KeyPlace::By::kMessageKey;
  if (!stage.cut.has_value())
    place.key_format = std::get<KafkaSource>(compiled.node(stage.sources.front()).op).key_format;
  return place;
}

/// The tables of a node, each with its line of StateStoreOptions::layout.
Result<std::vector<std::pair<std::string, std::string>>> TablesOf(const Compiled& compiled, NodeId id) {
  const PlanNode& node = compiled.node(id);
  std::vector<std::pair<std::string, std::string>> tables;
  const auto* sink = std::get_if<SinkNode>(&node.op);
  const auto* events = sink == nullptr ? nullptr : std::get_if<SnapchatConversionsSink>(&sink->sink);
  if (events != nullptr) {
    auto keys = SentOnceBy(*events, node.name, compiled.input_schema(id));
    if (!keys.ok()) return At(node, keys.status());
    for (const ConversionKey& key : *keys) tables.emplace_back(key.table, key.Layout());
    return tables;
  }
  auto layout = StateLayout(node, compiled.input_schema(id));
  if (!layout.ok()) return At(node, layout.status());
  if (!layout->empty()) tables.emplace_back(node.name, *std::move(layout));
  return tables;
}

Result<SubTopology> Describe(const std::shared_ptr<const Compiled>& compiled, std::size_t index) {
  const Stage& stage = compiled->staged.stages[index];
  SubTopology out;
  out.name = FileName(stage.name);
  out.partitions = stage.partitions;
  for (const NodeId id : stage.sources)
    out.input_topics.push_back(std::get<KafkaSource>(compiled->node(id).op).topic);
  if (stage.cut.has_value()) {
    out.input_topics.push_back(stage.cut->topic);
    out.repartition_inputs.push_back(stage.cut->topic);
    MR_ASSIGN_OR_RETURN(const auto window, WindowOfPartials(*compiled, stage));
    if (window) out.partial_inputs.push_back(stage.cut->topic);
  }
  for (const NodeId id : stage.nodes) {
    const PlanNode& node = compiled->node(id);
    if (node.inputs.empty()) continue;
    MR_ASSIGN_OR_RETURN(const auto tables, TablesOf(*compiled, id));
    for (const auto& [table, layout] : tables) {
      out.state_layout += layout + "\n";
      out.tables.push_back(
          {table, compiled->analyzed.plan.name + "-" + table + "-changelog", PlaceOf(*compiled, stage, id)});
    }
  }
  std::sort(out.tables.begin(), out.tables.end(),
            [](const auto& a, const auto& b) { return a.table < b.table; });
  out.make_program = [compiled, index](Partition partition, StateStore* store) {
    return ProgramBuilder(*compiled, index, partition, store).Build();
  };
  return out;
}

/// What the tasks of a sink share.
Status OpenShared(const CompileOptions& options, const std::shared_ptr<SnapAccesses>& accesses,
                  Compiled* compiled) {
  MetricRegistry& metrics = options.metrics == nullptr ? compiled->own_metrics : *options.metrics;
  for (NodeId id = 0; id < compiled->analyzed.plan.nodes.size(); ++id) {
    const PlanNode& node = compiled->node(id);
    const auto* sink = std::get_if<SinkNode>(&node.op);
    if (sink == nullptr) continue;
    const SnapSinkContext context{
        .step = node.name, .clock = options.clock, .metrics = &metrics, .shared = accesses};
    if (const auto* console = std::get_if<ConsoleSink>(&sink->sink))
      compiled->consoles[id] = std::make_shared<ConsoleOutput>(options.console, console->limit);
    if (const auto* events = std::get_if<SnapchatConversionsSink>(&sink->sink)) {
      auto connection = Connect(*events, context);
      if (!connection.ok()) return At(node, connection.status());
      compiled->conversions[id] = *std::move(connection);
    }
    if (const auto* audience = std::get_if<SnapchatAudienceSink>(&sink->sink)) {
      auto connection = Connect(*audience, context);
      if (!connection.ok()) return At(node, connection.status());
      compiled->audiences[id] = *std::move(connection);
    }
  }
  return Status::Ok();
}

}  // namespace

Result<Topology> CompilePlan(const AnalyzedPlan& analyzed, const CompileOptions& options) {
  for (const PlanNode& node : analyzed.plan.nodes) {
    if (node.on_error == OnError::kDeadLetter && analyzed.plan.dead_letter_topic.empty()) {
      return At(node, Status::InvalidArgument("on_error is dead_letter but the pipeline has no dead_letter "
                                              "topic; add dead_letter: {topic: ...}"));
    }
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->analyzed = analyzed;
  compiled->clock = options.clock;
  const auto accesses = std::make_shared<SnapAccesses>(*options.clock);
  MR_RETURN_IF_ERROR(OpenShared(options, accesses, compiled.get()));
  MR_ASSIGN_OR_RETURN(compiled->staged, CutPlan(analyzed, options.source_partitions));
  Topology topology;
  topology.app = analyzed.plan.name;
  topology.dead_letter_topic = analyzed.plan.dead_letter_topic;
  topology.max_key_bytes = MostKeyBytes(analyzed.plan);
  // As much as for the key is left for what rows have beside values.
  if (const std::int64_t most = LargestRecord(analyzed.plan); most > 0)
    topology.max_row_bytes = most - 2 * topology.max_key_bytes;
  topology.time = {.out_of_orderness = analyzed.plan.out_of_orderness,
                   .idle_after = analyzed.plan.idle_after};
  for (std::size_t i = 0; i < compiled->staged.stages.size(); ++i) {
    MR_ASSIGN_OR_RETURN(SubTopology sub, Describe(compiled, i));
    topology.sub_topologies.push_back(std::move(sub));
    MR_RETURN_IF_ERROR(topology.sub_topologies.back().make_program(Partition(0), nullptr).status());
  }
  AddInternalTopics(analyzed.plan, compiled->staged, &topology);
  AddFeeds(analyzed.plan, accesses, &topology);
  return topology;
}

}  // namespace millrace
