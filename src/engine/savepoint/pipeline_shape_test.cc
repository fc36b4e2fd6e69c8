#include "engine/savepoint/pipeline_shape.h"

#include <string>

#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/memory/memory_cluster.h"
#include "connectors/memory/memory_log.h"
#include "engine/pipeline_setup.h"
#include "engine/yaml/pipeline_file.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PipelineShapeTest : public testing::Test {
 protected:
  PipelineShapeTest() { EXPECT_TRUE(arrow::compute::Initialize().ok()); }

  void Create(const std::string& topic, std::int32_t partitions) {
    NewTopic made;
    made.name = topic;
    made.partitions = partitions;
    ASSERT_TRUE(log_.CreateTopic(made).ok());
  }

  /// A pipeline that reads `in`, keyed by k where `key` says so.
  static Plan PlanOf(const std::string& key, const std::string& steps,
                     const std::string& sink = "topic: out") {
    auto file = ReadPipelineText("p.yaml",
                                 "name: p\nsource: {topic: in, " + key +
                                     "schema: {k: int64, l: string, x: int64}}\nsteps: [" + steps +
                                     "]\nsinks: [{" + sink + "}]\n",
                                 SubstitutionSources{});
    EXPECT_TRUE(file.ok()) << file.status().message();
    return std::move(file->plan);
  }

  /// The place of the only step with state.
  KeyPlace PlaceIn(const Plan& plan) {
    const auto shape = ShapeNow(plan, cluster_, clock_);
    EXPECT_TRUE(shape.ok()) << shape.status().message();
    for (const SubTopology& sub : shape->topology.sub_topologies) {
      if (!sub.tables.empty()) return sub.tables.front().place;
    }
    return {};
  }

  const SystemClock clock_;
  MemoryLog log_{&clock_};
  MemoryCluster cluster_{&log_};
};

TEST_F(PipelineShapeTest, StateIsPlacedByTheKeyThatBroughtItsRowsTogether) {
  Create("in", 2);
  using By = KeyPlace::By;
  const std::string window = "{window: {by: [l, k], tumbling: 10s, aggregate: {n: count()}}}";
  EXPECT_EQ(PlaceIn(PlanOf("", window)), (KeyPlace{By::kRepartition, {"l", "k"}, ""}));
  EXPECT_EQ(PlaceIn(PlanOf("key: k, key_format: json, ", window)),
            (KeyPlace{By::kMessageKey, {"k"}, "json"}));
  EXPECT_EQ(PlaceIn(PlanOf("", "{group_by: [k]}, {rename: {k: m}}, {deduplicate: {by: [x, m], within: 1m}}")),
            (KeyPlace{By::kRepartition, {"m"}, ""}));
  EXPECT_EQ(PlaceIn(PlanOf("", "{group_by: [l, k]}, {deduplicate: {by: [k, x, l], within: 1m}}")),
            (KeyPlace{By::kRepartition, {"l", "k"}, ""}));
}

const std::string kEvents =
    "snapchat.conversions: {pixel_id: p, access_token: t, event_id: l, map: {event_name: l, em: l}}";

TEST_F(PipelineShapeTest, StateOfASinkLiesWhereItsRecordsAre) {
  Create("in", 2);
  using By = KeyPlace::By;
  EXPECT_EQ(PlaceIn(PlanOf("key: k, ", "", kEvents)), (KeyPlace{By::kRecord, {}, ""}));
  EXPECT_EQ(PlaceIn(PlanOf("", "{group_by: [l, k]}", kEvents)), (KeyPlace{By::kRecord, {"l", "k"}, ""}));
}

TEST_F(PipelineShapeTest, OnePartitionNeedsNoPlace) {
  Create("in", 1);
  EXPECT_EQ(PlaceIn(PlanOf("", "", kEvents)), KeyPlace{});
  EXPECT_EQ(PlaceIn(PlanOf("", "{deduplicate: {by: [k], within: 1m}}")), KeyPlace{});
}

TEST_F(PipelineShapeTest, StateKnowsThePartitionsThatItsSourceHadBeforeMoreWereAdded) {
  for (const char* const key : {"", "key: k, "}) {
    for (const std::int32_t before : {1, 3}) {
      ASSERT_TRUE(log_.Describe("in") == std::nullopt || log_.DeleteTopic("in").ok());
      for (const char* const topic : {"p-deduplicate-1-changelog", "p-deduplicate-1-repartition", "out"})
        ASSERT_TRUE(log_.Describe(topic) == std::nullopt || log_.DeleteTopic(topic).ok());
      Create("in", before);
      const Plan plan = PlanOf(key, "{deduplicate: {by: [k], within: 1m}}");
      SetupOptions setup;
      setup.clock = &clock_;
      ASSERT_TRUE(SetUpPipeline(plan, cluster_, setup).ok());
      ASSERT_TRUE(log_.AddPartitions("in", 5).ok());
      const auto shape = ShapeOfState(plan, cluster_, clock_);
      ASSERT_TRUE(shape.ok()) << shape.status().message();
      for (const SubTopology& sub : shape->topology.sub_topologies) EXPECT_EQ(sub.partitions, before);
      EXPECT_EQ(ShapeNow(plan, cluster_, clock_)->topology.sub_topologies[0].partitions, 5);
    }
  }
}

TEST_F(PipelineShapeTest, InternalTopicsThatFitNoPartitionCountAreRefused) {
  Create("in", 2);
  Create("p-deduplicate-1-changelog", 4);
  const auto shape = ShapeOfState(PlanOf("", "{deduplicate: {by: [k], within: 1m}}"), cluster_, clock_);
  EXPECT_THAT(shape.status().message(), HasSubstr("use the file that the pipeline ran with"));
}

TEST_F(PipelineShapeTest, NothingIsMade) {
  Create("in", 2);
  ASSERT_TRUE(ShapeNow(PlanOf("", "{deduplicate: {by: [k], within: 1m}}"), cluster_, clock_).ok());
  EXPECT_EQ(log_.List().size(), 1U);
}

TEST_F(PipelineShapeTest, AMissingSourceTopicIsNamed) {
  const auto shape = ShapeNow(PlanOf("", "{deduplicate: {by: [k], within: 1m}}"), cluster_, clock_);
  EXPECT_THAT(shape.status().message(), HasSubstr("source topic 'in' does not exist"));
}

TEST(StepOfRepartition, IsWhatStandsBetweenThePipelineAndTheSuffix) {
  EXPECT_EQ(StepOfRepartition("my-app-window-1-repartition", "my-app"), "window-1");
}

}  // namespace
}  // namespace millrace
