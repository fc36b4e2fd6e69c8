#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/plan.h"

namespace millrace {
namespace {

using testing::HasSubstr;

PlanExpr E(std::string_view text) { return {*ParseExpr(text), {"f.yaml", 9, 3}}; }

SnapchatConversionsSink Conversions() {
  SnapchatConversionsSink sink;
  sink.pixel_id = "p";
  sink.access.access_token = "t";
  return sink;
}

SnapchatAudienceSink Audience() {
  SnapchatAudienceSink sink;
  sink.segment.id = "s";
  sink.action = "add";
  sink.access.access_token = "t";
  return sink;
}

/// source -> steps -> sink. The messages of the source have the key `key`.
template <typename Sink>
Plan PlanOf(Sink sink, std::vector<decltype(PlanNode::op)> steps = {}, const std::string& key = "") {
  Plan plan;
  plan.name = "p";
  KafkaSource source;
  source.topic = "in";
  source.key = key;
  source.schema =
      arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("n", arrow::int64()),
                     arrow::field("l", arrow::list(arrow::utf8())), arrow::field("email", arrow::utf8())});
  plan.nodes.resize(1);
  plan.nodes[0].op = source;
  steps.emplace_back(SinkNode{std::nullopt, std::move(sink)});
  for (auto& step : steps) {
    PlanNode node;
    node.op = std::move(step);
    node.inputs = {plan.nodes.size() - 1};
    node.location = {"f.yaml", 7, 5};
    plan.nodes.push_back(std::move(node));
  }
  plan.nodes.back().places[{"snapchat.conversions", ""}] = {{"f.yaml", 20, 5}, {"f.yaml", 21, 7}};
  plan.nodes.back().places[{"segment", ""}] = {{"f.yaml", 22, 5}, {"f.yaml", 22, 14}};
  return plan;
}

std::string ErrorOf(Plan plan) {
  const auto analyzed = AnalyzePlan(std::move(plan));
  return analyzed.ok() ? "" : analyzed.status().message();
}

template <typename Sink>
std::string ErrorOf(Sink sink, std::vector<decltype(PlanNode::op)> steps = {}, const std::string& key = "") {
  return ErrorOf(PlanOf(std::move(sink), std::move(steps), key));
}

WindowStep PerKey() {
  WindowStep window;
  window.by = {"k"};
  window.size = Duration(1'000);
  window.aggregates.push_back({"total", *ParseAggregateCall("count()"), {}});
  return window;
}

DeduplicateStep Deduplicate() {
  DeduplicateStep step;
  step.by = {"k"};
  step.within = Duration(1'000);
  return step;
}

TEST(SnapchatChecks, EventsNeedAnIdWhereTheirRowsHaveNoPlaceOfTheirOwn) {
  const std::string lost = ErrorOf(Conversions(), {PerKey()});
  EXPECT_THAT(lost, HasSubstr("f.yaml:20:5: sink 'sink-1': the rows of window 'window-1' are made of many "
                              "records, so no event can be called after its record; give an 'event_id'"));
  EXPECT_THAT(ErrorOf(Conversions(), {PerKey(), FilterStep{E("total > 1")}}), HasSubstr("'window-1'"));
  EXPECT_THAT(ErrorOf(Conversions(), {ExplodeStep{"l"}, Deduplicate()}),
              HasSubstr("explode 'explode-1' makes several rows of a record, which 'deduplicate-1' may bring "
                        "to different partitions"));

  SnapchatConversionsSink mapped = Conversions();
  mapped.map.emplace_back("event_id", E("k || cast(window_start as string)"));
  EXPECT_EQ(ErrorOf(mapped, {PerKey()}), "");
  const WithStep column{{{"event_id", E("k")}}};
  EXPECT_EQ(ErrorOf(Conversions(), {PerKey(), column}), "") << "a column of that name";
  SnapchatConversionsSink left_out = Conversions();
  left_out.leave_out = {"event_id"};
  EXPECT_THAT(ErrorOf(left_out, {PerKey(), column}), HasSubstr("give an 'event_id'"));
}

TEST(SnapchatChecks, EventsNeedAnIdWhereExplodedRowsComeOnSeveralWays) {
  const FilterStep some{E("n > 1")};
  const FilterStep others{E("n <= 1")};
  const auto joined = [&](std::vector<decltype(PlanNode::op)> steps) {
    // source -> first -> (second and third) -> sink
    Plan plan = PlanOf(Conversions(), std::move(steps));
    plan.nodes[3].inputs = {1};
    plan.nodes[4].inputs = {2, 3};
    return ErrorOf(std::move(plan));
  };
  EXPECT_THAT(joined({ExplodeStep{"l"}, some, others}),
              HasSubstr("explode 'explode-1' makes several rows of a record, which come on several ways"));
  EXPECT_EQ(joined({FilterStep{E("n > 0")}, some, others}), "");
  EXPECT_EQ(joined({FilterStep{E("n > 0")}, ExplodeStep{"l"}, ExplodeStep{"l"}}), "") << "each on its own";
}

TEST(SnapchatChecks, OtherStepsLeaveRowsTheirPlace) {
  RunningStep running;
  running.by = {"k"};
  running.aggregates.push_back({"total", *ParseAggregateCall("count()"), {}});
  LatestStep latest;
  latest.by = {"k"};
  latest.ttl = Duration(5);
  ChangesStep changes;
  changes.by = {"k"};
  changes.columns = {"n"};
  EXPECT_EQ(ErrorOf(Conversions(), {FilterStep{E("n > 1")}, Deduplicate(), changes, latest, running}), "");
  EXPECT_EQ(ErrorOf(Conversions(), {GroupByStep{{"k"}}}), "");
  EXPECT_EQ(ErrorOf(Conversions(), {Deduplicate(), ExplodeStep{"l"}}), "") << "exploded rows stay together";
  EXPECT_EQ(ErrorOf(Conversions(), {ExplodeStep{"l"}, Deduplicate()}, "k"), "") << "the key of all messages";
}

TEST(SnapchatChecks, EventsAreNoOlderThanSnapReports) {  // F99
  SnapchatConversionsSink sink = Conversions();
  sink.max_event_age = Duration(37LL * 24 * 3'600'000);
  EXPECT_EQ(ErrorOf(sink), "");
  sink.max_event_age += Duration(1);
  EXPECT_THAT(ErrorOf(sink), HasSubstr("'max_event_age' is at most 37d"));
}

TEST(SnapchatChecks, ASinkHasOneWayToItsToken) {
  SnapchatConversionsSink neither = Conversions();
  neither.access.access_token.clear();
  EXPECT_THAT(ErrorOf(neither), HasSubstr("either 'access_token' or 'oauth'"));
  SnapchatAudienceSink both = Audience();
  both.access.oauth = SnapchatOAuth{.client_id = "c", .client_secret = "canary", .refresh_token = "canary"};
  EXPECT_THAT(ErrorOf(both), HasSubstr("either 'access_token' or 'oauth'"));
  EXPECT_THAT(ErrorOf(both), testing::Not(HasSubstr("canary")));
  both.access.access_token.clear();
  EXPECT_EQ(ErrorOf(both), "");
  SnapchatConversionsSink nowhere = Conversions();
  nowhere.pixel_id.clear();
  EXPECT_THAT(ErrorOf(nowhere), HasSubstr("it needs one of 'pixel_id', 'app_id' and 'asset_id'"));
}

TEST(SnapchatChecks, AnAudienceHasASegmentAnActionAndASchema) {
  EXPECT_EQ(ErrorOf(Audience()), "");
  const auto with = [](auto change) {
    SnapchatAudienceSink sink = Audience();
    change(sink);
    return ErrorOf(std::move(sink));
  };
  EXPECT_EQ(with([](auto& sink) { sink.action_of_row = E("case when n > 1 then 'add' end"); }), "");
  EXPECT_EQ(with([](auto& sink) { sink.action_of_row = E("case when _tombstone then 'add' end"); }), "");
  EXPECT_THAT(
      with([](auto& sink) { sink.action_of_row = E("n > 1"); }),
      HasSubstr("f.yaml:9:3: sink 'sink-1': 'action' is add, remove, or an expression that gives 'add' "
                "or 'remove'; 'n > 1' is bool"));
  EXPECT_THAT(with([](auto& sink) { sink.action = "ad"; }),
              HasSubstr("'action': there is no 'ad' (did you mean 'add'?)"));
  EXPECT_THAT(with([](auto& sink) { sink.schema = "EMAIL"; }), HasSubstr("'schema': there is no 'EMAIL'"));
  EXPECT_THAT(with([](auto& sink) { sink.identifier = E("emial"); }), HasSubstr("unknown column 'emial'"));
  EXPECT_THAT(with([](auto& sink) { sink.segment = {}; }),
              HasSubstr("f.yaml:22:14: sink 'sink-1': a segment has either an 'id' or a 'name'"));
  EXPECT_THAT(with([](auto& sink) { sink.segment = {.name = "vip"}; }),
              HasSubstr("a segment by its name needs 'ad_account_id'"));
  EXPECT_EQ(with([](auto& sink) {
              sink.segment = {.name = "vip"};
              sink.ad_account_id = "a";
            }),
            "");
  const auto named = [&](const char* letter, int letters) {
    return with([&](auto& sink) {
      sink.segment.id = "";
      for (int i = 0; i < letters; ++i) sink.segment.name += letter;
      sink.ad_account_id = "a";
    });
  };
  for (const char* letter : {"x", "\u00fc", "\u4e2d", "\U0001f47b"}) {
    EXPECT_EQ(named(letter, 375), "") << letter;
    EXPECT_THAT(named(letter, 376), HasSubstr("at most 375 characters")) << letter;
  }
}

TEST(SnapchatChecks, NumbersOfAProgramAreBounded) {
  const auto audience = [](auto change) {
    SnapchatAudienceSink sink = Audience();
    change(sink);
    return ErrorOf(std::move(sink));
  };
  EXPECT_THAT(audience([](auto& sink) { sink.batch_identifiers = 100'001; }),
              HasSubstr("'identifiers' must be from 1 to 100000, not 100001"));
  EXPECT_THAT(audience([](auto& sink) { sink.batch_identifiers = 0; }), HasSubstr("not 0"));
  EXPECT_THAT(audience([](auto& sink) { sink.access.per_second = 0; }), HasSubstr("'per_second' must be"));
  EXPECT_THAT(audience([](auto& sink) { sink.access.app_per_second = 1'001; }),
              HasSubstr("'app_per_second' must be from 1 to 1000, not 1001"));
  EXPECT_THAT(audience([](auto& sink) { sink.batch_bytes = ByteCount(0); }), HasSubstr("'bytes'"));
  EXPECT_THAT(audience([](auto& sink) { sink.linger = Duration(-1); }), HasSubstr("'linger'"));
  EXPECT_THAT(audience([](auto& sink) { sink.segment.retention_in_days = 0; }),
              HasSubstr("'retention_in_days' must be from 1 to 9999"));
  SnapchatConversionsSink conversions = Conversions();
  conversions.batch_events = 2'001;
  conversions.access.per_second = -1;
  EXPECT_THAT(ErrorOf(conversions), testing::AllOf(HasSubstr("'events' must be from 1 to 2000, not 2001"),
                                                   HasSubstr("'per_second' must be from 1 to 1000, not -1")));
}

TEST(SnapchatChecks, ThePlanAsTextSaysWhatTheSinkDoesAndNoSecret) {
  SnapchatAudienceSink sink = Audience();
  sink.access.oauth = SnapchatOAuth{.client_id = "c", .client_secret = "canary", .refresh_token = "canary"};
  sink.access.access_token.clear();
  sink.segment = {.name = "vip", .create = true};
  sink.ad_account_id = "a-1";
  sink.identifier = E("lower(email)");
  PlanNode node;
  node.op = SinkNode{std::nullopt, sink};
  EXPECT_EQ(DescribeNode(node),
            "Snapchat audience 'vip' of ad account a-1 (created when missing): add EMAIL_SHA256 of "
            "lower(email)");
  sink.action_of_row = E("kind");
  sink.segment = {.id = "s-1"};
  sink.identifier.reset();
  node.op = SinkNode{std::nullopt, sink};
  EXPECT_EQ(DescribeNode(node), "Snapchat audience s-1: kind EMAIL_SHA256");
}

TEST(SnapchatChecks, AnAddressHasAScheme) {
  auto events = Conversions();
  events.access.url = "tr.snapchat.com";
  EXPECT_THAT(ErrorOf(events), HasSubstr("'url' must begin with https:// or http://"));
  auto people = Audience();
  people.access.url = "localhost:80";
  EXPECT_THAT(ErrorOf(people), HasSubstr("'url' must begin with https:// or http://"));
}

TEST(SnapchatChecks, WhatIsDoneWithoutConsentNeedsTheQuestionOfConsent) {
  auto sink = Conversions();
  sink.without_consent = "LMU";
  EXPECT_THAT(ErrorOf(sink), HasSubstr("there is no 'consent'"));
  sink.without_consent = "drop";
  EXPECT_THAT(ErrorOf(sink), testing::Not(HasSubstr("consent")));
}

}  // namespace
}  // namespace millrace
