#include "engine/yaml/pipeline_file.h"

#include <string>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"
#include "engine/yaml/pipeline_file_harness.h"

namespace millrace {
namespace {

using testing::HasSubstr;

constexpr const char* kBids = R"(# bids.yaml
name: bids-per-minute
kafka:
  bootstrap.servers: ${KAFKA:-localhost:9092}
guarantee: exactly_once            # or at_least_once
source:
  topic: bids
  format: json
  key: auction                     # the message key is this column: no repartition needed
  timestamp: ts                    # event time column; the Kafka timestamp when absent
  schema: {ts: timestamp[ms], auction: int64, bidder: int64, price: double}
steps:
  - filter: price > 50
  - with: {revenue: price * 1.2}
  - window:
      by: [auction]
      tumbling: 1m
      grace: 5s
      aggregate: {bids: count(), total: sum(revenue), best: max(price)}
sinks:
  - topic: bids_per_minute
    format: json
    key: auction
  - parquet: {path: out/bids, partition_by: [date(window_start)]}
)";

TEST(PipelineFile, ReadsTheMainJob) {
  const Result<PipelineFile> file = Read(kBids);
  ASSERT_TRUE(file.ok()) << file.status().message();
  const Plan& plan = file->plan;
  EXPECT_EQ(plan.name, "bids-per-minute");
  EXPECT_EQ(plan.kafka.at("bootstrap.servers"), "localhost:9092");
  EXPECT_EQ(plan.guarantee, Guarantee::kExactlyOnce);
  ASSERT_EQ(plan.nodes.size(), 6U);

  const auto& source = std::get<KafkaSource>(plan.nodes[0].op);
  EXPECT_EQ(source.topic, "bids");
  EXPECT_EQ(source.key, "auction");
  EXPECT_EQ(source.timestamp->expr.AsColumn(), "ts");
  EXPECT_EQ(SchemaText(*source.schema), "{ts: timestamp[ms], auction: int64, bidder: int64, price: float64}");

  EXPECT_EQ(plan.nodes[1].name, "filter-1");
  EXPECT_EQ(plan.nodes[1].location.ToString(), "p.yaml:13:5");
  EXPECT_EQ(std::get<FilterStep>(plan.nodes[1].op).predicate.location.ToString(), "p.yaml:13:13");
  EXPECT_EQ(std::get<WithStep>(plan.nodes[2].op).columns[0].first, "revenue");

  const auto& window = std::get<WindowStep>(plan.nodes[3].op);
  EXPECT_EQ(window.by, std::vector<std::string>{"auction"});
  EXPECT_EQ(window.size, Duration(60'000));
  EXPECT_EQ(window.grace, Duration(5'000));
  ASSERT_EQ(window.aggregates.size(), 3U);
  EXPECT_EQ(window.aggregates[1].name, "total");
  EXPECT_EQ(window.aggregates[1].call.function, "sum");

  const auto& kafka = std::get<KafkaSink>(std::get<SinkNode>(plan.nodes[4].op).sink);
  EXPECT_EQ(kafka.key, std::vector<std::string>{"auction"});
  const auto& parquet = std::get<ParquetSink>(std::get<SinkNode>(plan.nodes[5].op).sink);
  EXPECT_EQ(parquet.path, "out/bids");
  EXPECT_EQ(parquet.partition_by.size(), 1U);
  EXPECT_EQ(plan.nodes[5].inputs, std::vector<NodeId>{3});
}

TEST(PipelineFile, ASinkOfConversionEventsIsRead) {
  const auto read = [](const std::string& settings) {
    return Read("name: p\nsource: {topic: t}\nsinks:\n  - snapchat.conversions: {access_token: x, " +
                settings + "}\n");
  };
  const auto sink_of = [](const Result<PipelineFile>& file) -> const SnapchatConversionsSink& {
    return std::get<SnapchatConversionsSink>(std::get<SinkNode>(file->plan.nodes[1].op).sink);
  };
  const Result<PipelineFile> plain = read("pixel_id: p1");
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  const SnapchatConversionsSink defaults;
  const SnapchatConversionsSink& sink = sink_of(plain);
  EXPECT_EQ(sink.pixel_id, "p1");
  EXPECT_EQ(sink.access.access_token, "x");
  EXPECT_FALSE(sink.access.oauth.has_value());
  EXPECT_EQ(sink.access.url, defaults.access.url);
  EXPECT_EQ(sink.max_event_age, defaults.max_event_age);
  EXPECT_EQ(sink.max_event_ahead, defaults.max_event_ahead);
  EXPECT_EQ(sink.time_unit, defaults.time_unit);
  EXPECT_EQ(sink.device_id, defaults.device_id);
  EXPECT_EQ(sink.token_in, defaults.token_in);
  EXPECT_EQ(sink.batch_events, defaults.batch_events);
  EXPECT_EQ(sink.batch_bytes, defaults.batch_bytes);
  EXPECT_EQ(sink.linger, defaults.linger);
  EXPECT_EQ(sink.access.per_second, defaults.access.per_second);
  EXPECT_EQ(sink.mode, defaults.mode);
  EXPECT_EQ(plain->plan.EffectiveCommitInterval(), Duration(1'000)) << "that of linger";
  EXPECT_GT(plain->plan.TransactionTimeout(), Duration(300'000)) << "the service may be slow";

  const Result<PipelineFile> full = read(
      "asset_id: a, map: {em: mail}, leave_out: [status, city], late: l, batch: {events: 5, linger: 3s}, "
      "rate: 20, mode: validate, test_event_code: c, max_event_age: 37d, time_unit: ms, consent: agreed, "
      "without_consent: LDU, device_id: mobile_ad_id, token_in: header");
  ASSERT_TRUE(full.ok()) << full.status().message();
  EXPECT_EQ(sink_of(full).asset_id->expr.ToString(), "a");
  EXPECT_EQ(sink_of(full).map.at(0).first, "em");
  EXPECT_EQ(sink_of(full).leave_out, (std::vector<std::string>{"status", "city"}));
  EXPECT_EQ(sink_of(full).late_topic, "l");
  EXPECT_EQ(sink_of(full).consent->expr.ToString(), "agreed");
  EXPECT_EQ(sink_of(full).without_consent, "LDU");
  EXPECT_EQ(sink_of(full).device_id, "mobile_ad_id");
  EXPECT_EQ(sink_of(full).token_in, "header");
  EXPECT_EQ(sink_of(full).batch_events, 5);
  EXPECT_EQ(sink_of(full).access.per_second, 20);
  EXPECT_EQ(full->plan.EffectiveCommitInterval(), Duration(3'000));

  const Result<PipelineFile> late = read("pixel_id: p1, late: dead_letter");
  EXPECT_THAT(late.status().message(), HasSubstr("'late: dead_letter' needs a dead-letter topic"));

  EXPECT_THAT(read("pixel_id: a, app_id: b").status().message(), HasSubstr("cannot stand together"));
  EXPECT_THAT(read("map: {em: mail}").status().message(), HasSubstr("pixel_id"));
}

TEST(PipelineFile, DefaultsAreThoseOfThePlan) {
  const Result<PipelineFile> file = Read("name: p\nsource: {topic: t}\nsinks: [{topic: o}]\n");
  ASSERT_TRUE(file.ok()) << file.status().message();
  const Plan& plan = file->plan;
  const Plan defaults;
  EXPECT_EQ(plan.guarantee, defaults.guarantee);
  EXPECT_EQ(plan.commit_interval, defaults.commit_interval);
  EXPECT_EQ(plan.commit_bytes, defaults.commit_bytes);
  EXPECT_EQ(plan.batch.rows, defaults.batch.rows);
  EXPECT_EQ(plan.batch.bytes, defaults.batch.bytes);
  EXPECT_EQ(plan.batch.delay, defaults.batch.delay);
  EXPECT_EQ(plan.workers, defaults.workers);
  EXPECT_EQ(plan.standbys, defaults.standbys);
  EXPECT_EQ(plan.memory, defaults.memory);
  EXPECT_EQ(plan.state_dir, defaults.state_dir);
  EXPECT_EQ(plan.idle_after, defaults.idle_after);
  EXPECT_EQ(plan.out_of_orderness, defaults.out_of_orderness);
  EXPECT_EQ(plan.max_future, defaults.max_future);
  EXPECT_EQ(plan.create_topics, defaults.create_topics);
  const KafkaSource source;
  const auto& read = std::get<KafkaSource>(plan.nodes[0].op);
  EXPECT_EQ(read.format, source.format);
  EXPECT_EQ(read.key_format, source.key_format);
  EXPECT_EQ(read.offset_reset, source.offset_reset);
  EXPECT_EQ(read.schema, nullptr);
  const ParquetSink parquet;
  const Result<PipelineFile> with_file = Read("name: p\nsource: {topic: t}\nsinks: [{parquet: out}]\n");
  ASSERT_TRUE(with_file.ok()) << with_file.status().message();
  const auto& sink = std::get<ParquetSink>(std::get<SinkNode>(with_file->plan.nodes[1].op).sink);
  EXPECT_EQ(sink.path, "out");
  EXPECT_EQ(sink.roll, parquet.roll);
  EXPECT_EQ(sink.roll_bytes, parquet.roll_bytes);
}

TEST(PipelineFile, EveryKindOfStepReads) {
  for (const std::string line : {
           "filter: a > ${LIMIT}",
           "with: {x: a + 1, y: coalesce(a, b)}",
           "select: [a, {b: a + 1}, c]",
           "select: {a: a, b: a * 2}",
           "drop: a",
           "drop: [a, b]",
           "rename: {a: b}",
           "cast: {a: int32, b: decimal(10, 2)}",
           "explode: items",
           "explode: {column: items, keep_empty: true}",
           "group_by: a",
           "group_by: {by: [a, b], null_key: drop}",
           "window: {by: a, tumbling: 10s, aggregate: {n: count()}, late: {topic: l}, emit: current}",
           "window: {by: a, hopping: {size: 10s, step: 1s}, closing: key, aggregate: {n: count()}}",
           "window: {by: a, tumbling: 1s, aggregate: {n: count()}, trigger: {when: n > 1, after: update}}",
           "{filter: a, name: keep, on_error: drop}",
       }) {
    const Result<PipelineFile> file = Read(WithStep5(line));
    EXPECT_TRUE(file.ok()) << line << "\n" << file.status().message();
  }
}

TEST(PipelineFile, ATriggerIsAskedAfterOrBeforeAnUpdate) {
  for (const bool before : {false, true}) {
    const Result<PipelineFile> file =
        Read(WithStep5("window: {by: a, tumbling: 1s, aggregate: {n: count()}, trigger: {when: n > 1, " +
                       std::string(before ? "before" : "after") + ": update}}"));
    ASSERT_TRUE(file.ok()) << file.status().message();
    const auto& trigger = std::get<WindowStep>(file->plan.nodes[1].op).trigger;
    ASSERT_TRUE(trigger.has_value());
    EXPECT_EQ(trigger->before, before);
    EXPECT_EQ(trigger->when.expr.ToString(), "n > 1");
    EXPECT_EQ(trigger->when.location.line, 5);
  }
}

TEST(PipelineFile, AWindowTakesItsKeysFromTheGroupByBefore) {
  const Result<PipelineFile> file = Read(
      "name: p\nsource: {topic: t}\nsteps:\n  - group_by: [a, b]\n  - filter: a > 1\n"
      "  - window: {tumbling: 1s, aggregate: {n: count()}}\nsinks: [{console: json}]\n");
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(std::get<WindowStep>(file->plan.nodes[3].op).by, (std::vector<std::string>{"a", "b"}));
}

TEST(PipelineFile, SeveralSourcesAreAUnion) {
  const Result<PipelineFile> file =
      Read("name: p\nsources:\n  - topic: a\n  - topic: b\nsteps:\n  - drop: x\nsinks: [{topic: o}]\n");
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->plan.nodes[2].inputs, (std::vector<NodeId>{0, 1}));
}

TEST(PipelineFile, WhereToBeginIsOneOfThree) {
  const auto read = [](const std::string& where) {
    return Read("name: p\nsource:\n  topic: t\n  offset_reset: " + where + "\nsinks: [{topic: o}]\n");
  };
  for (const std::string where : {"earliest", "latest", "error"}) {
    const Result<PipelineFile> file = read(where);
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(std::get<KafkaSource>(file->plan.nodes[0].op).offset_reset, where);
  }
  const Result<PipelineFile> file = read("lates");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), HasSubstr("p.yaml:4:17: "));
  EXPECT_THAT(file.status().message(), HasSubstr("did you mean 'latest'?"));
}

TEST(PipelineFile, ReadsTests) {
  const Result<PipelineFile> file = Read(std::string(kBids) + R"(tests:
  - name: a window closes
    start: 2024-01-01T00:00:00Z
    input:
      - value: {ts: 1, auction: 7, bidder: 1, price: 60}
      - value: null
        key: x
        headers: {h: v}
        timestamp: 5
      - value: "not json"
      - advance: 10s
    output:
      bids_per_minute:
        - {auction: 7, window_start: 0, window_end: 60000, bids: 1, total: 72.0, best: 60.0}
      sink-2: []
    late: 0
    dead_letters: 1
)");
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tests.size(), 1U);
  const PipelineTest& test = file->tests[0];
  EXPECT_EQ(test.start, EventTime(1'704'067'200'000));
  ASSERT_EQ(test.input.size(), 4U);
  const auto& first = std::get<TestInputRecord>(test.input[0]);
  EXPECT_EQ(first.topic, "bids");
  EXPECT_EQ(first.key, "7");  // the source says that the key is this column
  EXPECT_EQ(first.value, "{\"ts\":1,\"auction\":7,\"bidder\":1,\"price\":60}");
  const auto& second = std::get<TestInputRecord>(test.input[1]);
  EXPECT_EQ(second.value, std::nullopt);
  EXPECT_EQ(second.key, "x");
  EXPECT_EQ(second.timestamp, EventTime(5));
  EXPECT_EQ(second.headers.size(), 1U);
  EXPECT_EQ(std::get<TestInputRecord>(test.input[2]).value, "not json");
  EXPECT_EQ(std::get<TestAdvance>(test.input[3]).by, Duration(10'000));
  ASSERT_EQ(test.output.size(), 2U);
  EXPECT_EQ(test.output[0].rows.size(), 1U);
  EXPECT_EQ(test.late, 0);
  EXPECT_EQ(test.dead_letters, 1);
}

}  // namespace
}  // namespace millrace
