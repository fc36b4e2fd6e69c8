#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/build_plan.h"
#include "columnar/schema_text.h"
#include "millrace/millrace.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

App MakeApp(const std::string& dead_letter_topic = "") {
  return App({.name = "p",
              .kafka = {{"bootstrap.servers", "localhost:9092"}},
              .dead_letter_topic = dead_letter_topic});
}

DataFrame Bids(App& app) {
  return app.From(Topic("bids")
                      .Json(schema({{"ts", timestamp_ms()}, {"auction", int64()}, {"price", float64()}}))
                      .EventTime("ts"));
}

std::string Explained(const App& app) {
  std::string text = app.Explain();
  return text.substr(text.find("source"));
}

TEST(Api, TheMainJobBecomesThePlanItReadsLike) {
  App app = MakeApp();
  Bids(app)
      .Filter(col("price") > 50)
      .With("revenue", col("price") * 1.2)
      .Window(Tumbling(1min).Grace(5s).By("auction"))
      .Aggregate({count("bids"), sum("revenue", "total"), max("price", "best")})
      .To(Topic("bids_per_minute").Json().Key("auction"));
  EXPECT_EQ(Explained(app),
            "source 'source-1': topic bids (json, event time ts)\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "filter 'filter-1': price > 50\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "with 'with-1': revenue = price * 1.2\n"
            "    {ts: timestamp[ms], auction: int64, price: float64, revenue: float64}\n"
            "window 'window-1': tumbling 1m by auction, grace 5s: bids = count(), total = sum(revenue), best "
            "= max(price)\n"
            "    {auction: int64, window_start: timestamp[ms], window_end: timestamp[ms], bids: int64, "
            "total: float64, "
            "best: float64}\n"
            "sink 'sink-1': topic bids_per_minute (json, key auction)\n");
}

TEST(Api, EveryKindOfWindowAndAggregateReachesThePlan) {
  const auto explained = [](const WindowSpec& window, const Aggregation& aggregation) {
    App app = MakeApp();
    Bids(app).Window(window.By("auction")).Aggregate({aggregation}).To(Console());
    const std::string text = Explained(app);
    const std::size_t at = text.find("window '");
    return text.substr(at, text.find('\n', at) - at);
  };
  EXPECT_EQ(explained(Hopping(1h, 1min).Offset(5s), argmax("price", "ts", "a")),
            "window 'window-1': hopping 1h every 1m offset 5s by auction: a = argmax(price, ts)");
  EXPECT_EQ(explained(Sliding(10s), quantile("price", 0.5, "q")),
            "window 'window-1': sliding 10s by auction: q = quantile(price, 0.5)");
  EXPECT_EQ(explained(Session(30min), count("n").Where(col("price") > 5)),
            "window 'window-1': session 30m by auction: n = count() where price > 5");
  EXPECT_EQ(explained(CountTumbling(10), top_k("price", 3, "t")),
            "window 'window-1': count 10 every 10 by auction: t = top_k(price, 3)");
  EXPECT_EQ(explained(CountHopping(10, 4), collect("price", 7, "c")),
            "window 'window-1': count 10 every 4 by auction: c = collect(price, 7)");
  EXPECT_EQ(explained(CountSliding(2), approx_count_distinct("price", "d")),
            "window 'window-1': count 2 every 1 by auction: d = approx_count_distinct(price)");
  const WindowSpec triggered = Tumbling(1h).TriggerAfterUpdate(col("n") >= 100);
  EXPECT_EQ(explained(triggered, count("n")),
            "window 'window-1': tumbling 1h by auction, trigger n >= 100 after update: n = count()");
  EXPECT_EQ(explained(triggered.TriggerBeforeUpdate(col("t") > 5.5), sum("price", "t")),
            "window 'window-1': tumbling 1h by auction, trigger t > 5.5 before update: t = sum(price)");
}

TEST(Api, LateRowsGoToATopicOrToTheDeadLetters) {
  const auto explained = [](const std::string& dead_letter_topic, const WindowSpec& window) {
    App app = MakeApp(dead_letter_topic);
    Bids(app).Window(window.By("auction")).Aggregate({count("n")}).To(Console());
    return app.Explain();
  };
  const WindowSpec window = Tumbling(1h);
  EXPECT_THAT(explained("dead", window.LateToDeadLetters()),
              HasSubstr("tumbling 1h by auction, late rows to the dead letters: n = count()"));
  EXPECT_THAT(explained("dead", window.LateTo("late").LateToDeadLetters()),
              HasSubstr("auction, late rows to the dead letters: n"));
  EXPECT_THAT(explained("dead", window.LateToDeadLetters().LateTo("late")),
              HasSubstr("auction, late rows to late: n"));
  EXPECT_THAT(explained("", window.LateToDeadLetters()), HasSubstr("needs a dead-letter topic"));
  EXPECT_THAT(explained("dead", window.LateTo("dead")), HasSubstr("which is that of the dead letters"));
}

TEST(Api, EveryStepAndSinkReachesThePlan) {
  App app = MakeApp();
  const DataFrame bids =
      app.From(Topic("bids")
                   .Json(schema({{"k", string().NotNull()}, {"tags", list(string())}, {"x", int32()}}))
                   .Key("k")
                   .KeyFormat("json")
                   .OffsetReset("error")
                   .KeepUnknownFields()
                   .Named("in"));
  bids.Drop("_extra")
      .Rename("x", "y")
      .Cast("y", int64())
      .Explode("tags", true)
      .Select({"k", {"tag", call("upper", {col("tags")})}, "y"})
      .GroupBy({"k", "tag"}, NullKeys::kDrop)
      .Named("by-tag")
      .OnError(ErrorPolicy::kDrop)
      .Window(Tumbling(10ms).Offset(2ms).EmitCurrent().CloseByKey().LateTo("late").Named("w"))
      .Aggregate({count("y", "n"), mean("y", "m"), min("y", "lo"), first(col("y") + 1, "f"), last("y", "l"),
                  count("rows")})
      .To(Parquet("out").PartitionBy({col("k")}).Roll(1s).RollBytes(5).Named("files"))
      .To(ArrowIpc("ipc"))
      .To(Console().Json().Limit(3));
  const auto plan = BuildPlan(app);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const auto analyzed = AnalyzePlan(*plan);
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  const auto& nodes = analyzed->plan.nodes;
  const auto& source = std::get<KafkaSource>(nodes[0].op);
  EXPECT_EQ(nodes[0].name, "in");
  EXPECT_EQ(std::tie(source.key, source.key_format, source.offset_reset, source.extra),
            std::make_tuple("k", "json", "error", "keep"));
  EXPECT_EQ(SchemaText(*source.schema), "{k: string not null, tags: list<string>, x: int32}");
  EXPECT_TRUE(std::get<ExplodeStep>(nodes[4].op).keep_empty);
  EXPECT_EQ(nodes[6].name, "by-tag");
  EXPECT_EQ(nodes[6].on_error, OnError::kDrop);
  const auto& window = std::get<WindowStep>(nodes[7].op);
  EXPECT_EQ(window.by, (std::vector<std::string>{"k", "tag"})) << "the columns of the GroupBy before";
  EXPECT_EQ(window.null_key, NullKey::kDrop);
  EXPECT_EQ(window.offset, 2ms);
  EXPECT_EQ(window.emit, WindowEmit::kCurrent);
  EXPECT_EQ(window.closing, WindowClosing::kKey);
  EXPECT_EQ(window.late_topic, "late");
  EXPECT_EQ(nodes[7].name, "w");
  EXPECT_EQ(
      SchemaText(*analyzed->schemas[7]),
      "{k: string not null, tag: string, window_start: timestamp[ms], window_end: timestamp[ms], n: int64, "
      "m: float64, lo: int64, f: int64, l: int64, rows: int64, final: bool}");
  const auto& files = std::get<ParquetSink>(std::get<SinkNode>(nodes[8].op).sink);
  EXPECT_EQ(nodes[8].name, "files");
  EXPECT_EQ(files.roll, 1s);
  EXPECT_EQ(files.roll_bytes, ByteCount(5));
  EXPECT_EQ(std::get<ConsoleSink>(std::get<SinkNode>(nodes[10].op).sink).limit, 3);
  for (const NodeId sink : {8U, 9U, 10U}) EXPECT_EQ(nodes[sink].inputs, (std::vector<NodeId>{7}));
}

TEST(Api, StepsThatKeepSomethingPerKeyReachThePlan) {
  App app = MakeApp();
  const MapFunction same = [](const auto& rows, KeyedState&) { return rows; };
  Bids(app)
      .GroupBy({"auction"}, NullKeys::kDrop)
      .Deduplicate({}, 10min)
      .Changes({"auction"}, {"price"}, 2h, NullKeys::kGroup)
      .Latest("auction", 24h)
      .Expire({}, col("ts"), NullKeys::kGroup, "late")
      .Expire({}, col("ts"), NullKeys::kError, "", AlreadyOver::kPass)
      .Running({}, {count("n"), sum("price", "total").Where(col("price") > 1)}, 3h)
      .Map(StateSpec().Ttl(1h).Named("sessions"), same)
      .Map(StateSpec("auction").Returns(schema({{"auction", int64()}, {"n", int64()}})), same)
      .To(Console());
  EXPECT_EQ(Explained(app),
            "source 'source-1': topic bids (json, event time ts)\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "group_by 'group_by-1': auction\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "deduplicate 'deduplicate-1': within 10m by auction\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "changes 'changes-1': of price by auction, ttl 2h\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "latest 'latest-1': by auction, ttl 1d\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "expire 'expire-1': by auction at ts, late rows to late\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "expire 'expire-2': by auction at ts, already over pass\n"
            "    {ts: timestamp[ms], auction: int64, price: float64}\n"
            "running 'running-1': by auction, ttl 3h: n = count(), total = sum(price) where price > 1\n"
            "    {auction: int64, n: int64, total: float64}\n"
            "map 'sessions': a function with state by auction, ttl 1h\n"
            "    {auction: int64, n: int64, total: float64}\n"
            "map 'map-2': a function with state by auction\n"
            "    {auction: int64, n: int64}\n"
            "sink 'sink-1': console (table)\n");
  const Plan plan = *BuildPlan(app);
  EXPECT_EQ(std::get<DeduplicateStep>(plan.nodes[2].op).null_key, NullKey::kDrop)
      << "that of the GroupBy before";
  EXPECT_EQ(std::get<ChangesStep>(plan.nodes[3].op).null_key, NullKey::kGroup);
  EXPECT_EQ(std::get<LatestStep>(plan.nodes[4].op).null_key, NullKey::kError);
}

TEST(Api, MistakesOfStepsWithStateAreReportedTogether) {
  App app = MakeApp();
  const DataFrame bids = Bids(app);
  bids.Deduplicate({}, 1s).To(Console());
  bids.Map(StateSpec("auction"), nullptr).To(Console());
  const Status built = BuildPlan(app).status();
  EXPECT_THAT(built.message(),
              AllOf(HasSubstr("this step needs key columns"), HasSubstr("needs a function")));
  App other = MakeApp();
  const MapFunction same = [](const auto& rows, KeyedState&) { return rows; };
  Bids(other).Deduplicate("auction", 0s).To(Console());
  Bids(other).Changes("auction", {"prise"}).To(Console());
  Bids(other).Latest("ts", -1s).To(Console());
  Bids(other).Changes("auction", {"price"}, 0s).To(Console());
  Bids(other).Expire("auction", col("price")).To(Console());
  Bids(other).Running("auction", {}).To(Console());
  Bids(other).Map(StateSpec("auction").Returns(schema({{"n", int64()}})), same).To(Console());
  EXPECT_THAT(other.Explain(),
              AllOf(HasSubstr("'within' must be longer than 0"), HasSubstr("did you mean 'price'"),
                    HasSubstr("'ttl' must be longer than 0"),
                    HasSubstr("'at' must be a timestamp, but 'price' is float64"),
                    HasSubstr("'aggregate' is empty"), HasSubstr("the result has no column 'auction'")));
}

TEST(Api, ExpressionsReadAsTheirSql) {
  const std::pair<Expression, const char*> cases[] = {
      {col("a") + 1 - col("b") * 2.5 / 3 % 4, "a + 1 - b * 2.5 / 3 % 4"},
      {-col("a") == 5 && !(col("b") != "x"), "-a = 5 and not b <> 'x'"},
      {(col("a") < 1 || col("a") <= 2U) && (3L > col("a") || col("a") >= true),
       "(a < 1 or a <= 2) and (3 > a or a >= true)"},
      {col("u").Field("id").IsNull() || col("s").IsNotNull(), "u.id is null or s is not null"},
      {col("s").In({"A", "B"}), "s in ('A', 'B')"},
      {col("s").Like("a%"), "s like 'a%'"},
      {col("a").Between(1, 5), "a >= 1 and a <= 5"},
      {coalesce({col("a"), null(), 0}), "coalesce(a, null, 0)"},
      {call("upper", {col("s")}), "upper(s)"},
      {sql("case when a > 1 then 'x' else 'y' end"), "case when a > 1 then 'x' else 'y' end"},
      {lit(2) * lit(3), "2 * 3"},
      {col("odd name"), "\"odd name\""},
  };
  for (const auto& [expression, text] : cases) EXPECT_EQ(expression.ToString(), text);
  EXPECT_EQ(col("a").Cast(int64()).ToString(), sql("cast(a as int64)").ToString());
}

TEST(Api, SinksForSnapchatReachThePlan) {
  App app = MakeApp();
  const SnapchatOAuth oauth{.client_id = "c", .client_secret = "canary", .refresh_token = "canary"};
  app.From(Topic("in").Json(schema({{"email", string()}, {"n", int64()}})))
      .To(SnapchatConversions{.pixel_id = "p",
                              .oauth = oauth,
                              .event_id = col("email"),
                              .map = {{"em", col("email")}},
                              .consent = col("n") > 1,
                              .late_topic = "late",
                              .deduplicate = {.event_id = 24h, .order_id = std::nullopt},
                              .device_id = "mobile_ad_id",
                              .token_in = "header",
                              .batch_events = 7,
                              .linger = 3s,
                              .per_second = 20,
                              .app = "shop",
                              .app_per_second = 40,
                              .step_name = "events"})
      .To(SnapchatAudience{.ad_account_id = "a",
                           .segment = {.name = "vip", .create = true},
                           .action = sql("case when n > 1 then 'add' else 'remove' end"),
                           .schema = "EMAIL_SHA256",
                           .identifier = call("lower", {col("email")}),
                           .access_token = "canary",
                           .batch_identifiers = 9,
                           .url = "http://u",
                           .step_name = "members"})
      .To(SnapchatAudience{
          .segment = {.id = "s"}, .action = "remove", .schema = "EMAIL_SHA256", .access_token = "canary"});
  const auto analyzed = AnalyzePlan(*BuildPlan(app));
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  const auto& nodes = analyzed->plan.nodes;
  EXPECT_EQ(nodes[1].name, "events");
  const auto& events = std::get<SnapchatConversionsSink>(std::get<SinkNode>(nodes[1].op).sink);
  EXPECT_EQ(events.access.oauth->client_secret, "canary");
  EXPECT_EQ(events.access.per_second, 20);
  EXPECT_EQ(events.access.app, "shop");
  EXPECT_EQ(events.access.app_per_second, 40);
  EXPECT_EQ(events.access.url, SnapchatConversionsSink().access.url);
  ASSERT_EQ(events.map.size(), 2U);
  EXPECT_EQ(events.map[1].first, "event_id");
  EXPECT_EQ(events.device_id, "mobile_ad_id");
  EXPECT_EQ(events.token_in, "header");
  EXPECT_EQ(events.batch_events, 7);
  EXPECT_EQ(events.linger, 3s);
  EXPECT_EQ(events.late_topic, "late");
  EXPECT_EQ(events.deduplicate.event_id, 24h);
  EXPECT_EQ(events.deduplicate.order_id, std::nullopt);
  EXPECT_EQ(SnapchatConversions().deduplicate.event_id, 48h);
  EXPECT_EQ(SnapchatConversions().deduplicate.order_id, 30 * 24h);
  EXPECT_EQ(nodes[2].name, "members");
  const auto& members = std::get<SnapchatAudienceSink>(std::get<SinkNode>(nodes[2].op).sink);
  EXPECT_TRUE(members.segment.create);
  EXPECT_EQ(members.batch_identifiers, 9);
  EXPECT_EQ(members.access.url, "http://u");
  EXPECT_EQ(members.identifier->expr.ToString(), "lower(email)");
  EXPECT_TRUE(members.action.empty());
  const auto& removed = std::get<SnapchatAudienceSink>(std::get<SinkNode>(nodes[3].op).sink);
  EXPECT_EQ(removed.action, "remove");
  EXPECT_EQ(removed.access.url, SnapchatAudienceSink().access.url);
  EXPECT_THAT(app.Explain(), AllOf(HasSubstr("Snapchat audience s: remove EMAIL_SHA256"),
                                   testing::Not(HasSubstr("canary"))));

  App broken = MakeApp();
  const int line = __LINE__ + 1;
  Bids(broken).To(SnapchatAudience{.segment = {.id = "s"}, .action = col("prise"), .access_token = "canary"});
  EXPECT_THAT(broken.Explain(),
              AllOf(HasSubstr("api_test.cc:" + std::to_string(line)), HasSubstr("unknown column 'prise'"),
                    HasSubstr("'schema': there is no ''"), testing::Not(HasSubstr("canary"))));
}

TEST(Api, SourcesOfSnapchatReachThePlan) {
  App app = MakeApp();
  const SnapchatOAuth oauth{.client_id = "c", .client_secret = "canary", .refresh_token = "canary"};
  app.From(SnapchatProfile{.profile_ids = {"p-1"},
                           .content = {"stories"},
                           .fields = schema({{"views", int64()}}),
                           .since = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1),
                           .oauth = oauth,
                           .step_name = "shown"})
      .Filter(col("views") > 1)
      .To(Topic("out").Json());
  app.From(SnapchatStats{.report_dimension = {"country"},
                         .access_token = "canary",
                         .per_second = 3,
                         .app = "shop",
                         .app_per_second = 4})
      .Filter(col("country") == "us")
      .To(Topic("us").Json());
  app.From(SnapchatEntities{.entities = {"ads"}, .access_token = "canary"}).To(Topic("ads").Json());
  const auto analyzed = AnalyzePlan(*BuildPlan(app));
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  std::vector<KafkaSource> sources;
  for (const PlanNode& node : analyzed->plan.nodes) {
    if (const auto* source = std::get_if<KafkaSource>(&node.op)) sources.push_back(*source);
  }
  ASSERT_EQ(sources.size(), 3U);
  EXPECT_THAT(sources[0].topic, testing::EndsWith("-shown-feed"));
  const auto& profile = std::get<SnapchatProfileSource>(*sources[0].outside);
  EXPECT_EQ(profile.content, std::vector<std::string>{"stories"});
  EXPECT_EQ(profile.since, EventTime(1'767'225'600'000));
  EXPECT_EQ(profile.access.url, SnapchatProfileSource().access.url);
  EXPECT_EQ(profile.every, SnapchatProfileSource().every);
  const auto& stats = std::get<SnapchatStatsSource>(*sources[1].outside);
  EXPECT_EQ(stats.access.per_second, 3);
  EXPECT_EQ(stats.access.app, "shop");
  EXPECT_EQ(stats.access.app_per_second, 4);
  EXPECT_EQ(stats.lookback, SnapchatStatsSource().lookback);
  EXPECT_EQ(stats.access.url, SnapchatStatsSource().access.url);
  EXPECT_EQ(std::get<SnapchatEntitiesSource>(*sources[2].outside).entities, std::vector<std::string>{"ads"});
  EXPECT_THAT(app.Explain(), testing::Not(HasSubstr("canary")));

  App broken = MakeApp();
  broken.From(SnapchatProfile{.content = {"spotlight"}, .access_token = "x"}).To(Topic("out").Json());
  EXPECT_THAT(broken.Explain(), HasSubstr("'content': there is no 'spotlight' (did you mean 'spotlights'?)"));
}

TEST(Api, LeadsOfSnapchatReachThePlanAndPassOnce) {
  App app = MakeApp();
  const SnapchatCertificate tls{.certificate_file = "leads.pem", .key_file = "leads.key"};
  app.From(SnapchatLeads{.listen = ":8443",
                         .secret = "canary",
                         .header = "X-Signature",
                         .max_body_bytes = 1'000,
                         .hash = {"email"},
                         .tls = tls,
                         .step_name = "forms"})
      .Filter(col("email") != "")
      .To(Topic("out").Json());
  app.From(SnapchatLeads{.listen = ":8444", .secret = "canary", .header = "X-Signature"})
      .To(Topic("more").Json());
  app.From(SnapchatLeads{.listen = ":8445",
                         .secret = "canary",
                         .header = "X-Signature",
                         .deduplicate = std::chrono::milliseconds(0)})
      .To(Topic("all").Json());
  const auto analyzed = AnalyzePlan(*BuildPlan(app));
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  const std::vector<PlanNode>& nodes = analyzed->plan.nodes;
  const auto& leads = std::get<SnapchatLeadsSource>(*std::get<KafkaSource>(nodes[0].op).outside);
  EXPECT_EQ(leads.secret, "canary");
  EXPECT_EQ(leads.path, SnapchatLeadsSource().path);
  EXPECT_EQ(leads.max_body, ByteCount(1'000));
  EXPECT_EQ(leads.key_file, "leads.key");
  EXPECT_EQ(leads.hash, std::vector<std::string>{"email"});
  std::vector<std::string> once;
  for (const PlanNode& node : nodes) {
    const auto* const step = std::get_if<DeduplicateStep>(&node.op);
    if (step == nullptr) continue;
    once.push_back(node.name + " behind " + nodes[node.inputs.front()].name);
    EXPECT_EQ(step->within, SnapchatLeadsSource().deduplicate);
  }
  EXPECT_EQ(once, (std::vector<std::string>{"forms-once behind forms", "source-2-once behind source-2"}));
  EXPECT_THAT(app.Explain(), testing::Not(HasSubstr("canary")));

  App broken = MakeApp();
  broken.From(SnapchatLeads{.listen = ":1", .secret = "s", .header = "h", .hash = {"mail"}})
      .To(Topic("out").Json());
  EXPECT_THAT(broken.Explain(), HasSubstr("'hash': there is no 'mail'"));
}

TEST(Api, BranchesShareWhatIsBeforeThem) {
  App app = MakeApp();
  const DataFrame bids = Bids(app);
  bids.Filter(col("price") > 50).To(Topic("high"));
  bids.Filter(col("price") <= 50).To(Topic("low"));
  bids.To(Console());
  const Plan plan = *BuildPlan(app);
  ASSERT_EQ(plan.nodes.size(), 6U);
  EXPECT_EQ(plan.nodes[1].inputs, (std::vector<NodeId>{0}));
  EXPECT_EQ(plan.nodes[3].inputs, (std::vector<NodeId>{0}));
  EXPECT_EQ(plan.nodes[5].inputs, (std::vector<NodeId>{0}));
  EXPECT_TRUE(AnalyzePlan(plan).ok());
}

TEST(Api, AUnionFeedsTheNextStepFromBoth) {
  App app = MakeApp();
  const DataFrame a = Bids(app);
  const DataFrame b = app.From(
      Topic("more").Json(schema({{"ts", timestamp_ms()}, {"auction", int64()}, {"price", float64()}})));
  b.Union(a).Filter(col("price") > 1).To(Console());
  const Plan plan = *BuildPlan(app);
  EXPECT_EQ(plan.nodes[2].inputs, (std::vector<NodeId>{0, 1}));
  EXPECT_TRUE(AnalyzePlan(plan).ok());
}

TEST(Api, SettingsReachThePlan) {
  const App app({.name = "p",
                 .kafka = {},
                 .delivery = Delivery::kAtLeastOnce,
                 .commit_interval = 7ms,
                 .batch_rows = 5,
                 .workers = 3,
                 .standbys = 2,
                 .state_dir = "/s",
                 .idle_after = std::nullopt,
                 .out_of_orderness = 9ms,
                 .dead_letter_topic = "dlq",
                 .create_topics = false});
  const Plan plan = *BuildPlan(app);
  EXPECT_EQ(plan.guarantee, Guarantee::kAtLeastOnce);
  EXPECT_EQ(plan.EffectiveCommitInterval(), 7ms);
  EXPECT_EQ(plan.batch.rows, 5);
  EXPECT_EQ(plan.workers, 3);
  EXPECT_EQ(plan.standbys, 2);
  EXPECT_EQ(plan.state_dir, "/s");
  EXPECT_EQ(plan.idle_after, std::nullopt);
  EXPECT_EQ(plan.out_of_orderness, 9ms);
  EXPECT_EQ(plan.dead_letter_topic, "dlq");
  EXPECT_FALSE(plan.create_topics);
  const Plan defaults = *BuildPlan(MakeApp());
  const Plan expected;
  EXPECT_EQ(defaults.batch.rows, expected.batch.rows);
  EXPECT_EQ(defaults.batch.bytes, expected.batch.bytes);
  EXPECT_EQ(defaults.commit_bytes, expected.commit_bytes);
  EXPECT_EQ(defaults.memory, expected.memory);
  EXPECT_EQ(defaults.idle_after, expected.idle_after);
  EXPECT_EQ(defaults.max_future, expected.max_future);
  EXPECT_EQ(defaults.EffectiveCommitInterval(), expected.EffectiveCommitInterval());
}

TEST(Api, MistakesNameFileAndLineOfTheCall) {
  App app = MakeApp();
  const int line = __LINE__ + 1;
  Bids(app).Filter(col("prise") > 50).To(Console());
  EXPECT_THAT(app.Explain(), AllOf(HasSubstr("api_test.cc:" + std::to_string(line)),
                                   HasSubstr("unknown column 'prise' (did you mean 'price'?)")));
}

TEST(Api, MistakesOfTheBuilderAreReportedTogether) {
  App app = MakeApp();
  const DataFrame bids = app.From(Topic("bids").Json(schema({{"x", DataType("strng")}})).Key("a", "b"));
  bids.Filter(sql("x >")).Cast("x", DataType("int65")).To(Console());
  Bids(app).With("y", ~0ULL + col("price")).Window(Tumbling(1s)).Aggregate({count("n")}).To(Console());
  const Status status = BuildPlan(app).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  for (const char* part :
       {"the key of a topic that is read is one column", "sql(\"x >\")", "unknown type 'int65'",
        "18446744073709551615 is too large", "a window needs By(...), or a GroupBy before it"}) {
    EXPECT_THAT(status.message(), HasSubstr(part));
  }
}

TEST(Api, AStopBeforeAndDuringARunIsDeliveredOnce) {
  App app = MakeApp();
  int stops = 0;
  api_internal::StopSwitch& stop = api_internal::StopSwitchOf(app);
  stop.Attach([&] { ++stops; });
  app.Stop();
  app.Stop();
  EXPECT_EQ(stops, 1);
  stop.Detach();
  stop.Attach([&] { ++stops; });
  EXPECT_EQ(stops, 2) << "a Stop that came before is remembered";
}

}  // namespace
}  // namespace millrace
