#include "plan/plan.h"

#include <charconv>
#include <map>

#include "base/duration.h"
#include "plan/feeds.h"
#include "plan/mistakes.h"
#include "plan/state_names.h"

namespace millrace {
namespace {

constexpr std::string_view kTransactionTimeout = "transaction.timeout.ms";
constexpr Duration kTransactionMargin{10'000};    // for the batch at hand, and the commit itself
constexpr Duration kDeliveryMargin{300'000};      // for a service that is slow or away
constexpr Duration kLongestTransaction{900'000};  // transaction.max.timeout.ms of brokers, by default

/// Of sinks that deliver to a service; none when there is no such sink.
std::optional<Duration> LongestLinger(const Plan& plan) {
  std::optional<Duration> longest;
  for (const PlanNode& node : plan.nodes) {
    const auto* sink = std::get_if<SinkNode>(&node.op);
    if (sink == nullptr) continue;
    std::visit(
        [&longest](const auto& kind) {
          if constexpr (requires { kind.linger; })
            longest = std::max(longest.value_or(Duration(0)), kind.linger);
        },
        sink->sink);
  }
  return longest;
}

/// Sinks have steps, and keep state, under names of their own.
void CheckStateNames(const Plan& plan, std::vector<PlacedMessage>* mistakes) {
  std::map<std::string, const PlanNode*> by_name;
  for (const PlanNode& node : plan.nodes) by_name.emplace(node.name, &node);
  for (const PlanNode& node : plan.nodes) {
    std::vector<std::string> own = StateNamesOf(node);
    if (own.size() > 1) own.push_back(RepeatsStep(node.name));
    for (const std::string& name : own) {
      const auto found = by_name.find(name);
      if (name == node.name || found == by_name.end()) continue;
      const auto place = found->second->places.find({"name", ""});
      mistakes->push_back(
          {place == found->second->places.end() ? found->second->location : place->second.value,
           "the name '" + name + "' is taken by what sink '" + node.name +
               "' does to send each event once; choose another name"});
    }
  }
}

}  // namespace

std::string_view PlanNode::kind() const {
  static constexpr std::string_view kKinds[] = {
      "source", "filter",      "with",    "select",  "drop",   "rename", "cast", "explode", "group_by",
      "window", "deduplicate", "changes", "running", "latest", "expire", "map",  "sink"};
  static_assert(std::size(kKinds) == std::variant_size_v<decltype(PlanNode::op)>);
  return kKinds[op.index()];
}

std::optional<NodeKey> KeyOf(const PlanNode& node) {
  return std::visit(
      [](const auto& op) -> std::optional<NodeKey> {
        if constexpr (requires { op.by; }) {
          return NodeKey{&op.by, op.null_key};
        } else if constexpr (std::is_same_v<std::decay_t<decltype(op)>, GroupByStep>) {
          return NodeKey{&op.columns, op.null_key};
        } else {
          return std::nullopt;
        }
      },
      node.op);
}

std::string_view LateTopicOf(const PlanNode& node) {
  return std::visit(
      [](const auto& op) -> std::string_view {
        if constexpr (requires { op.late_topic; }) {
          return op.late_topic;
        } else {
          return "";
        }
      },
      node.op);
}

bool LateToDeadLetters(const PlanNode& node) {
  return std::visit(
      [](const auto& op) {
        if constexpr (requires { op.late_to_dead_letters; }) {
          return op.late_to_dead_letters;
        } else {
          return false;
        }
      },
      node.op);
}

Duration Plan::EffectiveCommitInterval() const {
  Duration interval = guarantee == Guarantee::kExactlyOnce ? Duration(200) : Duration(1000);
  if (commit_interval) interval = *commit_interval;
  if (const auto linger = LongestLinger(*this)) interval = std::max(interval, *linger);
  return interval;
}

Duration Plan::TransactionTimeout() const {
  const auto given = kafka.find(std::string(kTransactionTimeout));
  std::int64_t ms = 0;
  if (given == kafka.end()) {
    const Duration delivery = LongestLinger(*this) ? kDeliveryMargin : Duration(0);
    return EffectiveCommitInterval() + kTransactionMargin + delivery;
  }
  std::from_chars(given->second.data(), given->second.data() + given->second.size(), ms);
  return Duration(ms);
}

Status Plan::CheckCommitInterval() const {
  if (guarantee != Guarantee::kExactlyOnce) return Status::Ok();
  const Duration interval = EffectiveCommitInterval();
  const Duration timeout = TransactionTimeout();
  const bool given = kafka.contains(std::string(kTransactionTimeout));
  if (given && interval >= timeout) {
    return Status::InvalidArgument("a commit every " + FormatDuration(interval) + " is too late: kafka: " +
                                   std::string(kTransactionTimeout) + " ends transactions after " +
                                   FormatDuration(timeout) + "; shorten commit_interval, or raise that");
  }
  if (!given && timeout > kLongestTransaction) {
    return Status::InvalidArgument(
        "a commit every " + FormatDuration(interval) + " is too late: brokers end transactions after " +
        FormatDuration(kLongestTransaction) +
        " unless their transaction.max.timeout.ms says otherwise; shorten commit_interval, or set kafka: " +
        std::string(kTransactionTimeout) + " to what the brokers allow");
  }
  return Status::Ok();
}

std::vector<PlacedMessage> NameAllNodes(Plan* plan) {
  std::vector<PlacedMessage> mistakes;
  std::map<std::string, SourceLocation> taken;
  for (const PlanNode& node : plan->nodes) {
    if (node.name.empty()) continue;
    const auto place = node.places.find({"name", ""});
    const SourceLocation here = place == node.places.end() ? node.location : place->second.value;
    const auto [at, is_new] = taken.emplace(node.name, here);
    if (is_new) continue;
    const std::string first = at->second.ToString();
    mistakes.push_back({here, "the name '" + node.name + "' is used twice" +
                                  (first.empty() ? "" : " (first at " + first + ")") +
                                  "; names of steps, sources and sinks must differ"});
  }
  // The ordinal counts all nodes of a kind, named or not, so that naming one step leaves the others' names
  // alone.
  std::map<std::string_view, int> ordinals;
  for (PlanNode& node : plan->nodes) {
    const int ordinal = ++ordinals[node.kind()];
    if (!node.name.empty()) continue;
    node.name = std::string(node.kind()) + "-" + std::to_string(ordinal);
    if (const auto other = taken.find(node.name); other != taken.end()) {
      mistakes.push_back(
          {other->second, "the name '" + node.name + "' is what an unnamed step gets; choose another name"});
    }
  }
  CheckStateNames(*plan, &mistakes);
  DeclareFeeds(plan);
  return mistakes;
}

Status NameNodes(Plan* plan) { return MistakesStatus(NameAllNodes(plan)); }

AnalyzedPlan WithoutTypes(Plan plan) {
  DeclareTextSchemas(&plan);
  AnalyzedPlan untyped;
  for (const PlanNode& node : plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    untyped.schemas.push_back(source == nullptr ? nullptr : source->schema);
  }
  untyped.group_columns.resize(plan.nodes.size());
  untyped.plan = std::move(plan);
  return untyped;
}

void DeclareTextSchemas(Plan* plan) {
  for (PlanNode& node : plan->nodes) {
    auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr || source->schema != nullptr || source->format == "json") continue;
    source->schema =
        arrow::schema({arrow::field("value", source->format == "bytes" ? arrow::binary() : arrow::utf8())});
  }
}

}  // namespace millrace
