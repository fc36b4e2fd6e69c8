#include "engine/pipeline_setup.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/counted.h"
#include "base/log.h"
#include "compile/compile.h"
#include "compile/internal_topics.h"
#include "engine/left_notes.h"
#include "engine/moved_state.h"
#include "engine/schema_inference.h"
#include "plan/feeds.h"

namespace millrace {
namespace {

// Far beyond any event time: windows and replays write old and future timestamps (kTimestampMax of Kafka).
constexpr const char* kNoTimestampLimit = "9223372036854775807";

constexpr Duration kFirstPause{200};
constexpr Duration kLongestPause{5'000};

/// Makes a topic whose records may have any time: their event time, or that of a clock which is ahead of the
/// broker's.
Status CreateForAnyTime(TopicAdmin& admin, const NewTopic& topic) {
  NewTopic unlimited = topic;
  unlimited.config["message.timestamp.after.max.ms"] = kNoTimestampLimit;
  const Status created = admin.Create(unlimited);
  // Brokers before 3.6 have no limit, and no name for it.
  return created.code() == StatusCode::kInvalidArgument ? admin.Create(topic) : created;
}

/// Whether an internal topic is there. Errors: user error when it has another partition count.
Result<bool> HasInternalTopic(TopicAdmin& admin, const NewTopic& topic) {
  MR_ASSIGN_OR_RETURN(const auto found, admin.Describe(topic.name));
  if (!found.has_value()) return false;
  if (found->partitions == topic.partitions) return true;
  return Status::InvalidArgument(
      "internal topic '" + topic.name + "' has " + Counted(found->partitions, "partition") +
      ", but the pipeline now needs " + std::to_string(topic.partitions) +
      ": the partition count of a source topic changed, and with it the "
      "partition of each key; carry its state over with 'millrace savepoint', or run 'millrace reset' to "
      "start the pipeline anew with the new count");
}

void LogCreated(TopicAdmin& admin, const NewTopic& topic) {
  const std::int32_t partitions = admin.fixed_partitions().value_or(topic.partitions);
  Log(LogLevel::kInfo, "topic created", {{"topic", topic.name}, {"partitions", partitions}});
}

Status CreateInternalTopic(TopicAdmin& admin, const NewTopic& topic) {
  const Status created = CreateForAnyTime(admin, topic);
  if (created.ok()) {
    LogCreated(admin, topic);
    return created;
  }
  if (created.code() != StatusCode::kAlreadyExists)
    return created.WithContext("creating topic '" + topic.name + "'");
  return HasInternalTopic(admin, topic).status();  // another process of the pipeline was faster
}

/// Makes the internal topics that are missing, after all others were found right.
Status EnsureInternalTopics(const std::vector<NewTopic>& topics, TopicAdmin& admin) {
  std::vector<const NewTopic*> missing;
  for (const NewTopic& topic : topics) {
    MR_ASSIGN_OR_RETURN(const bool found, HasInternalTopic(admin, topic));
    if (!found) missing.push_back(&topic);
  }
  for (const NewTopic* topic : missing) MR_RETURN_IF_ERROR(CreateInternalTopic(admin, *topic));
  return Status::Ok();
}

/// Output topics that the plan writes to: name and partition count (0: as the sources).
std::map<std::string, std::int32_t> OutputTopics(const Plan& plan) {
  std::map<std::string, std::int32_t> out;
  if (!plan.dead_letter_topic.empty()) out.emplace(plan.dead_letter_topic, 0);
  for (const PlanNode& node : plan.nodes) {
    if (const std::string_view late_topic = LateTopicOf(node); !late_topic.empty())
      out.emplace(late_topic, 0);
    if (const auto* sink = std::get_if<SinkNode>(&node.op)) {
      if (const auto* kafka = std::get_if<KafkaSink>(&sink->sink)) {
        std::int32_t& partitions = out[kafka->topic];
        partitions = std::max(partitions, kafka->partitions);
      }
      const auto* events = std::get_if<SnapchatConversionsSink>(&sink->sink);
      if (events != nullptr && !events->late_topic.empty()) out.emplace(events->late_topic, 0);
    }
  }
  return out;
}

/// Partition counts of the source topics. Errors: user error with a line for each topic that is missing and
/// that the pipeline may not create.
Result<std::map<std::string, std::int32_t>> FindTopics(const Plan& plan, TopicAdmin& admin) {
  std::map<std::string, std::int32_t> sources;
  std::string missing;
  const auto miss = [&missing](const std::string& sentence) {
    missing += (missing.empty() ? "" : "\n") + sentence;
  };
  for (const PlanNode& node : plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr || sources.contains(source->topic)) continue;
    MR_ASSIGN_OR_RETURN(const auto topic, admin.Describe(source->topic));
    const bool is_fed = source->outside != nullptr;  // its topic is made like other internal ones
    sources[source->topic] = topic.has_value() ? topic->partitions : (is_fed ? kFeedPartitions : 0);
    if (topic.has_value() || is_fed) continue;
    miss("source topic '" + source->topic +
         "' does not exist; create it first (source topics are never created by a pipeline): millrace topic "
         "create " +
         source->topic + " --partitions 2");
  }
  if (!plan.create_topics) {
    for (const auto& [name, partitions] : OutputTopics(plan)) {
      MR_ASSIGN_OR_RETURN(const auto found, admin.Describe(name));
      if (found.has_value()) continue;
      miss("output topic '" + name +
           "' does not exist and create_topics is false; create it or set create_topics: true");
    }
  }
  if (!missing.empty()) return Status::NotFound(missing);
  return sources;
}

Status EnsureOutputTopics(const Plan& plan, std::int32_t default_partitions, TopicAdmin& admin) {
  for (const auto& [name, partitions] : OutputTopics(plan)) {
    MR_ASSIGN_OR_RETURN(const auto found, admin.Describe(name));
    if (found.has_value()) continue;
    NewTopic topic;
    topic.name = name;
    topic.partitions = partitions > 0 ? partitions : default_partitions;
    const Status created = CreateForAnyTime(admin, topic);
    if (!created.ok() && created.code() != StatusCode::kAlreadyExists)
      return created.WithContext("creating topic '" + name + "'");
    if (created.ok()) LogCreated(admin, topic);
  }
  return Status::Ok();
}

std::vector<NewTopic> AllInternal(const Topology& topology) {
  std::vector<NewTopic> all = topology.internal_topics;
  all.insert(all.end(), topology.feed_topics.begin(), topology.feed_topics.end());
  return all;
}

/// `max.message.bytes` of every topic that the pipeline writes to, where the cluster tells it.
Result<TopicLimits> FindTopicLimits(const Plan& plan, const Topology& topology, TopicAdmin& admin) {
  std::set<std::string> names;
  for (const auto& [name, partitions] : OutputTopics(plan)) names.insert(name);
  for (const NewTopic& topic : AllInternal(topology)) names.insert(topic.name);
  std::set<std::string> changelogs;
  for (const SubTopology& sub : topology.sub_topologies) {
    for (const TableSpec& table : sub.tables) changelogs.insert(table.changelog_topic);
  }
  const std::int64_t most = LargestRecord(plan) > 0 ? LargestRecord(plan) : kLargestRecord;
  TopicLimits limits;
  for (const std::string& name : names) {
    MR_ASSIGN_OR_RETURN(const auto found, admin.Describe(name));
    if (!found.has_value()) continue;
    const auto set = found->config.find("max.message.bytes");
    if (set == found->config.end()) continue;
    std::int64_t taken = 0;
    const char* const end = set->second.data() + set->second.size();
    if (std::from_chars(set->second.data(), end, taken).ec != std::errc{}) continue;
    limits.emplace(name, taken);
    if (taken >= most + kBatchHeaderBytes) continue;
    if (changelogs.contains(name)) {
      Log(LogLevel::kWarning,
          "changelog topic takes less at once than a row of state may have; a larger one stops the pipeline",
          {{"topic", name},
           {"max.message.bytes", taken},
           {"advice", "raise max.message.bytes of the topic"}});
      continue;
    }
    Log(LogLevel::kInfo, "topic takes less at once than a record may have; larger rows fail one by one",
        {{"topic", name}, {"max.message.bytes", taken}, {"message.max.bytes", most}});
  }
  return limits;
}

/// The embedded broker of another process gives every new topic the same partition count: says how to start
/// it when the pipeline needs another.
Status CheckFixedPartitions(const Topology& topology, const std::map<std::string, std::int32_t>& sources,
                            TopicAdmin& admin) {
  const std::optional<std::int32_t> fixed = admin.fixed_partitions();
  if (!fixed.has_value()) return Status::Ok();
  bool fits = true;
  std::string flags;
  const auto add = [&](const std::string& topic, std::int32_t partitions) {
    flags += " --topic " + topic + ":" + std::to_string(partitions);
  };
  const auto is_fed = [&](const std::string& name) {
    return std::any_of(topology.feeds.begin(), topology.feeds.end(),
                       [&](const Feed& feed) { return feed.topic == name; });
  };
  for (const auto& [topic, partitions] : sources) {
    if (!is_fed(topic)) add(topic, partitions);
  }
  for (const NewTopic& topic : AllInternal(topology)) {
    MR_ASSIGN_OR_RETURN(const auto found, admin.Describe(topic.name));
    fits = fits && (found.has_value() || topic.partitions == *fixed);
    add(topic.name, topic.partitions);
  }
  if (fits) return Status::Ok();
  return Status::InvalidArgument("the embedded broker makes new topics with " + Counted(*fixed, "partition") +
                                 ", and this pipeline needs others; start that broker with: millrace broker" +
                                 flags);
}

Result<ReadyPipeline> SetUpOnce(Plan plan, Cluster& cluster, const SetupOptions& setup) {
  CompileOptions options;
  options.clock = setup.clock;
  options.console = setup.console;
  options.metrics = setup.metrics;
  MR_ASSIGN_OR_RETURN(options.source_partitions, FindTopics(plan, cluster.admin()));
  std::int32_t most_partitions = 1;
  for (const auto& [topic, partitions] : options.source_partitions)
    most_partitions = std::max(most_partitions, partitions);
  MR_RETURN_IF_ERROR(InferMissingSchemas(&plan, cluster, *setup.clock));
  ReadyPipeline ready;
  MR_ASSIGN_OR_RETURN(ready.analyzed, AnalyzePlan(std::move(plan)));
  MR_ASSIGN_OR_RETURN(ready.topology, CompilePlan(ready.analyzed, options));
  MR_RETURN_IF_ERROR(CheckFixedPartitions(ready.topology, options.source_partitions, cluster.admin()));
  if (GroupAdmin* const groups = cluster.groups(); groups != nullptr) {
    MR_ASSIGN_OR_RETURN(const std::vector<CommittedOffset> offsets, groups->Offsets(ready.topology.app));
    MR_RETURN_IF_ERROR(CheckNoStateMoved(ready.topology, offsets, cluster.admin()));
    MR_RETURN_IF_ERROR(PublishLeftNotes(ready.analyzed, ready.topology, offsets, cluster));
  }
  MR_RETURN_IF_ERROR(EnsureInternalTopics(AllInternal(ready.topology), cluster.admin()));
  MR_RETURN_IF_ERROR(EnsureOutputTopics(ready.analyzed.plan, most_partitions, cluster.admin()));
  MR_ASSIGN_OR_RETURN(const TopicLimits limits,
                      FindTopicLimits(ready.analyzed.plan, ready.topology, cluster.admin()));
  cluster.SetTopicLimits(limits);
  return ready;
}

}  // namespace

Result<ReadyPipeline> SetUpPipeline(const Plan& plan, Cluster& cluster, const SetupOptions& options) {
  const auto begin = options.clock->Steady();
  for (Duration pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    Result<ReadyPipeline> ready = SetUpOnce(plan, cluster, options);
    if (ready.ok() || ready.status().error_class() != ErrorClass::kRetryable) return ready;
    if (options.clock->Steady() - begin + pause > options.patience) return ready;
    Log(LogLevel::kWarning, "the Kafka cluster is not ready; trying again", {{"error", ready.status()}});
    if (options.stop.WaitFor(pause)) return Status::Cancelled("stopped before the pipeline began");
  }
}

}  // namespace millrace
