#include "plan/plan.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"
#include "expr/builder.h"
#include "plan/secrets.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

PlanNode Node(std::string name, decltype(PlanNode::op) op, std::vector<NodeId> inputs) {
  PlanNode node;
  node.name = std::move(name);
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  return node;
}

Plan Bids() {
  KafkaSource source;
  source.topic = "bids";
  source.key = "auction";
  source.timestamp = {Col("ts"), {}};
  source.schema = arrow::schema(
      {*ParseField("ts", "timestamp[ms]"), *ParseField("auction", "int64"), *ParseField("price", "float64")});
  WindowStep window;
  window.by = {"auction"};
  window.size = Duration(60'000);
  window.grace = Duration(5'000);
  window.aggregates = {{"bids", *ParseAggregateCall("count()"), {}},
                       {"best", *ParseAggregateCall("max(price)"), {}}};
  KafkaSink sink;
  sink.topic = "out";
  sink.key = {"auction"};
  Plan plan;
  plan.name = "bids-per-minute";
  plan.kafka = {{"bootstrap.servers", "localhost:9092"}, {"sasl.password", "hunter2"}};
  plan.nodes = {Node("", source, {}), Node("", FilterStep{{*ParseExpr("price > 50"), {}}}, {0}),
                Node("per-minute", window, {1}), Node("", SinkNode{std::nullopt, sink}, {2})};
  return plan;
}

TEST(Plan, LocationsAreWrittenAsCompilersDo) {
  EXPECT_EQ((SourceLocation{"bids.yaml", 12, 5}).ToString(), "bids.yaml:12:5");
  EXPECT_EQ((SourceLocation{"bids.yaml", 12, 0}).ToString(), "bids.yaml:12");
  EXPECT_EQ((SourceLocation{"bids.yaml", 0, 0}).ToString(), "bids.yaml");
  EXPECT_EQ(SourceLocation{}.ToString(), "");
}

TEST(Plan, CommitIntervalFollowsTheGuaranteeUnlessGiven) {
  Plan plan;
  EXPECT_EQ(plan.EffectiveCommitInterval(), Duration(200));
  plan.guarantee = Guarantee::kAtLeastOnce;
  EXPECT_EQ(plan.EffectiveCommitInterval(), Duration(1000));
  plan.commit_interval = Duration(5);
  EXPECT_EQ(plan.EffectiveCommitInterval(), Duration(5));
}

// K4: names of state do not move when a step is inserted before or named elsewhere.
TEST(Plan, UnnamedNodesGetKindAndOrdinalAmongTheirKind) {
  Plan plan = Bids();
  ASSERT_TRUE(NameNodes(&plan).ok());
  EXPECT_EQ(plan.nodes[0].name, "source-1");
  EXPECT_EQ(plan.nodes[1].name, "filter-1");
  EXPECT_EQ(plan.nodes[2].name, "per-minute");
  EXPECT_EQ(plan.nodes[3].name, "sink-1");
  Plan two = Bids();
  two.nodes = {two.nodes[1], two.nodes[1]};
  two.nodes[0].name = "first";
  ASSERT_TRUE(NameNodes(&two).ok());
  EXPECT_EQ(two.nodes[1].name, "filter-2") << "naming the first filter leaves the second's name alone";
}

TEST(Plan, ANameUsedTwiceIsAnErrorThatSaysWhere) {
  Plan plan = Bids();
  plan.nodes[1].name = "per-minute";
  plan.nodes[1].location = {"f.yaml", 3, 5};
  plan.nodes[2].location = {"f.yaml", 7, 5};
  EXPECT_THAT(NameNodes(&plan).message(),
              HasSubstr("f.yaml:7:5: the name 'per-minute' is used twice (first at f.yaml:3:5)"));
  Plan clash = Bids();
  clash.nodes[2].name = "filter-1";
  EXPECT_THAT(NameNodes(&clash).message(), HasSubstr("'filter-1' is what an unnamed step gets"));
}

TEST(Plan, NamesThatASinkTakesForItselfAreErrorsThatSayWhere) {
  for (const char* taken : {"sent-events", "sent-orders", "sent-repeats"}) {
    Plan plan = Bids();
    plan.nodes[3].op = SinkNode{std::nullopt, SnapchatConversionsSink()};
    plan.nodes[3].name = "sent";
    plan.nodes[1].location = {"f.yaml", 3, 5};
    ASSERT_TRUE(NameNodes(&plan).ok());
    plan.nodes[1].name = taken;
    EXPECT_THAT(NameNodes(&plan).message(),
                HasSubstr("f.yaml:3:5: the name '" + std::string(taken) +
                          "' is taken by what sink 'sent' does to send each event once"));
    plan.nodes[3].name = "other";
    EXPECT_TRUE(NameNodes(&plan).ok());
  }
}

TEST(Plan, PrintsAsTextMermaidAndJsonWithoutSecrets) {
  const auto analyzed = AnalyzePlan(Bids());
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  EXPECT_EQ(PlanToText(*analyzed),
            "pipeline bids-per-minute (exactly_once, commit every 200ms, 1 worker)\n"
            "  kafka bootstrap.servers = localhost:9092\n"
            "  kafka sasl.password = <redacted>\n"
            "source 'source-1': topic bids (json, key auction, event time ts)\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "filter 'filter-1': price > 50\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "window 'per-minute': tumbling 1m by auction, grace 5s: bids = count(), best = max(price)\n"
            "    {auction: int64, window_start: timestamp[ms], window_end: timestamp[ms], bids: int64, best: "
            "float64}\n"
            "sink 'sink-1': topic out (json, key auction)\n");
  const std::string mermaid = PlanToMermaid(*analyzed);
  EXPECT_THAT(mermaid, HasSubstr("flowchart TD\n  n0[(\"source-1<br/>topic bids"));
  EXPECT_THAT(mermaid, HasSubstr("n1[\"filter-1<br/>price #gt; 50\"]\n"));
  EXPECT_THAT(mermaid, HasSubstr("  n2 --> n3\n"));
  const std::string json = PlanToJson(*analyzed);
  EXPECT_THAT(json, HasSubstr(R"({"id": 2, "name": "per-minute", "kind": "window", "inputs": [1])"));
  EXPECT_THAT(json, HasSubstr(R"("best": "float64"})"));
  for (const std::string& text : {PlanToText(*analyzed), mermaid, json})
    EXPECT_THAT(text, Not(HasSubstr("hunter2")));
}

TEST(Plan, PrintsWithoutTypesWhatItKnows) {
  Plan plan = Bids();
  std::get<KafkaSource>(plan.nodes[0].op).schema = nullptr;
  ASSERT_TRUE(NameNodes(&plan).ok());
  const AnalyzedPlan untyped = WithoutTypes(plan);
  EXPECT_THAT(PlanToText(untyped),
              HasSubstr("source 'source-1': topic bids (json, key auction, event time ts)\n"
                        "    columns: inferred from the topic at the start; "
                        "'millrace schema infer' pins them\n"
                        "filter 'filter-1': price > 50\nwindow 'per-minute': "));
  EXPECT_THAT(PlanToMermaid(untyped), HasSubstr("  n2 --> n3\n"));
  EXPECT_THAT(PlanToJson(untyped), HasSubstr(R"("description": "price > 50", "columns": null})"));
}

TEST(Plan, BranchesAreNamedInTheText) {
  Plan plan = Bids();
  plan.nodes.push_back(Node("all", SinkNode{PlanExpr{*ParseExpr("price > 99"), {}}, ConsoleSink{}}, {1}));
  const auto analyzed = AnalyzePlan(plan);
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  EXPECT_THAT(PlanToText(*analyzed),
              HasSubstr("sink 'all' from filter-1: console (table) where price > 99\n"));
}

TEST(Secrets, AreFoundByName) {
  for (const char* name : {"sasl.password", "ssl.key.password", "SSL_KEYSTORE_PASSWORD", "ssl.key.pem",
                           "client_secret", "sasl.oauthbearer.config", "access_token"}) {
    EXPECT_TRUE(IsSecretProperty(name)) << name;
  }
  for (const char* name : {"bootstrap.servers", "sasl.username", "ssl.ca.location"}) {
    EXPECT_FALSE(IsSecretProperty(name)) << name;
  }
}

}  // namespace
}  // namespace millrace
