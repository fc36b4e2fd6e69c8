#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/yaml/pipeline_file_harness.h"
#include "plan/feeds.h"

namespace millrace {
namespace {

using testing::HasSubstr;

/// A file whose source is this one line, number 2.
std::string WithSource(const std::string& source) {
  return "name: p\nsource: " + source + "\nsinks:\n  - topic: o\n";
}

TEST(OutsideReader, EntitiesAndStatisticsAreReadWithTheirDefaults) {
  auto file = Read(WithSource("{snapchat.entities: {access_token: x}}"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto& entities =
      std::get<SnapchatEntitiesSource>(*std::get<KafkaSource>(file->plan.nodes[0].op).outside);
  EXPECT_EQ(entities.access.access_token, "x");
  EXPECT_EQ(entities.access.url, "https://adsapi.snapchat.com");
  EXPECT_EQ(entities.entities.size(), 6U);
  EXPECT_EQ(entities.every, Duration(3'600'000));

  file = Read(
      WithSource("{name: ads, snapchat.stats: {oauth: {client_id: a, client_secret: b, refresh_token: c}, "
                 "ad_account_ids: [u, "
                 "v], level: ad, granularity: hour, fields: [spend], more_fields: {m: int64}, since: "
                 "\"2026-01-01T00:00:00Z\", "
                 "lookback: 3d, every: 1m, swipe_up_attribution_window: 28_DAY, rate: {per_second: 5, app: "
                 "b, app_per_second: "
                 "9}, url: \"https://x/\"}}"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto& source = std::get<KafkaSource>(file->plan.nodes[0].op);
  EXPECT_EQ(source.topic, "p-ads-feed");
  const auto& stats = std::get<SnapchatStatsSource>(*source.outside);
  EXPECT_EQ(stats.access.oauth->refresh_token, "c");
  EXPECT_EQ(stats.access.oauth->token_url, SnapchatOAuth{}.token_url);
  EXPECT_EQ(stats.access.url, "https://x");
  EXPECT_EQ(stats.access.per_second, 5);
  EXPECT_EQ(stats.access.app, "b");
  EXPECT_EQ(stats.access.app_per_second, 9);
  EXPECT_EQ(stats.ad_account_ids, (std::vector<std::string>{"u", "v"}));
  EXPECT_EQ(stats.level, "ad");
  EXPECT_EQ(stats.since, EventTime(1'767'225'600'000));
  EXPECT_EQ(stats.lookback, Duration(3 * 86'400'000LL));
  EXPECT_EQ(stats.swipe_up_attribution_window, "28_DAY");
  EXPECT_EQ(source.schema->field_names().back(), "m");
}

TEST(OutsideReader, LeadsPassOnce) {
  const std::string leads = "{snapchat.leads: {listen: \":0\", secret: s, header: h, hash: [email]";
  auto file = Read(WithSource(leads + "}}"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->plan.nodes.size(), 3U);
  EXPECT_EQ(file->plan.nodes[0].name, "source-1");
  EXPECT_EQ(file->plan.nodes[1].name, "source-1-once");
  EXPECT_EQ(std::get<DeduplicateStep>(file->plan.nodes[1].op).within, Duration(30 * 86'400'000LL));
  EXPECT_EQ(file->plan.nodes[2].inputs, std::vector<NodeId>{1});
  file = Read(WithSource(leads + ", deduplicate: 0ms, tls: {certificate_file: a, key_file: b}}}"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->plan.nodes.size(), 2U);
}

TEST(OutsideReader, APublicProfileIsRead) {
  const auto plain = Read(WithSource("{snapchat.profile: {access_token: x}}"));
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  const auto read = [](const Result<PipelineFile>& file) {
    return std::get<SnapchatProfileSource>(*std::get<KafkaSource>(file->plan.nodes[0].op).outside);
  };
  const SnapchatProfileSource defaults;
  EXPECT_EQ(read(plain).access.url, defaults.access.url);
  EXPECT_EQ(read(plain).content, defaults.content);
  EXPECT_EQ(read(plain).granularity, defaults.granularity);
  EXPECT_EQ(read(plain).lookback, defaults.lookback);
  EXPECT_EQ(read(plain).every, defaults.every);
  const auto full = Read(WithSource(
      "{snapchat.profile: {access_token: x, profile_ids: [a, b], content: [stories, stats], granularity: "
      "lifetime, fields: {views: int64}, since: \"2026-01-01T00:00:00Z\", lookback: 3d, every: 5m, rate: "
      "3}}"));
  ASSERT_TRUE(full.ok()) << full.status().message();
  EXPECT_EQ(read(full).profile_ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read(full).content, (std::vector<std::string>{"stories", "stats"}));
  EXPECT_EQ(read(full).granularity, "lifetime");
  EXPECT_EQ(read(full).fields->field(0)->name(), "views");
  EXPECT_EQ(read(full).since, EventTime(1'767'225'600'000));
  EXPECT_EQ(read(full).lookback, Duration(3 * 86'400'000LL));
  EXPECT_EQ(read(full).every, Duration(300'000));
  EXPECT_EQ(read(full).access.per_second, 3);
}

TEST(OutsideReader, MistakesHaveTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"{topic: t, snapchat.stats: {access_token: x}}",
       "p.yaml:2:36: topic and snapchat.stats cannot stand together in source"},
      {"{snapchat.stat: {}}",
       "p.yaml:2:10: unknown key 'snapchat.stat' in source (did you mean 'snapchat.stats'?)"},
      {"{name: x}",
       "source needs one of topic, snapchat.entities, snapchat.stats, snapchat.profile or snapchat.leads"},
      {"{snapchat.stats: {}}", "snapchat.stats needs one of access_token or oauth"},
      {"{snapchat.stats: {access_token: x, oauth: {client_id: a, client_secret: b, refresh_token: c}}}",
       "access_token and oauth cannot stand together"},
      {"{snapchat.stats: {oauth: {client_id: a}}}", "'client_secret' is missing in oauth"},
      {"{snapchat.stats: {access_token: x}, format: json}",
       "p.yaml:2:53: 'format' belongs to a source with 'topic', not to snapchat.stats"},
      {"{snapchat.stats: {access_token: x, level: adsquad}}", "did you mean 'ad_squad'?"},
      {"{snapchat.stats: {access_token: x, fields: [impresions]}}",
       "source 'source-1': 'fields': there is no 'impresions' (did you mean 'impressions'?)"},
      {"{snapchat.stats: {access_token: x, lookback: 1h}}",
       "p.yaml:2:54: source 'source-1': 'lookback' must be at least 48h"},
      {"{snapchat.stats: {access_token: x, report_dimension: [planet]}}",
       "source 'source-1': 'report_dimension': there is no 'planet'"},
      {"{snapchat.stats: {access_token: x, granularity: hour, report_dimension: [os]}}",
       "by the hour Snap divides nothing; choose granularity: day"},
      {"{snapchat.profile: {access_token: x, content: [spotlight]}}",
       "source 'source-1': 'content': there is no 'spotlight' (did you mean 'spotlights'?)"},
      {"{snapchat.profile: {access_token: x, fields: {views: string}}}", "'views' is string; a metric of a"},
      {"{snapchat.profile: {access_token: x, profile_ids: [a], organization_id: b}}",
       "'organization_id' and 'profile_ids' cannot stand together"},
      {"{snapchat.entities: {access_token: x, every: 0ms}}",
       "p.yaml:2:54: source 'source-1': 'every' must be"},
  };
  for (const auto& [source, message] : cases) {
    const auto file = Read(WithSource(source));
    ASSERT_FALSE(file.ok()) << source;
    EXPECT_THAT(file.status().message(), HasSubstr(message)) << source;
  }
}

}  // namespace
}  // namespace millrace
