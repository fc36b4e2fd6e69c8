#include <algorithm>
#include <set>
#include <utility>

#include <arrow/api.h>

#include "columnar/schema_text.h"
#include "plan/key_columns.h"
#include "plan/node_errors.h"
#include "plan/node_schema.h"
#include "plan/plan.h"

namespace millrace {
namespace {

using SchemaPtr = std::shared_ptr<arrow::Schema>;

bool IsIdentifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// Checks of the plan as a whole and the walk over its nodes.
class PlanAnalyzer {
 public:
  explicit PlanAnalyzer(Plan plan) : plan_(std::move(plan)) {}

  Result<AnalyzedPlan> Run() {
    MR_RETURN_IF_ERROR(InitializeExpressions());
    MR_RETURN_IF_ERROR(NameNodes(&plan_));
    DeclareTextSchemas(&plan_);
    CheckSettings();
    CheckTopics();
    group_columns_ = GroupColumns(plan_);
    std::vector<SchemaPtr> schemas;
    for (const PlanNode& node : plan_.nodes) {
      CheckOnError(node);
      schemas.push_back(AnalyzeNode(node, schemas));
    }
    if (errors_.empty()) return AnalyzedPlan{std::move(plan_), std::move(schemas), std::move(group_columns_)};
    std::string message;
    for (const std::string& error : errors_) message += (message.empty() ? "" : "\n") + error;
    return Status::InvalidArgument(std::move(message));
  }

 private:
  SchemaPtr AnalyzeNode(const PlanNode& node, const std::vector<SchemaPtr>& before) {
    NodeErrors errors(node, &errors_);
    const bool is_source = std::holds_alternative<KafkaSource>(node.op);
    if (is_source != node.inputs.empty()) errors.Add(is_source ? "a source has no input" : "it has no input");
    SchemaPtr input;
    for (const NodeId id : node.inputs) {
      if (id >= before.size()) {
        errors.Add("its input comes after it");
        return nullptr;
      }
      if (before[id] == nullptr) return nullptr;  // reported there
      if (input != nullptr && !input->Equals(*before[id], /*check_metadata=*/false)) {
        errors.Add("the streams it unites have different columns: " + SchemaText(*input) + " and " +
                   SchemaText(*before[id]));
      }
      if (input == nullptr) input = before[id];
    }
    if (errors.failed()) return nullptr;
    static const std::vector<std::string> kNone;
    const auto& group_columns = node.inputs.empty() ? kNone : group_columns_[node.inputs.front()];
    return SchemaAfter(node, std::move(input), group_columns, &errors_);
  }

  void CheckSettings() {
    if (!IsIdentifier(plan_.name)) {
      errors_.push_back(
          "the pipeline's name '" + plan_.name +
          "' must be letters, digits, '.', '_' and '-': topics and the group are named after it");
    }
    if (plan_.workers < 1) errors_.push_back("'workers' must be at least 1");
    if (plan_.EffectiveCommitInterval() <= Duration(0))
      errors_.push_back("'commit_interval' must be longer than 0");
    if (plan_.batch.rows < 1 || plan_.batch.bytes.value() < 1) {
      errors_.push_back("'batch' must allow at least one row and one byte");
    }
    const auto is_sink = [](const PlanNode& node) { return std::holds_alternative<SinkNode>(node.op); };
    if (std::none_of(plan_.nodes.begin(), plan_.nodes.end(), is_sink)) {
      errors_.push_back("the pipeline has no sink: nothing would become of its rows");
    }
  }

  /// A topic that is both read and written would feed the pipeline its own output for ever.
  void CheckTopics() {
    std::set<std::string> read;
    for (const PlanNode& node : plan_.nodes) {
      if (const auto* source = std::get_if<KafkaSource>(&node.op)) read.insert(source->topic);
    }
    const auto check = [&](const PlanNode& node, const std::string& topic) {
      if (!topic.empty() && read.contains(topic)) {
        NodeErrors(node, &errors_).Add("it writes to topic '" + topic + "', which this pipeline reads");
      }
    };
    for (const PlanNode& node : plan_.nodes) {
      if (const auto* window = std::get_if<WindowStep>(&node.op)) check(node, window->late_topic);
      if (const auto* sink = std::get_if<SinkNode>(&node.op)) {
        if (const auto* topic = std::get_if<KafkaSink>(&sink->sink)) check(node, topic->topic);
      }
    }
    if (!plan_.dead_letter_topic.empty() && read.contains(plan_.dead_letter_topic)) {
      errors_.push_back("the dead-letter topic '" + plan_.dead_letter_topic +
                        "' is one that this pipeline reads");
    }
  }

  void CheckOnError(const PlanNode& node) {
    if (node.on_error != OnError::kDeadLetter || !plan_.dead_letter_topic.empty()) return;
    NodeErrors(node, &errors_)
        .Add("'on_error: dead_letter' needs a dead-letter topic (dead_letter: {topic: ...})");
  }

  Plan plan_;
  std::vector<std::vector<std::string>> group_columns_;  // by NodeId
  std::vector<std::string> errors_;
};

}  // namespace

Result<AnalyzedPlan> AnalyzePlan(Plan plan) { return PlanAnalyzer(std::move(plan)).Run(); }

}  // namespace millrace
