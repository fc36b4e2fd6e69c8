#include "compile/internal_topics.h"

#include <charconv>
#include <map>
#include <string>

#include "compile/outside_feeds.h"
#include "plan/feeds.h"

namespace millrace {
namespace {

/// Settings of an internal topic: where records may be larger than topics take by default, so may those in
/// it.
std::map<std::string, std::string> TopicConfig(const Plan& plan, std::map<std::string, std::string> config) {
  const std::int64_t most = LargestRecord(plan);
  if (most > kLargestRecord) config.emplace("max.message.bytes", std::to_string(most + kBatchHeaderBytes));
  return config;
}

}  // namespace

std::int64_t LargestRecord(const Plan& plan) {
  const auto set = plan.kafka.find("message.max.bytes");
  std::int64_t most = 0;
  if (set != plan.kafka.end())
    std::from_chars(set->second.data(), set->second.data() + set->second.size(), most);
  return most;
}

std::int64_t MostKeyBytes(const Plan& plan) {
  constexpr std::int64_t kPartOfKey = 40;  // of a record
  const std::int64_t most = LargestRecord(plan);
  return most > 0 ? most / kPartOfKey : kMostKeyBytes;
}

void AddInternalTopics(const Plan& plan, const StagedPlan& staged, Topology* topology) {
  for (std::size_t i = 0; i < staged.stages.size(); ++i) {
    const Stage& stage = staged.stages[i];
    if (stage.cut.has_value()) {
      topology->internal_topics.push_back(
          {.name = stage.cut->topic,
           .partitions = stage.partitions,
           .config = TopicConfig(plan, {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}})});
    }
    for (const TableSpec& table : topology->sub_topologies[i].tables) {
      topology->internal_topics.push_back({.name = table.changelog_topic,
                                           .partitions = stage.partitions,
                                           .config = TopicConfig(plan, {{"cleanup.policy", "compact"}})});
    }
  }
}

void AddFeeds(const Plan& plan, const std::shared_ptr<SnapAccesses>& accesses, Topology* topology) {
  for (const PlanNode& node : plan.nodes) {
    const auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr || source->outside == nullptr) continue;
    topology->feeds.push_back(MakeFeed(plan.name, node.name, *source, accesses));
    for (const auto& [topic, config] : FeedTopicsOf(topology->feeds.back(), *source->outside)) {
      topology->feed_topics.push_back(
          {.name = topic, .partitions = kFeedPartitions, .config = TopicConfig(plan, config)});
    }
  }
}

}  // namespace millrace
