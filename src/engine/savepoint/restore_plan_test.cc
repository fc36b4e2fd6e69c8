#include "engine/savepoint/restore_plan.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kLayout = "tumbling 10s offset 0ms by k:int64 aggregate n = count()";

/// in -> (window moves rows) -> window "sums"
SavepointManifest Moved(std::int32_t partitions = 2) {
  SavepointManifest manifest;
  manifest.pipeline = "p";
  const std::vector<SavepointInput::At> at(static_cast<std::size_t>(partitions));
  SavepointStage& source = manifest.stages.emplace_back();
  source.name = "source-in";
  source.partitions = partitions;
  source.inputs.push_back({.topic = "in", .topic_id = "id-1", .partitions = at});
  SavepointStage& window = manifest.stages.emplace_back();
  window.name = "sums";
  window.partitions = partitions;
  window.inputs.push_back({.topic = "p-sums-repartition",
                           .topic_id = "id-2",
                           .step = "sums",
                           .partitions = at,
                           .in_flight_data = 3});
  window.steps.push_back({.name = "sums",
                          .kind = "window",
                          .layout = kLayout,
                          .place = {KeyPlace::By::kRepartition, {"k"}, ""},
                          .rows = {"state-1-sums.parquet", 7, 1, "ab"}});
  return manifest;
}

/// The same pipeline as its workers run it, with that step.
Topology MovedTopology(const std::string& step = "sums", std::int32_t partitions = 2,
                       const std::string& layout = kLayout, const std::string& app = "p") {
  Topology topology;
  topology.app = app;
  SubTopology& source = topology.sub_topologies.emplace_back();
  source.name = "source-in";
  source.input_topics = {"in"};
  source.partitions = partitions;
  SubTopology& window = topology.sub_topologies.emplace_back();
  window.name = step;
  window.input_topics = {app + "-" + step + "-repartition"};
  window.repartition_inputs = window.input_topics;
  window.partitions = partitions;
  window.tables.push_back({step, app + "-" + step + "-changelog", {KeyPlace::By::kRepartition, {"k"}, ""}});
  window.state_layout = step + "=" + layout + "\n";
  return topology;
}

/// One stage: in, declared as keyed, -> window "sums".
Topology KeyedTopology(std::int32_t partitions = 2) {
  Topology topology;
  topology.app = "p";
  SubTopology& sub = topology.sub_topologies.emplace_back();
  sub.name = "source-in";
  sub.input_topics = {"in"};
  sub.partitions = partitions;
  sub.tables.push_back({"sums", "p-sums-changelog", {KeyPlace::By::kMessageKey, {"k"}, "string"}});
  sub.state_layout = "sums=" + std::string(kLayout) + "\n";
  return topology;
}

/// A savepoint of it.
SavepointManifest Keyed(std::int32_t partitions = 2, KeyPlace::By by = KeyPlace::By::kMessageKey) {
  SavepointManifest manifest = Moved(partitions);
  SavepointStage& stage = manifest.stages[0];
  stage.steps = std::move(manifest.stages[1].steps);
  stage.steps[0].place = {by, {"k"}, by == KeyPlace::By::kMessageKey ? "string" : ""};
  manifest.stages.pop_back();
  return manifest;
}

Result<RestorePlan> PlanFor(const SavepointManifest& manifest, const Topology& topology,
                            const RestoreChoice& choice = {}, const std::string& topic_id = "id-1") {
  return PlanRestore(manifest, topology, {{"in", topic_id}}, choice);
}

std::string Refusal(const Result<RestorePlan>& plan) {
  EXPECT_FALSE(plan.ok());
  return plan.ok() ? "" : plan.status().message();
}

TEST(RestorePlan, PartitionsOfTheSamePipelineAreWhatTheyWere) {
  const SavepointManifest manifest = Moved();
  const Topology topology = MovedTopology();
  const auto plan = PlanFor(manifest, topology);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_TRUE(plan->all_same());
  ASSERT_EQ(plan->steps.size(), 1U);
  EXPECT_EQ(plan->steps[0].table, &topology.sub_topologies[1].tables[0]);
  EXPECT_FALSE(plan->steps[0].moves);
  EXPECT_EQ(plan->stages[0].same, &manifest.stages[0]);
  EXPECT_FALSE(plan->stages[0].inputs[0].from_start);
  EXPECT_EQ(plan->stages[1].inputs[0].saved, &manifest.stages[1].inputs[0]);
  EXPECT_THAT(plan->dropped, IsEmpty());
}

TEST(RestorePlan, AnotherNameOfThePipelineMakesNoDifference) {
  const SavepointManifest manifest = Moved();
  const Topology topology = MovedTopology("sums", 2, kLayout, "copy");
  const auto plan = PlanFor(manifest, topology);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_TRUE(plan->all_same());
}

TEST(RestorePlan, WithOtherPartitionsEverythingMoves) {
  const SavepointManifest manifest = Moved();
  const Topology topology = MovedTopology("sums", 3);
  const auto plan = PlanFor(manifest, topology);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan->stages[0].same, nullptr);
  EXPECT_EQ(plan->stages[1].same, nullptr);
  EXPECT_THAT(plan->stages[1].from, ElementsAre(&manifest.stages[1]));
  EXPECT_TRUE(plan->steps[0].moves);
}

TEST(RestorePlan, AStepWhoseRowsAreNowPlacedByOtherColumnsMovesWhenNothingIsOnItsWay) {
  SavepointManifest manifest = Moved();
  Topology topology = MovedTopology();
  topology.sub_topologies[1].tables[0].place.columns = {"l"};
  EXPECT_THAT(Refusal(PlanFor(manifest, topology)),
              AllOf(HasSubstr("3 rows of the savepoint were on their way to step 'sums'"),
                    HasSubstr("by other columns")));
  manifest.stages[1].inputs[0].in_flight_data = 0;
  const auto plan = PlanFor(manifest, topology);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_TRUE(plan->steps[0].moves);
  EXPECT_EQ(plan->stages[1].same, nullptr);
  EXPECT_EQ(plan->stages[0].same, &manifest.stages[0]);
}

TEST(RestorePlan, StateByMessageKeyIsPlacedAnewForAnotherTopic) {
  const SavepointManifest manifest = Keyed();
  const Topology topology = KeyedTopology();
  const auto same = PlanFor(manifest, topology);
  ASSERT_TRUE(same.ok()) << same.status().message();
  EXPECT_FALSE(same->steps[0].moves);
  const auto mapped = PlanFor(manifest, topology, {.allow_drop = false, .names = {{"in", "in"}}});
  ASSERT_TRUE(mapped.ok()) << mapped.status().message();
  EXPECT_EQ(mapped->stages[0].same, nullptr);
  EXPECT_TRUE(mapped->steps[0].moves);
  EXPECT_THAT(mapped->warnings, IsEmpty());  // the saved rows show how keys are placed
  const SavepointManifest one = Keyed(1);
  const auto in_one = PlanFor(one, KeyedTopology(1), {.allow_drop = false, .names = {{"in", "in"}}});
  ASSERT_TRUE(in_one.ok()) << in_one.status().message();
  EXPECT_TRUE(in_one->all_same());
}

TEST(RestorePlan, StateOfRecordsStaysInTheirPartitionsOrIsLeftOut) {
  using enum KeyPlace::By;
  const auto topology = [](std::int32_t partitions) {
    Topology made = KeyedTopology(partitions);
    made.sub_topologies[0].tables[0].place = {partitions == 1 ? kNothing : kRecord, {}, ""};
    return made;
  };
  SavepointManifest manifest = Keyed(2, kRecord);
  manifest.stages[0].steps[0].place.columns = {};
  const Topology two = topology(2);
  const auto same = PlanFor(manifest, two);
  ASSERT_TRUE(same.ok()) << same.status().message();
  EXPECT_TRUE(same->all_same());
  ASSERT_EQ(same->steps.size(), 1U);
  EXPECT_FALSE(same->steps[0].moves);
  const struct {
    const char* what;
    Topology topology;
    std::map<std::string, std::string> names;
    const char* counts;
  } cases[] = {{"more partitions", topology(3), {}, "(2 then, 3 now)"},
               {"one partition", topology(1), {}, "(2 then, 1 now)"},
               {"another topic", topology(2), {{"in", "in"}}, "(2 then, 2 now)"}};
  for (const auto& test : cases) {
    EXPECT_THAT(Refusal(PlanFor(manifest, test.topology, {.allow_drop = false, .names = test.names})),
                AllOf(HasSubstr("step 'sums' (7 rows)"), HasSubstr(test.counts), HasSubstr("--allow-drop")))
        << test.what;
    const auto dropped = PlanFor(manifest, test.topology, {.allow_drop = true, .names = test.names});
    ASSERT_TRUE(dropped.ok()) << test.what << ": " << dropped.status().message();
    EXPECT_THAT(dropped->steps, IsEmpty()) << test.what;
    EXPECT_THAT(dropped->dropped, ElementsAre("step 'sums' (7 rows)")) << test.what;
  }
}

TEST(RestorePlan, WhereNothingShowsHowProducersPlaceKeysThatIsSaid) {
  struct Case {
    const char* what;
    SavepointManifest manifest;
    std::int32_t partitions;
    std::size_t warnings;
  };
  std::vector<Case> cases = {{"one partition becomes three", Keyed(1), 3, 1},
                             {"one without a key column", Keyed(1, KeyPlace::By::kNothing), 3, 1},
                             {"moved rows go by message key", Keyed(2, KeyPlace::By::kRepartition), 2, 1},
                             {"two become three: they are compared", Keyed(2), 3, 0},
                             {"two become one", Keyed(2), 1, 0},
                             {"no rows", Keyed(1), 3, 0}};
  cases.back().manifest.stages[0].steps[0].rows.rows = 0;
  for (const Case& test : cases) {
    const Topology topology = KeyedTopology(test.partitions);
    const auto plan = PlanFor(test.manifest, topology);
    ASSERT_TRUE(plan.ok()) << test.what << plan.status().message();
    ASSERT_EQ(plan->warnings.size(), test.warnings) << test.what;
    if (test.warnings == 0) continue;
    EXPECT_THAT(plan->warnings[0], AllOf(HasSubstr("step 'sums'"), HasSubstr("the producers of in do"),
                                         HasSubstr("partitioner=murmur2_random")));
  }
}

TEST(RestorePlan, InOnePartitionNothingMoves) {
  const SavepointManifest manifest = Moved(1);
  Topology topology = MovedTopology("sums", 1);
  topology.sub_topologies[1].tables[0].place = {};
  const auto plan = PlanFor(manifest, topology);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_TRUE(plan->all_same());
}

TEST(RestorePlan, AStepThatNoLongerNeedsARepartitionMovesWhenNothingIsOnItsWay) {
  SavepointManifest manifest = Moved();
  const Topology topology = KeyedTopology();
  EXPECT_THAT(Refusal(PlanFor(manifest, topology)),
              HasSubstr("the rows on their way to step 'sums' have no place in the pipeline"));
  manifest.stages[1].inputs[0].in_flight_data = 0;
  const auto plan = PlanFor(manifest, topology);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_TRUE(plan->steps[0].moves);
  EXPECT_THAT(plan->stages[0].from, ElementsAre(&manifest.stages[1]));  // whose clock closed its windows
}

TEST(RestorePlan, AStepWithoutACounterpartIsRefusedUnlessItIsMappedOrDropped) {
  const SavepointManifest manifest = Moved();
  const Topology topology = MovedTopology("totals");
  EXPECT_THAT(
      Refusal(PlanFor(manifest, topology)),
      AllOf(HasSubstr("step 'sums' (7 rows)"), HasSubstr("--map sums=NAME"), HasSubstr("--allow-drop")));
  const auto mapped = PlanFor(manifest, topology, {.allow_drop = false, .names = {{"sums", "totals"}}});
  ASSERT_TRUE(mapped.ok()) << mapped.status().message();
  EXPECT_TRUE(mapped->all_same());  // its repartition topic is called after it
  const auto dropped = PlanFor(manifest, topology, {.allow_drop = true, .names = {}});
  ASSERT_TRUE(dropped.ok()) << dropped.status().message();
  EXPECT_THAT(dropped->steps, IsEmpty());
  EXPECT_THAT(dropped->dropped, ElementsAre("step 'sums' (7 rows)", "the rows on their way to step 'sums'"));
}

TEST(RestorePlan, AnotherLayoutIsRefusedWithBoth) {
  const Topology topology =
      MovedTopology("sums", 2, "tumbling 20s offset 0ms by k:int64 aggregate n = count()");
  EXPECT_THAT(Refusal(PlanFor(Moved(), topology, {.allow_drop = true, .names = {}})),
              AllOf(HasSubstr("'sums'"), HasSubstr("tumbling 10s"), HasSubstr("tumbling 20s")));
}

TEST(RestorePlan, NamesThatAreNotThereAreRefused) {
  const SavepointManifest manifest = Moved();
  const Topology topology = MovedTopology();
  EXPECT_THAT(Refusal(PlanFor(manifest, topology, {.allow_drop = false, .names = {{"sum", "sums"}}})),
              HasSubstr("(did you mean 'sums'?)"));
  EXPECT_THAT(Refusal(PlanFor(manifest, topology, {.allow_drop = false, .names = {{"sums", "total"}}})),
              HasSubstr("the pipeline has no step with state and no source topic 'total'"));
}

TEST(RestorePlan, AStepAndATopicOfOneNameAreMappedApart) {
  SavepointManifest manifest = Moved();
  manifest.stages[0].inputs[0].topic = "sums";
  Topology topology = MovedTopology();
  topology.sub_topologies[0].input_topics = {"other"};
  const auto topic = PlanFor(manifest, topology, {.allow_drop = false, .names = {{"sums", "other"}}});
  ASSERT_TRUE(topic.ok()) << topic.status().message();
  EXPECT_TRUE(topic->stages[0].inputs[0].from_start);
  ASSERT_EQ(topic->steps.size(), 1U);
  EXPECT_EQ(topic->steps[0].table->table, "sums");
  topology = MovedTopology("totals");
  topology.sub_topologies[0].input_topics = {"sums"};
  const auto step = PlanFor(manifest, topology, {.allow_drop = false, .names = {{"sums", "totals"}}});
  ASSERT_TRUE(step.ok()) << step.status().message();
  EXPECT_FALSE(step->stages[0].inputs[0].from_start);
  ASSERT_EQ(step->steps.size(), 1U);
  EXPECT_EQ(step->steps[0].table->table, "totals");
}

TEST(RestorePlan, AStepDoesNotBecomeATopicNorATopicAStep) {
  const SavepointManifest manifest = Moved();
  const Topology topology = MovedTopology();
  EXPECT_THAT(Refusal(PlanFor(manifest, topology, {.allow_drop = true, .names = {{"sums", "in"}}})),
              HasSubstr("--map sums=in: a step cannot become a source topic"));
  EXPECT_THAT(Refusal(PlanFor(manifest, topology, {.allow_drop = true, .names = {{"in", "sums"}}})),
              HasSubstr("--map in=sums: a source topic cannot become a step"));
}

TEST(RestorePlan, TwoStepsDoNotBecomeOne) {
  SavepointManifest manifest = Moved();
  manifest.stages[1].steps.push_back(manifest.stages[1].steps[0]);
  manifest.stages[1].steps[1].name = "other";
  EXPECT_THAT(
      Refusal(PlanFor(manifest, MovedTopology(), {.allow_drop = false, .names = {{"other", "sums"}}})),
      HasSubstr("two steps of the savepoint would become step 'sums'"));
}

TEST(RestorePlan, ATopicThatWasMadeAnewIsReadFromItsStartOnlyWhenThatIsSaid) {
  const SavepointManifest manifest = Moved();
  const Topology topology = MovedTopology();
  EXPECT_THAT(Refusal(PlanFor(manifest, topology, {}, "id-9")),
              AllOf(HasSubstr("was made anew"), HasSubstr("--map in=in")));
  const auto plan = PlanFor(manifest, topology, {.allow_drop = false, .names = {{"in", "in"}}}, "id-9");
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_TRUE(plan->stages[0].inputs[0].from_start);
}

TEST(RestorePlan, ASourceTopicWithoutACounterpartIsRefused) {
  const SavepointManifest manifest = Moved();
  Topology topology = MovedTopology();
  topology.sub_topologies[0].input_topics = {"other"};
  EXPECT_THAT(Refusal(PlanFor(manifest, topology)),
              HasSubstr("source topic 'in' of the savepoint is not in the pipeline"));
  const auto mapped = PlanFor(manifest, topology, {.allow_drop = false, .names = {{"in", "other"}}});
  ASSERT_TRUE(mapped.ok()) << mapped.status().message();
  EXPECT_TRUE(mapped->stages[0].inputs[0].from_start);
  const auto dropped = PlanFor(manifest, topology, {.allow_drop = true, .names = {}});
  ASSERT_TRUE(dropped.ok()) << dropped.status().message();
  EXPECT_EQ(dropped->stages[0].inputs[0].saved, nullptr);
}

}  // namespace
}  // namespace millrace
