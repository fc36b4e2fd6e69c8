#include "engine/yaml/plan_reader.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "engine/yaml/outside_reader.h"
#include "engine/yaml/sink_reader.h"
#include "kafka/properties.h"
#include "plan/window_trigger.h"

namespace millrace {
namespace {

OnError ReadOnError(const SectionReader& section) {
  const std::string choice = section.Choice("on_error");
  if (choice == "dead_letter") return OnError::kDeadLetter;
  if (choice == "drop") return OnError::kDrop;
  return choice == "fail" ? OnError::kFail : OnError::kDefault;
}

NullKey ReadNullKey(const SectionReader& section) {
  const std::string choice = section.Choice("null_key");
  if (choice == "drop") return NullKey::kDrop;
  return choice == "group" ? NullKey::kGroup : NullKey::kError;
}

std::optional<Duration> ReadPositiveTime(const SectionReader& section, std::string_view key) {
  const std::optional<Duration> time = section.OptionalTime(key);
  if (time && time->count() <= 0) {
    section.errors().AddBeside(section.LocationOf(key), "'" + std::string(key) + "' must be longer than 0");
  }
  return time;
}

void ReadDeadLetter(const SectionReader& top, const WordPlaces& places, Plan& plan) {
  if (const std::optional<SectionReader> section = top.Section("dead_letter"))
    plan.dead_letter_topic = section->Text("topic");
  auto place = places.find({"dead_letter", "topic"});
  if (place == places.end()) place = places.find({"dead_letter", ""});
  if (place != places.end()) plan.dead_letter_location = place->second.value;
}

void ReadKafka(const SectionReader& top, WordPlaces& places, Plan& plan) {
  for (auto& [name, value] : top.Texts("kafka")) {
    if (const Status status = kafka::CheckProperty(name, value); !status.ok()) {
      const std::vector<std::string> known = kafka::KnownProperties();
      const bool is_known = std::find(known.begin(), known.end(), name) != known.end();
      const WordPlace& place = places[{"kafka", name}];
      top.errors().AddBeside(is_known ? place.value : place.word, status.message());
    }
    plan.kafka.emplace(name, std::move(value));
  }
}

void ReadSettings(const SectionReader& top, Plan& plan) {
  WordPlaces places;
  top.AddPlaces(&places);
  plan.name = top.Text("name");
  ReadKafka(top, places, plan);
  plan.guarantee =
      top.Choice("guarantee") == "at_least_once" ? Guarantee::kAtLeastOnce : Guarantee::kExactlyOnce;
  plan.commit_interval = ReadPositiveTime(top, "commit_interval");
  if (const Status status = plan.CheckCommitInterval(); !status.ok())
    top.errors().AddBeside(top.LocationOf("commit_interval"), status.message());
  plan.commit_bytes = top.Bytes("commit_bytes");
  if (const std::optional<SectionReader> batch = top.Section("batch")) {
    plan.batch = {batch->Integer("rows"), batch->Bytes("bytes"), batch->Time("delay")};
  }
  plan.workers = static_cast<int>(top.Integer("workers"));
  plan.standbys = static_cast<int>(top.Integer("standbys"));
  plan.memory = top.Bytes("memory");
  plan.state_dir = top.Text("state_dir");
  plan.stop_timeout = ReadPositiveTime(top, "stop_timeout").value_or(plan.stop_timeout);
  plan.idle_after = top.TimeOrNever("idle_after");
  plan.out_of_orderness = top.Time("out_of_orderness");
  plan.max_future = top.Time("max_future");
  ReadDeadLetter(top, places, plan);
  plan.create_topics = top.Bool("create_topics");
}

/// A node of what `read` makes of the section, with what all kinds have.
template <typename Read>
PlanNode ReadNode(const SectionReader& section, const Read& read) {
  const Diagnostics::Mark begin = section.errors().Now();
  PlanNode node{section.Text("name"), read(), {}, ReadOnError(section), section.location()};
  section.AddPlaces(&node.places);
  node.understood = std::min(section.understood(), section.errors().Since(begin));
  return node;
}

PlanNode ReadSource(const SectionReader& section) {
  return ReadNode(section, [&section] {
    KafkaSource source;
    source.outside = ReadOutside(section);
    if (source.outside != nullptr) return source;
    source.topic = section.Text("topic");
    source.format = section.Choice("format");
    source.key_format = section.Choice("key_format");
    source.key = section.Text("key");
    source.schema = section.Types("schema");
    source.timestamp = section.ColumnOrExpression("timestamp", source.schema.get());
    source.offset_reset = section.Choice("offset_reset");
    source.extra = section.Choice("extra") == "keep" ? "keep" : "";
    return source;
  });
}

CastStep ReadCast(const SectionReader& section) {
  CastStep cast;
  const std::shared_ptr<arrow::Schema> types = section.Types("cast");
  for (const auto& field : types->fields()) {
    cast.columns.emplace_back(field->name(), field->type());
    if (!field->nullable())
      section.errors().AddBeside(section.LocationOf("cast"), "'not null' has no place in a cast");
  }
  return cast;
}

GroupByStep ReadGroupBy(const SectionReader& section) {
  const std::optional<SectionReader> group = section.Section("group_by");
  if (!group) return {};
  return {group->Columns("by"), ReadNullKey(*group)};
}

ExplodeStep ReadExplode(const SectionReader& section) {
  const std::optional<SectionReader> explode = section.Section("explode");
  if (!explode) return {};
  return {explode->Text("column"), explode->Bool("keep_empty")};
}

void ReadHopping(const SectionReader& section, WindowStep* window) {
  window->shape = WindowShape::kHopping;
  const std::optional<SectionReader> hopping = section.Section("hopping");
  if (!hopping) return;
  window->size = ReadPositiveTime(*hopping, "size").value_or(Duration(0));
  window->step = ReadPositiveTime(*hopping, "step").value_or(Duration(0));
  if (window->step > window->size && window->size > Duration(0)) {
    section.errors().AddBeside(hopping->LocationOf("step"),
                               "'step' must be at most 'size': rows between two windows would be lost");
  }
}

void ReadCount(const SectionReader& section, WindowStep* window) {
  window->shape = WindowShape::kCount;
  const std::optional<SectionReader> count = section.Section("count");
  if (!count) return;
  window->count = count->Integer("size");
  const std::string kind = count->Choice("kind");
  window->count_step = kind == "sliding" ? 1 : window->count;
  if (kind == "hopping") window->count_step = count->Integer("step");
  if (kind == "hopping" && !count->Has("step")) {
    section.errors().AddBeside(count->location(),
                               "'step' is missing: how many rows after one window the next begins");
  } else if (kind != "hopping" && count->Has("step")) {
    section.errors().AddBeside(count->LocationOf("step"), "'step' belongs to kind: hopping, not to " + kind);
  } else if (window->count_step > window->count) {
    section.errors().AddBeside(count->LocationOf("step"),
                               "'step' must be at most 'size': rows between two windows would be lost");
  }
}

/// Keys that only windows of time have.
void RefuseTimeKeys(const SectionReader& section, std::initializer_list<std::string_view> keys,
                    const std::string& shape) {
  for (const std::string_view key : keys) {
    if (!section.Has(key)) continue;
    section.errors().AddBeside(section.LocationOf(key),
                               "'" + std::string(key) + "' has no meaning for " + shape + " windows");
  }
}

void ReadShape(const SectionReader& section, WindowStep* window) {
  const std::string_view shape = section.chosen();
  if (shape == "hopping") {
    ReadHopping(section, window);
  } else if (shape == "sliding") {
    window->shape = WindowShape::kSliding;
    window->size = ReadPositiveTime(section, "sliding").value_or(Duration(0));
    RefuseTimeKeys(section, {"offset"}, "sliding");
  } else if (shape == "session") {
    window->shape = WindowShape::kSession;
    window->size = ReadPositiveTime(section, "session").value_or(Duration(0));
    RefuseTimeKeys(section, {"offset"}, "session");
  } else if (shape == "count") {
    ReadCount(section, window);
    RefuseTimeKeys(section, {"offset", "grace", "late"}, "count");
  } else if (shape == "tumbling") {
    window->size = ReadPositiveTime(section, "tumbling").value_or(Duration(0));
  }
}

WindowClosing ReadClosing(const SectionReader& section) {
  if (section.Choice("closing") != "key") return WindowClosing::kPartition;
  const std::string_view shape = section.chosen();
  if (shape == "sliding" || shape == "count") {
    section.errors().AddBeside(section.LocationOf("closing"),
                               "'closing: key' is for tumbling, hopping and session windows; " +
                                   std::string(shape) +
                                   (shape == "count" ? " windows close with their last row"
                                                     : " windows close by the watermark of the partition"));
  }
  return WindowClosing::kKey;
}

std::optional<WindowTriggerSpec> ReadTrigger(const SectionReader& section, const WindowStep& window) {
  const std::optional<SectionReader> trigger = section.Section("trigger");
  if (!trigger) return std::nullopt;
  WindowTriggerSpec read{
      .when = {}, .before = trigger->chosen() == "before", .location = trigger->location()};
  if (!trigger->chosen().empty()) static_cast<void>(trigger->Choice(trigger->chosen()));
  if (std::optional<PlanExpr> when = trigger->Expression("when")) read.when = *std::move(when);
  if (const std::string refusal = TriggerRefusal(window); !refusal.empty())
    section.errors().AddBeside(section.LocationOf("trigger"), refusal);
  return read;
}

/// `group_by`: the columns of the nearest group_by step before, for a window without `by`.
WindowStep ReadWindow(const SectionReader& step, const GroupByStep* group_by) {
  const std::optional<SectionReader> section = step.Section("window");
  if (!section) return {};
  WindowStep window;
  window.by = section->Columns("by");
  window.null_key = ReadNullKey(*section);
  if (!section->Has("by") && group_by != nullptr) {
    window.by = group_by->columns;
    window.null_key = group_by->null_key;
  }
  ReadShape(*section, &window);
  window.grace = section->Time("grace");
  window.offset = section->Time("offset");
  window.emit = section->Choice("emit") == "current" ? WindowEmit::kCurrent : WindowEmit::kFinal;
  window.closing = ReadClosing(*section);
  ReadLate(*section, &window);
  window.aggregates = section->Aggregates("aggregate");
  window.trigger = ReadTrigger(*section, window);
  if (window.by.empty() && !section->Has("by"))
    section->errors().Add(section->location(), "a window needs 'by', or a group_by step before it");
  return window;
}

/// The key of a step without a window: its own, or that of the nearest group_by step before.
template <typename Step>
Step ReadStepKey(const SectionReader& section, const GroupByStep* group_by) {
  Step step;
  step.by = section.Columns("by");
  step.null_key = ReadNullKey(section);
  if (!section.Has("by") && group_by != nullptr) {
    step.by = group_by->columns;
    step.null_key = group_by->null_key;
  } else if (!section.Has("by")) {
    section.errors().Add(section.location(), "this step needs 'by', or a group_by step before it");
  }
  return step;
}

DeduplicateStep ReadDeduplicate(const SectionReader& step, const GroupByStep* group_by) {
  const std::optional<SectionReader> section = step.Section("deduplicate");
  if (!section) return {};
  auto deduplicate = ReadStepKey<DeduplicateStep>(*section, group_by);
  deduplicate.within = ReadPositiveTime(*section, "within").value_or(Duration(0));
  return deduplicate;
}

ChangesStep ReadChanges(const SectionReader& step, const GroupByStep* group_by) {
  const std::optional<SectionReader> section = step.Section("changes");
  if (!section) return {};
  auto changes = ReadStepKey<ChangesStep>(*section, group_by);
  changes.columns = section->Columns("columns");
  changes.ttl = ReadPositiveTime(*section, "ttl");
  return changes;
}

RunningStep ReadRunning(const SectionReader& step, const GroupByStep* group_by) {
  const std::optional<SectionReader> section = step.Section("running");
  if (!section) return {};
  auto running = ReadStepKey<RunningStep>(*section, group_by);
  running.aggregates = section->Aggregates("aggregate");
  running.ttl = ReadPositiveTime(*section, "ttl");
  return running;
}

LatestStep ReadLatest(const SectionReader& step, const GroupByStep* group_by) {
  const std::optional<SectionReader> section = step.Section("latest");
  if (!section) return {};
  auto latest = ReadStepKey<LatestStep>(*section, group_by);
  latest.ttl = ReadPositiveTime(*section, "ttl");
  return latest;
}

ExpireStep ReadExpire(const SectionReader& step, const GroupByStep* group_by) {
  const std::optional<SectionReader> section = step.Section("expire");
  if (!section) return {};
  auto expire = ReadStepKey<ExpireStep>(*section, group_by);
  expire.at = section->Expression("at").value_or(PlanExpr{.expr = {}, .location = {}, .unread = true});
  expire.already_over_pass = section->Choice("already_over") == "pass";
  ReadLate(*section, &expire);
  return expire;
}

/// A step of which nothing is known but that it was meant to be one.
FilterStep UnreadStep() { return {{.expr = {}, .location = {}, .unread = true}}; }

decltype(PlanNode::op) ReadStepOp(const SectionReader& section, const GroupByStep* group_by) {
  const std::string_view kind = section.chosen();
  if (kind == "filter") return FilterStep{section.Expression("filter").value_or(UnreadStep().predicate)};
  if (kind == "with") return WithStep{section.NamedExpressions("with")};
  if (kind == "select") return SelectStep{section.NamedExpressions("select")};
  if (kind == "drop") return DropStep{section.Columns("drop")};
  if (kind == "rename") return RenameStep{section.Texts("rename")};
  if (kind == "cast") return ReadCast(section);
  if (kind == "explode") return ReadExplode(section);
  if (kind == "group_by") return ReadGroupBy(section);
  if (kind == "window") return ReadWindow(section, group_by);
  if (kind == "deduplicate") return ReadDeduplicate(section, group_by);
  if (kind == "changes") return ReadChanges(section, group_by);
  if (kind == "running") return ReadRunning(section, group_by);
  if (kind == "latest") return ReadLatest(section, group_by);
  if (kind == "expire") return ReadExpire(section, group_by);
  return UnreadStep();
}

/// Adds nodes one behind the other.
class PlanBuilder {
 public:
  explicit PlanBuilder(Plan* plan) : plan_(*plan) {}

  void AddSource(const SectionReader& section) {
    plan_.nodes.push_back(ReadSource(section));
    const PlanNode& source = plan_.nodes.back();
    ++sources_;  // as NameAllNodes counts
    const std::string name = source.name.empty() ? "source-" + std::to_string(sources_) : source.name;
    if (auto step = StepBehind(source, name)) {
      step->inputs = {plan_.nodes.size() - 1};
      plan_.nodes.push_back(*std::move(step));
    }
    inputs_.push_back(plan_.nodes.size() - 1);
  }

  void AddStep(const SectionReader& section) {
    const GroupByStep* key = group_by_ ? &std::get<GroupByStep>(group_by_->op) : nullptr;
    AddStep(ReadNode(section, [&] { return ReadStepOp(section, key); }));
  }

  void AddStep(PlanNode node) {
    if (std::holds_alternative<GroupByStep>(node.op)) group_by_ = node;
    const bool grouped = group_by_ && KeyOf(node);
    if (grouped && group_by_->understood == Understood::kPart) node.understood = Understood::kPart;
    node.inputs = inputs_;
    plan_.nodes.push_back(std::move(node));
    inputs_ = {plan_.nodes.size() - 1};
  }

  void AddSink(const SectionReader& section) {
    PlanNode node = ReadNode(section, [&] { return ReadSinkOp(section); });
    node.inputs = inputs_;
    plan_.nodes.push_back(std::move(node));
  }

 private:
  Plan& plan_;
  std::vector<NodeId> inputs_;        // of the next node
  int sources_ = 0;                   // so far
  std::optional<PlanNode> group_by_;  // the nearest before it
};

}  // namespace

Plan ReadPlan(const SectionReader& top) {
  Plan plan;
  Diagnostics& errors = top.errors();
  const Diagnostics::Mark begin = errors.Now();
  ReadSettings(top, plan);
  plan.understood = std::min(top.understood(), errors.Since(begin));
  PlanBuilder builder(&plan);
  const std::optional<SectionReader> source = top.Section("source");
  if (source) builder.AddSource(*source);
  const std::vector<SectionReader> sources = top.Sections("sources");
  for (const SectionReader& section : sources) builder.AddSource(section);
  if (top.Has("sources") && top.Raw("sources").IsSequence() && sources.empty())
    errors.AddBeside(top.LocationOf("sources"), "a pipeline needs at least one source");
  const std::vector<SectionReader> steps = top.Sections("steps");
  for (const SectionReader& section : steps) builder.AddStep(section);
  if (top.Has("steps") && !top.Raw("steps").IsSequence())
    builder.AddStep(PlanNode{"", UnreadStep(), {}, OnError::kDefault, {}, {}, Understood::kPart});
  const std::vector<SectionReader> sinks = top.Sections("sinks");
  for (const SectionReader& section : sinks) builder.AddSink(section);
  if (top.Has("sinks") && top.Raw("sinks").IsSequence() && sinks.empty())
    errors.AddBeside(top.LocationOf("sinks"), "a pipeline needs at least one sink");
  if (sinks.empty() || (!source && sources.empty())) plan.understood = Understood::kPart;
  return plan;
}

}  // namespace millrace
