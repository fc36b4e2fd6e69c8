#include "plan/feeds.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"
#include "plan/stats_fields.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Plan Reading(OutsideSource outside) {
  KafkaSource source;
  source.outside = std::make_shared<const OutsideSource>(std::move(outside));
  KafkaSink sink;
  sink.topic = "out";
  PlanNode from;
  from.op = source;
  PlanNode to;
  to.op = SinkNode{std::nullopt, sink};
  to.inputs = {0};
  Plan plan;
  plan.name = "p";
  plan.nodes = {from, to};
  return plan;
}

SnapchatStatsSource Stats() {
  SnapchatStatsSource source;
  source.access.access_token = "canary-token";
  return source;
}

std::string MistakeOf(const OutsideSource& source) {
  const auto analyzed = AnalyzePlan(Reading(source));
  return analyzed.ok() ? "" : analyzed.status().message();
}

TEST(Feeds, ASourceOutsideKafkaIsReadThroughATopicNamedAfterIt) {
  const auto analyzed = AnalyzePlan(Reading(Stats()));
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  const auto& source = std::get<KafkaSource>(analyzed->plan.nodes[0].op);
  EXPECT_EQ(source.topic, "p-source-1-feed");
  EXPECT_EQ(source.key, "key");
  EXPECT_EQ(SchemaText(*analyzed->schemas[0]),
            "{key: string, level: string, entity_id: string, ad_account_id: string, granularity: string, "
            "start_time: timestamp[ms, rfc3339], end_time: timestamp[ms, rfc3339], currency: string, "
            "impressions: int64, swipes: int64, spend: decimal(20, 6)}");
}

TEST(Feeds, NoSecretIsShown) {
  SnapchatEntitiesSource entities;
  entities.access.oauth = SnapchatOAuth{"me", "canary-secret", "canary-refresh"};
  entities.ad_account_ids = {"a1", "a2"};
  for (const OutsideSource& source : {OutsideSource(entities), OutsideSource(Stats())}) {
    const auto analyzed = AnalyzePlan(Reading(source));
    ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
    for (const std::string& text : {PlanToText(*analyzed), PlanToJson(*analyzed), PlanToMermaid(*analyzed)}) {
      EXPECT_THAT(text, Not(HasSubstr("canary")));
      EXPECT_THAT(text, HasSubstr("through topic p-source-1-feed"));
    }
  }
  EXPECT_EQ(
      DescribeOutside(entities),
      "Snapchat organizations, ad_accounts, campaigns, ad_squads, ads, creatives of ad accounts a1, a2, "
      "every 1h");
}

TEST(Feeds, ThePipelineWritesToNeitherOfItsTopics) {
  for (const char* topic : {"p-source-1-feed", "p-source-1-position"}) {
    Plan plan = Reading(Stats());
    std::get<KafkaSink>(std::get<SinkNode>(plan.nodes[1].op).sink).topic = topic;
    const auto analyzed = AnalyzePlan(plan);
    ASSERT_FALSE(analyzed.ok());
    EXPECT_THAT(analyzed.status().message(), HasSubstr("which this pipeline keeps for itself"));
  }
}

TEST(Feeds, WhatSnapDoesNotAnswerIsRefused) {
  const std::pair<void (*)(SnapchatStatsSource&), const char*> cases[] = {
      {[](auto& s) { s.level = "account"; }, ""},
      {[](auto& s) { s.granularity = "total"; }, ""},
      {[](auto& s) { s.fields = {"uniques"}; }, ""},
      {[](auto& s) { s.more_fields = arrow::schema({*ParseField("new_metric", "int64")}); }, ""},
      {[](auto& s) {
         s.level = "account";
         s.fields = {"swipes"};
       },
       "'swipes': of a whole account Snap gives nothing but spend"},
      {[](auto& s) {
         s.granularity = "hour";
         s.fields = {"uniques"};
       },
       "by the hour Snap gives no uniques"},
      {[](auto& s) {
         s.granularity = "hour";
         s.fields = {"frequency"};
       },
       "by the hour Snap gives no uniques"},
      {[](auto& s) { s.granularity = "month"; }, "'granularity': there is no 'month'"},
      {[](auto& s) { s.level = "adsquad"; }, "'level': there is no 'adsquad' (did you mean 'ad_squad'?)"},
      {[](auto& s) { s.fields = {"impresions"}; },
       "'fields': there is no 'impresions' (did you mean 'impressions'?)"},
      {[](auto& s) {
         s.fields = {"spend", "spend"};
       },
       "two columns would be called 'spend'"},
      {[](auto& s) { s.more_fields = arrow::schema({*ParseField("key", "int64")}); },
       "two columns would be called 'key'"},
      {[](auto& s) { s.more_fields = arrow::schema({*ParseField("x", "string")}); },
       "'x' is string; a metric is"},
      {[](auto& s) { s.lookback = Duration(3'600'000); }, "'lookback' must be at least 48h"},
      {[](auto& s) { s.every = Duration(10); }, "'every' must be at least 1s"},
      {[](auto& s) { s.access.access_token = ""; }, "give one of 'access_token' and 'oauth'"},
      {[](auto& s) { s.access.url = "adsapi.snapchat.com"; }, "'url' must begin with https://"},
  };
  for (const auto& [change, message] : cases) {
    SnapchatStatsSource source = Stats();
    change(source);
    const std::string mistake = MistakeOf(source);
    if (*message == 0) {
      EXPECT_EQ(mistake, "");
    } else {
      EXPECT_THAT(mistake, HasSubstr(message));
    }
  }
}

TEST(Feeds, EntitiesAreOfOneOrganisationOrOfAccounts) {
  SnapchatEntitiesSource source;
  source.access.access_token = "x";
  EXPECT_EQ(MistakeOf(source), "");
  source.organization_id = "o";
  source.ad_account_ids = {"a"};
  EXPECT_THAT(MistakeOf(source), HasSubstr("'organization_id' and 'ad_account_ids' cannot stand together"));
  source.ad_account_ids = {};
  source.entities = {"campaign"};
  EXPECT_THAT(MistakeOf(source), HasSubstr("there is no 'campaign' (did you mean 'campaigns'?)"));
}

TEST(Feeds, APublicProfileHasColumnsForWhatItShowsAndForMetrics) {
  SnapchatProfileSource source;
  source.access.access_token = "canary-token";
  source.fields = arrow::schema({*ParseField("views", "int64")});
  const auto analyzed = AnalyzePlan(Reading(source));
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  const arrow::Schema& schema = *analyzed->schemas[0];
  const std::pair<const char*, const char*> types[] = {{"subscriber_count", "int64"},
                                                       {"share_authorized_data_with_api_partners", "bool"},
                                                       {"created_at", "timestamp[ms, rfc3339]"},
                                                       {"expires_at", "timestamp[ms, rfc3339]"},
                                                       {"object", "json"},
                                                       {"views", "int64"}};
  for (const auto& [name, type] : types) {
    ASSERT_NE(schema.GetFieldByName(name), nullptr) << name;
    EXPECT_THAT(SchemaText(schema), HasSubstr(std::string(name) + ": " + type)) << name;
  }
  EXPECT_THAT(PlanToText(*analyzed),
              HasSubstr("Snapchat profiles, stories, saved_stories, spotlights, stats"));
  EXPECT_THAT(PlanToText(*analyzed), Not(HasSubstr("canary")));
}

TEST(Feeds, WhatAPublicProfileCannotBeAskedIsRefused) {
  const std::pair<void (*)(SnapchatProfileSource&), const char*> cases[] = {
      {[](auto& s) { s.content = {"shared_snaps"}; }, ""},
      {[](auto& s) { s.granularity = "lifetime"; }, ""},
      {[](auto& s) { s.content = {}; }, "'content' is empty"},
      {[](auto& s) { s.content = {"lenses"}; }, "'content': there is no 'lenses'"},
      {[](auto& s) { s.granularity = "hour"; }, "'granularity': there is no 'hour'"},
      {[](auto& s) { s.lookback = Duration(3'600'000); }, "'lookback' must be at least 24h"},
      {[](auto& s) { s.fields = arrow::schema({*ParseField("kind", "int64")}); },
       "two columns would be called 'kind'"},
      {[](auto& s) { s.fields = arrow::schema({*ParseField("x", "decimal(20, 6)")}); },
       "a metric of a profile is int64 or float64"},
  };
  for (const auto& [change, message] : cases) {
    SnapchatProfileSource source;
    source.access.access_token = "x";
    change(source);
    const std::string mistake = MistakeOf(source);
    EXPECT_EQ(mistake.empty(), *message == 0) << mistake;
    EXPECT_THAT(mistake, HasSubstr(message));
  }
}

TEST(Feeds, DimensionsOfStatisticsAreColumns) {
  SnapchatStatsSource source = Stats();
  source.report_dimension = {"age", "gender"};
  const auto analyzed = AnalyzePlan(Reading(source));
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  EXPECT_THAT(SchemaText(*analyzed->schemas[0]),
              HasSubstr("currency: string, age: string, gender: string, "));
  source.report_dimension = {"age", "age"};
  EXPECT_THAT(MistakeOf(source), HasSubstr("two columns would be called 'age'"));
}

SnapchatLeadsSource Leads() {
  SnapchatLeadsSource source;
  source.listen = ":8443";
  source.secret = "canary-secret";
  source.header = "X-Signature";
  return source;
}

TEST(Feeds, LeadsAreKeyedByTheirIdAndHaveNoPosition) {
  const auto analyzed = AnalyzePlan(Reading(Leads()));
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  EXPECT_EQ(std::get<KafkaSource>(analyzed->plan.nodes[0].op).key, "lead_id");
  EXPECT_TRUE(IsTold(*std::get<KafkaSource>(analyzed->plan.nodes[0].op).outside));
  EXPECT_THAT(PlanToText(*analyzed), Not(HasSubstr("canary")));
  EXPECT_THAT(PlanToText(*analyzed), HasSubstr("Snapchat leads sent to :8443/leads, through topic"));
}

TEST(Feeds, AWebhookThatCannotWorkIsRefused) {
  const std::pair<void (*)(SnapchatLeadsSource&), const char*> cases[] = {
      {[](auto& s) { s.secret = ""; }, "'secret' must not be empty"},
      {[](auto& s) { s.path = "leads"; }, "'path' must begin with /"},
      {[](auto& s) { s.hash = {"lead_id"}; }, "'hash': there is no 'lead_id'"},
      {[](auto& s) { s.algorithm = "md5"; }, "'algorithm': there is no 'md5'"},
      {[](auto& s) { s.key_file = "key.pem"; }, "'tls' needs both"},
  };
  for (const auto& [change, message] : cases) {
    SnapchatLeadsSource source = Leads();
    change(source);
    EXPECT_THAT(MistakeOf(source), HasSubstr(message));
  }
}

TEST(Feeds, EveryMetricHasAColumnType) {
  for (const std::string& name : StatsFieldNames()) {
    EXPECT_TRUE(ParseField(name, StatsFieldType(name)).ok()) << name;
    EXPECT_EQ(StatsFieldType(name) == "decimal(20, 6)", name == "spend" || name.ends_with("_value")) << name;
  }
  EXPECT_EQ(StatsFieldType("nothing"), "");
}

}  // namespace
}  // namespace millrace
