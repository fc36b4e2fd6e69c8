#include "millrace/dataframe.h"

#include <algorithm>

#include "api/access.h"
#include "api/step_adder.h"
#include "columnar/schema_text.h"

namespace millrace {

using api_internal::Access;
using api_internal::Graph;
using api_internal::LocationOf;
using api_internal::StepAdder;

namespace {

static_assert(static_cast<int>(ErrorPolicy::kDeadLetter) == static_cast<int>(OnError::kDeadLetter));
static_assert(static_cast<int>(ErrorPolicy::kFail) == static_cast<int>(OnError::kFail));

}  // namespace

DataFrame DataFrame::Filter(const Expression& predicate, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  return {graph_, {step.Add(FilterStep{step.Read(predicate)})}};
}

DataFrame DataFrame::With(std::string name, Expression value, CallSite at) const {
  return With(std::vector<NamedExpression>{{std::move(name), std::move(value)}}, at);
}

DataFrame DataFrame::With(std::vector<NamedExpression> columns, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  return {graph_, {step.Add(WithStep{step.Read(columns)})}};
}

DataFrame DataFrame::Select(std::vector<NamedExpression> columns, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  return {graph_, {step.Add(SelectStep{step.Read(columns)})}};
}

DataFrame DataFrame::Drop(std::vector<std::string> columns, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  return {graph_, {step.Add(DropStep{std::move(columns)})}};
}

DataFrame DataFrame::Rename(std::string from, std::string to, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  return {graph_, {step.Add(RenameStep{{{std::move(from), std::move(to)}}})}};
}

DataFrame DataFrame::Cast(std::string column, const DataType& type, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  CastStep cast;
  if (auto parsed = ParseType(type.text()); parsed.ok()) {
    cast.columns.emplace_back(std::move(column), *std::move(parsed));
  } else {
    step.AddError("cast of column '" + column + "': " + parsed.status().message());
  }
  return {graph_, {step.Add(std::move(cast))}};
}

DataFrame DataFrame::Explode(std::string column, bool keep_empty, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  return {graph_, {step.Add(ExplodeStep{std::move(column), keep_empty})}};
}

DataFrame DataFrame::GroupBy(std::vector<std::string> columns, NullKeys null_keys, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  return {graph_, {step.Add(GroupByStep{std::move(columns), static_cast<NullKey>(null_keys)})}};
}

WindowedFrame DataFrame::Window(WindowSpec window) const { return {*this, std::move(window)}; }

DataFrame DataFrame::Deduplicate(KeyColumns by, std::chrono::milliseconds within, NullKeys null_keys,
                                 CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  DeduplicateStep op;
  op.within = within;
  return {graph_, {step.AddKeyed(std::move(op), std::move(by.names), null_keys)}};
}

DataFrame DataFrame::Changes(KeyColumns by, std::vector<std::string> columns,
                             std::optional<std::chrono::milliseconds> ttl, NullKeys null_keys,
                             CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  ChangesStep op;
  op.columns = std::move(columns);
  op.ttl = ttl;
  return {graph_, {step.AddKeyed(std::move(op), std::move(by.names), null_keys)}};
}

DataFrame DataFrame::Running(KeyColumns by, std::vector<Aggregation> columns,
                             std::optional<std::chrono::milliseconds> ttl, NullKeys null_keys,
                             CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  RunningStep op;
  op.aggregates = step.Read(columns);
  op.ttl = ttl;
  return {graph_, {step.AddKeyed(std::move(op), std::move(by.names), null_keys)}};
}

DataFrame DataFrame::Latest(KeyColumns by, std::optional<std::chrono::milliseconds> ttl, NullKeys null_keys,
                            CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  LatestStep op;
  op.ttl = ttl;
  return {graph_, {step.AddKeyed(std::move(op), std::move(by.names), null_keys)}};
}

DataFrame DataFrame::Expire(KeyColumns by, const Expression& expires_at, NullKeys null_keys,
                            std::string late_topic, AlreadyOver already_over, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  ExpireStep op;
  op.at = step.Read(expires_at);
  op.already_over_pass = already_over == AlreadyOver::kPass;
  op.late_topic = std::move(late_topic);
  return {graph_, {step.AddKeyed(std::move(op), std::move(by.names), null_keys)}};
}

DataFrame DataFrame::Map(StateSpec state, MapFunction function, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  auto op = Access::ToStep(state);
  if (!op.ok()) step.AddError("the columns that a map returns: " + op.status().message());
  MapStep map = op.ok() ? *std::move(op) : MapStep{};
  if (function == nullptr) step.AddError("a map needs a function");
  map.function = std::move(function);
  return {graph_,
          {step.AddKeyed(std::move(map), Access::KeyOf(state), Access::NullKeysOf(state),
                         Access::NameOf(state))}};
}

DataFrame DataFrame::Union(const DataFrame& other, CallSite at) const {
  if (other.graph_ != graph_) {
    graph_->AddError(LocationOf(at), "a union of frames of two apps");
    return *this;
  }
  std::vector<std::size_t> nodes = nodes_;
  nodes.insert(nodes.end(), other.nodes_.begin(), other.nodes_.end());
  std::sort(nodes.begin(), nodes.end());
  return {graph_, std::move(nodes)};
}

const DataFrame& DataFrame::To(const Topic& topic, CallSite at) const {
  StepAdder(*graph_, nodes_, at).Add(SinkNode{std::nullopt, Access::ToSink(topic)}, Access::NameOf(topic));
  return *this;
}

const DataFrame& DataFrame::To(const FileSink& files, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  const auto add = [&](auto sink) {
    for (const Expression& expression : Access::PartitionOf(files))
      sink.partition_by.push_back(step.Read(expression));
    step.Add(SinkNode{std::nullopt, std::move(sink)}, Access::NameOf(files));
  };
  if (Access::FormatOf(files) == FileSink::Format::kParquet) {
    add(Access::ToFileSink<ParquetSink>(files));
  } else {
    add(Access::ToFileSink<IpcSink>(files));
  }
  return *this;
}

const DataFrame& DataFrame::To(const Console& console, CallSite at) const {
  StepAdder(*graph_, nodes_, at)
      .Add(SinkNode{std::nullopt, Access::ToSink(console)}, Access::NameOf(console));
  return *this;
}

DataFrame DataFrame::Named(std::string step_name) const {
  if (nodes_.size() == 1) {
    graph_->node(nodes_.front()).name = std::move(step_name);
  } else {
    graph_->AddError(graph_->node(nodes_.back()).location,
                     "Named('" + step_name + "') after a union names no step");
  }
  return *this;
}

DataFrame DataFrame::OnError(ErrorPolicy policy) const {
  if (nodes_.size() == 1) {
    graph_->node(nodes_.front()).on_error = static_cast<millrace::OnError>(policy);
  } else {
    graph_->AddError(graph_->node(nodes_.back()).location, "OnError after a union belongs to no step");
  }
  return *this;
}

DataFrame WindowedFrame::Aggregate(std::vector<Aggregation> columns, CallSite at) const {
  StepAdder step(*frame_.graph_, frame_.nodes_, at);
  WindowStep window = Access::ToStep(window_);
  step.TakeKey(&window, "a window needs By(...), or a GroupBy before it");
  window.aggregates = step.Read(columns);
  if (const std::optional<Expression>& when = Access::TriggerOf(window_)) {
    const PlanExpr read = step.Read(*when);
    window.trigger = WindowTriggerSpec{read, Access::IsTriggeredBefore(window_), read.location};
  }
  return {frame_.graph_, {step.Add(std::move(window), Access::NameOf(window_))}};
}

}  // namespace millrace
