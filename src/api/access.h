#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/build_plan.h"
#include "api/graph.h"
#include "expr/expr.h"
#include "millrace/app.h"

namespace millrace {

struct App::Impl {
  AppOptions options;
  std::shared_ptr<api_internal::Graph> graph = std::make_shared<api_internal::Graph>();
  api_internal::StopSwitch stop;
};

namespace api_internal {

/// The one way from public types to what they hide.
struct Access {
  static Expression Make(Expr expr);
  static Expression MakeError(std::string error);
  static Expr Get(const Expression& expression) { return Expr(expression.node_); }
  /// "" when the expression is good.
  static const std::string& ErrorOf(const Expression& expression) { return expression.error_; }

  static Result<std::shared_ptr<arrow::Schema>> ToArrow(const Schema& schema);
  static Result<KafkaSource> ToSource(const Topic& topic, const SourceLocation& location);
  static KafkaSink ToSink(const Topic& topic);
  static const std::string& NameOf(const Topic& topic) { return topic.step_name_; }
  static const std::string& NameOf(const FileSink& files) { return files.step_name_; }
  static const std::string& NameOf(const Console& console) { return console.step_name_; }
  static const std::string& NameOf(const WindowSpec& window) { return window.step_name_; }
  static FileSink::Format FormatOf(const FileSink& files) { return files.format_; }
  static const std::vector<Expression>& PartitionOf(const FileSink& files) { return files.partition_by_; }
  /// All but the partition expressions.
  template <typename Sink>
  static Sink ToFileSink(const FileSink& files) {
    Sink sink;
    sink.path = files.directory_;
    sink.roll = files.roll_;
    sink.roll_bytes = ByteCount(files.roll_bytes_);
    return sink;
  }
  static ConsoleSink ToSink(const Console& console) { return {console.format_, console.limit_}; }
  static const std::string& NameOf(const StateSpec& state) { return state.step_name_; }
  static const std::vector<std::string>& KeyOf(const StateSpec& state) { return state.by_; }
  static NullKeys NullKeysOf(const StateSpec& state) { return state.null_keys_; }
  /// All but key and function.
  static Result<MapStep> ToStep(const StateSpec& state);
  static const std::optional<Expression>& TriggerOf(const WindowSpec& window) { return window.trigger_; }
  static bool IsTriggeredBefore(const WindowSpec& window) { return window.trigger_before_; }
  /// All but the aggregates and the trigger.
  static WindowStep ToStep(const WindowSpec& window);

  static DataFrame Frame(std::shared_ptr<Graph> graph, NodeId node) {
    return DataFrame(std::move(graph), {node});
  }
  static App::Impl& ImplOf(const App& app) { return *app.impl_; }
};

}  // namespace api_internal
}  // namespace millrace
