#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <arrow/api.h>

#include "columnar/schema_text.h"
#include "plan/feeds.h"
#include "plan/key_columns.h"
#include "plan/mistakes.h"
#include "plan/node_errors.h"
#include "plan/node_schema.h"
#include "plan/plan.h"
#include "plan/snapchat_checks.h"
#include "plan/state_names.h"

namespace millrace {
namespace {

bool IsIdentifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// Checks of the plan as a whole and the walk over its nodes. Used once.
class PlanAnalyzer {
 public:
  PlanAnalyzer(Plan plan, std::vector<PlacedMessage>* mistakes)
      : plan_(std::move(plan)), mistakes_(*mistakes) {}

  /// The whole truth when there are no mistakes and all schemas are declared.
  AnalyzedPlan Walk() {
    mistakes_ = NameAllNodes(&plan_);
    DeclareTextSchemas(&plan_);
    if (plan_.understood == Understood::kAll) CheckSettings();
    CheckTopics();
    std::vector<std::vector<std::string>> group_columns = GroupColumns(plan_);
    std::vector<std::shared_ptr<arrow::Schema>> schemas;
    for (NodeId id = 0; id < plan_.nodes.size(); ++id) {
      const PlanNode& node = plan_.nodes[id];
      CheckOnError(node);
      CheckLate(node);
      const std::optional<Columns> input = InputOf(node);
      static const std::vector<std::string> kNone;
      const auto& key = node.inputs.empty() || !input ? kNone : group_columns[node.inputs.front()];
      if (input && !input->open && node.understood == Understood::kAll) {
        NodeErrors errors(node, &mistakes_);
        CheckEventIds(plan_, id, *input->schema, &errors);
      }
      columns_.push_back(input ? ColumnsAfter(node, *input, key, &mistakes_) : Anything());
      schemas.push_back(columns_.back().schema);
    }
    return {std::move(plan_), std::move(schemas), std::move(group_columns)};
  }

 private:
  static Columns Anything() { return {arrow::schema({}), true}; }

  /// nullopt when the node cannot have what it reads.
  std::optional<Columns> InputOf(const PlanNode& node) {
    NodeErrors errors(node, &mistakes_);
    const bool is_source = std::holds_alternative<KafkaSource>(node.op);
    if (is_source) {
      if (!node.inputs.empty()) errors.Add("a source has no input");
      return Columns{arrow::schema({})};
    }
    if (node.inputs.empty()) {
      if (plan_.understood == Understood::kAll) errors.Add("it has no input");
      return Anything();
    }
    for (const NodeId id : node.inputs) {
      if (id < columns_.size()) continue;
      errors.Add("its input comes after it");
      return std::nullopt;
    }
    Columns input = columns_[node.inputs.front()];
    for (const NodeId id : node.inputs) {
      if (!Differ(input, columns_[id])) continue;
      NodeErrors(plan_.nodes[id], &mistakes_)
          .Add("the streams it is united with have different columns: " + SchemaText(*input.schema) +
               ", not " + SchemaText(*columns_[id].schema));
      input.open = true;
    }
    return input;
  }

  /// Surely: where a column is not known, they may be equal.
  static bool Differ(const Columns& left, const Columns& right) {
    return left.AllKnown() && right.AllKnown() &&
           !left.schema->Equals(*right.schema, /*check_metadata=*/false);
  }

  void CheckSettings() {
    if (!IsIdentifier(plan_.name)) {
      Add("the pipeline's name '" + plan_.name +
          "' must be letters, digits, '.', '_' and '-': topics and the group are named after it");
    }
    if (plan_.workers < 1) Add("'workers' must be at least 1");
    if (plan_.standbys < 0) Add("'standbys' must be at least 0");
    if (plan_.EffectiveCommitInterval() <= Duration(0)) Add("'commit_interval' must be longer than 0");
    if (plan_.batch.rows < 1 || plan_.batch.bytes.value() < 1) {
      Add("'batch' must allow at least one row and one byte");
    }
    const auto is_sink = [](const PlanNode& node) { return std::holds_alternative<SinkNode>(node.op); };
    if (std::none_of(plan_.nodes.begin(), plan_.nodes.end(), is_sink)) {
      Add("the pipeline has no sink: nothing would become of its rows");
    }
  }

  /// Whose topic this is, when it is one that the pipeline makes for itself; "" for others. Steps without
  /// state are among them: `millrace reset` goes by the names alone.
  std::string InternalUse(const std::string& topic) const {
    if (plan_.name.empty()) return "";
    if (topic == plan_.name + "-meta") return "the schemas it inferred";
    for (const PlanNode& node : plan_.nodes) {
      const std::string begin = plan_.name + "-" + node.name;
      for (const std::string& state : StateNamesOf(node)) {
        if (topic == plan_.name + "-" + state + "-changelog") return "the changelog of '" + state + "'";
      }
      if (topic == begin + "-repartition") return "rows on their way to '" + node.name + "'";
      const auto* source = std::get_if<KafkaSource>(&node.op);
      if (source == nullptr || source->outside == nullptr) continue;
      if (topic == FeedTopic(plan_.name, node.name)) return "what '" + node.name + "' brings";
      if (!IsTold(*source->outside) && topic == FeedPositionTopic(plan_.name, node.name))
        return "the position of '" + node.name + "'";
    }
    return "";
  }

  /// Why the pipeline must not write to `topic`; "" when it may. One that is both read and written would feed
  /// the pipeline its own output for ever.
  std::string WhyNotWritten(const std::set<std::string>& read, const std::string& topic) const {
    if (topic.empty()) return "";
    if (read.contains(topic)) return "which this pipeline reads; choose another topic";
    const std::string use = InternalUse(topic);
    return use.empty() ? "" : "which this pipeline keeps for itself (" + use + "); choose another topic";
  }

  void CheckTopics() {
    std::set<std::string> read;
    for (const PlanNode& node : plan_.nodes) {
      const auto* source = std::get_if<KafkaSource>(&node.op);
      if (source == nullptr || source->outside != nullptr) continue;
      read.insert(source->topic);
      NodeErrors errors(node, &mistakes_);
      if (const std::string use = InternalUse(source->topic); !use.empty()) {
        errors.AddAt(errors.ValueOf("topic"),
                     "it reads topic '" + source->topic + "', which this pipeline keeps for itself (" + use +
                         "); choose another topic, or another name for the pipeline");
      }
    }
    const auto check = [&](const PlanNode& node, const std::string& topic, const std::string& key,
                           const std::string& word) {
      NodeErrors errors(node, &mistakes_);
      if (const std::string why = WhyNotWritten(read, topic); !why.empty())
        errors.AddAt(errors.ValueOf(key, word), "it writes to topic '" + topic + "', " + why);
    };
    for (const PlanNode& node : plan_.nodes) {
      const std::string word = LateTopicWord(node);
      check(node, std::string(LateTopicOf(node)), "late", word);
      if (const auto* sink = std::get_if<SinkNode>(&node.op)) {
        if (const auto* topic = std::get_if<KafkaSink>(&sink->sink)) check(node, topic->topic, "topic", "");
        if (const auto* events = std::get_if<SnapchatConversionsSink>(&sink->sink))
          check(node, events->late_topic, "late", word);
      }
    }
    if (const std::string why = WhyNotWritten(read, plan_.dead_letter_topic); !why.empty()) {
      mistakes_.push_back(
          {plan_.dead_letter_location, "dead letters go to topic '" + plan_.dead_letter_topic + "', " + why});
    }
  }

  void CheckOnError(const PlanNode& node) {
    if (node.on_error != OnError::kDeadLetter || !plan_.dead_letter_topic.empty()) return;
    if (plan_.understood != Understood::kAll) return;
    NodeErrors errors(node, &mistakes_);
    errors.AddAt(errors.ValueOf("on_error"),
                 "'on_error: dead_letter' needs a dead-letter topic (dead_letter: {topic: ...})");
  }

  void CheckLate(const PlanNode& node) {
    const auto* sink = std::get_if<SinkNode>(&node.op);
    const auto* events = sink == nullptr ? nullptr : std::get_if<SnapchatConversionsSink>(&sink->sink);
    CheckLate(node, std::string(LateTopicOf(node)), LateToDeadLetters(node));
    if (events != nullptr) CheckLate(node, events->late_topic, events->late_to_dead_letters);
  }

  void CheckLate(const PlanNode& node, const std::string& topic, bool to_dead_letters) {
    NodeErrors errors(node, &mistakes_);
    if (to_dead_letters && plan_.dead_letter_topic.empty() && plan_.understood == Understood::kAll) {
      errors.AddAt(errors.ValueOf("late"),
                   "'late: dead_letter' needs a dead-letter topic (dead_letter: {topic: ...})");
    }
    if (topic.empty() || topic != plan_.dead_letter_topic) return;
    errors.AddAt(errors.ValueOf("late", LateTopicWord(node)),
                 "late rows would go to topic '" + topic +
                     "', which is that of the dead letters, in another form; write 'late: dead_letter' to "
                     "make them dead letters, or choose another topic");
  }

  /// Below which word of `late` the topic stands; "" where that is its value.
  static std::string LateTopicWord(const PlanNode& node) {
    return node.places.contains({"late", "topic"}) ? "topic" : "";
  }

  void Add(std::string message) { mistakes_.push_back({{}, std::move(message)}); }

  Plan plan_;
  std::vector<Columns> columns_;  // by NodeId
  std::vector<PlacedMessage>& mistakes_;
};

}  // namespace

std::vector<PlacedMessage> FindMistakes(Plan plan) {
  if (const Status status = InitializeExpressions(); !status.ok()) return {{{}, status.message()}};
  std::vector<PlacedMessage> mistakes;
  PlanAnalyzer(std::move(plan), &mistakes).Walk();
  return mistakes;
}

Result<AnalyzedPlan> AnalyzePlan(Plan plan) {
  MR_RETURN_IF_ERROR(InitializeExpressions());
  std::vector<PlacedMessage> mistakes;
  AnalyzedPlan analyzed = PlanAnalyzer(std::move(plan), &mistakes).Walk();
  for (const PlanNode& node : analyzed.plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    if (source != nullptr && source->schema == nullptr)
      NodeErrors(node, &mistakes).Add("the schema is not known yet");
  }
  MR_RETURN_IF_ERROR(MistakesStatus(std::move(mistakes)));
  return analyzed;
}

}  // namespace millrace
