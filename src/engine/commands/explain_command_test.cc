// What `explain` and `graph` say of a pipeline, with and without declared schemas.
#include "engine/commands/explain_command.h"

#include <memory>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/commands/command_harness.h"
#include "engine/commands/inspect_commands.h"
#include "engine/commands/topic_commands.h"
#include "env/clock.h"
#include "kafka/embedded_broker.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Explain : public CommandTest {
 protected:
  /// A pipeline whose source begins with `source`.
  std::string WritePipeline(const std::string& broker, const std::string& source) const {
    return Write("p.yaml", "name: p\nkafka: {bootstrap.servers: \"" + broker +
                               "\", sasl.password: hunter2}\nsource: {topic: t" + source +
                               "}\n"
                               "steps:\n  - filter: price > 50\n"
                               "  - window: {by: k, tumbling: 10s, aggregate: {n: count()}}\n"
                               "sinks:\n  - topic: o\n  - parquet: {path: ./rows}\n    where: n > 1\n");
  }
  static Outcome Run(const std::string& file, bool json) {
    ExplainOptions options;
    options.file = file;
    options.json = json;
    options.startup_timeout = Duration(500);
    return Execute([&](CommandIo& io) { return ExplainCommand(options, io); });
  }
};

TEST_F(Explain, TheJsonHasWhatTheTextHas) {
  const Outcome outcome =
      Run(WritePipeline("localhost:1",
                        ", timestamp: ts, schema: {ts: \"timestamp[ms]\", k: int64, price: double}"),
          true);
  EXPECT_EQ(outcome.exit, Exit::kOk) << outcome.err;
  for (
      const char* part :
      {R"({"name":"p","guarantee":"exactly_once","commit_interval_ms":200,)",
       R"("dead_letter_topic":null,"kafka":{"bootstrap.servers":"localhost:1","sasl.password":"<redacted>"})",
       R"("sources":[{"name":"source-1","topic":"t","format":"json","key":null,"timestamp":"ts","columns":[)"
       R"({"name":"ts","type":"timestamp[ms]"},{"name":"k","type":"int64"},{"name":"price","type":"float64"}]}])",
       R"("steps":[{"name":"filter-1","kind":"filter","inputs":["source-1"],"description":"price > 50",)",
       R"j({"name":"window-1","kind":"window","inputs":["filter-1"],"description":"tumbling 10s by k: n = count()",)j"
       R"("columns":[{"name":"k","type":"int64"},{"name":"window_start","type":"timestamp[ms]"},)",
       R"("repartition":"p-window-1-repartition","changelog":"p-window-1-changelog"}])",
       R"("sinks":[{"name":"sink-1","kind":"kafka","target":"o","inputs":["window-1"],)",
       R"({"name":"sink-2","kind":"parquet","target":"./rows",)",
       R"("state":[{"step":"window-1","changelog":"p-window-1-changelog"}])",
       R"({"name":"p-window-1-changelog","kind":"changelog","partitions":2})",
       R"({"name":"p-window-1-repartition","kind":"repartition","partitions":2})"}) {
    EXPECT_THAT(outcome.out, HasSubstr(part));
  }
  EXPECT_THAT(outcome.out, Not(HasSubstr("hunter2")));
}

// K2a
TEST_F(Explain, NothingShowsWhatLetsASinkIn) {
  const std::string file = Write("p.yaml",
                                 R"(name: p
kafka: {bootstrap.servers: "x:1"}
source: {topic: t, schema: {email: string}}
sinks:
  - snapchat.audience:
      action: add
      schema: EMAIL_SHA256
      segment: s
      url: "http://user:canary-password@localhost:1/?access_token=canary-query"
      oauth: {client_id: c, client_secret: canary-secret, refresh_token: canary-refresh}
  - snapchat.conversions:
      pixel_id: p
      access_token: canary-token
      map: {event_name: "'SAVE'", em: email}
)");
  const auto shown = [](const Outcome& outcome) {
    EXPECT_EQ(outcome.exit, Exit::kOk) << outcome.err;
    return outcome.out + outcome.err;
  };
  std::string all = shown(Run(file, false)) + shown(Run(file, true));
  for (const char* format : {"text", "mermaid", "json"}) {
    GraphOptions graph;
    graph.file = file;
    graph.format = format;
    all += shown(Execute([&](CommandIo& io) { return GraphCommand(graph, io); }));
  }
  EXPECT_THAT(all, AllOf(HasSubstr("Snapchat audience s"), Not(HasSubstr("canary"))));
}

TEST_F(Explain, PartialAggregatesTravelWhereNothingNeedsSingleRows) {
  struct Case {
    const char* why;
    const char* steps;
    bool partials;
  };
  for (const Case& c :
       {Case{"a count", "window: {by: k, tumbling: 10s, aggregate: {n: count()}}", true},
        Case{"hopping", "window: {by: k, hopping: {size: 1m, step: 10s}, aggregate: {n: count()}}", true},
        Case{"aggregates that have no order",
             "window: {by: k, tumbling: 10s, grace: 5s, aggregate: {n: count(x), s: sum(v) where x > 1, "
             "lo: min(x), hi: max(k), m: mean(v)}}",
             true},
        Case{"a sum of doubles", "window: {by: k, tumbling: 10s, aggregate: {n: count(), s: sum(x)}}", false},
        Case{"a mean of doubles", "window: {by: k, tumbling: 10s, aggregate: {m: mean(x)}}", false},
        Case{"the first row", "window: {by: k, tumbling: 10s, aggregate: {f: first(v)}}", false},
        Case{"late rows have a topic",
             "window: {by: k, tumbling: 10s, late: {topic: l}, aggregate: {n: count()}}", false},
        Case{"late rows are dead letters",
             "window: {by: k, tumbling: 10s, late: dead_letter, aggregate: {n: count()}}", false},
        Case{"results with each batch",
             "window: {by: k, tumbling: 10s, emit: current, aggregate: {n: count()}}", false},
        Case{"closing by key", "window: {by: k, tumbling: 10s, closing: key, aggregate: {n: count()}}",
             false},
        Case{"a trigger",
             "window: {by: k, tumbling: 10s, trigger: {when: n > 3, after: update}, aggregate: {n: count()}}",
             false},
        Case{"sliding", "window: {by: k, sliding: 10s, aggregate: {n: count()}}", false},
        Case{"sessions", "window: {by: k, session: 10s, aggregate: {n: count()}}", false},
        Case{"counted rows", "window: {by: k, count: {size: 10}, aggregate: {n: count()}}", false},
        Case{"group_by in front", "group_by: k\n  - window: {tumbling: 10s, aggregate: {n: count()}}", true},
        Case{"null groups that the window takes",
             "group_by: {by: k, null_key: group}\n"
             "  - window: {null_key: group, tumbling: 10s, aggregate: {n: count()}}",
             true},
        Case{"null groups that it refuses",
             "group_by: {by: k, null_key: group}\n  - window: {by: k, null_key: drop, tumbling: 10s, "
             "aggregate: {n: count()}}",
             false},
        Case{"a step between",
             "group_by: k\n  - filter: x > 1\n  - window: {tumbling: 10s, aggregate: {n: count()}}", false},
        Case{"a step before",
             "filter: x > 1\n  - group_by: k\n  - window: {tumbling: 10s, aggregate: {n: count()}}", true},
        Case{"another key behind group_by",
             "group_by: k\n  - window: {by: [k, v], tumbling: 10s, aggregate: {n: count()}}", false},
        Case{"another step", "running: {by: k, aggregate: {n: count()}}", false}}) {
    const std::string file =
        Write("k2a.yaml",
              "name: p\nkafka: {bootstrap.servers: \"localhost:1\"}\ndead_letter: {topic: d}\n"
              "source: {topic: t, timestamp: ts, schema: {ts: \"timestamp[ms]\", k: string, v: "
              "int64, x: double}}\nsteps:\n  - " +
                  std::string(c.steps) + "\nsinks: [{topic: o}]\n");
    const Outcome json = Run(file, true);
    ASSERT_EQ(json.exit, Exit::kOk) << c.why << ": " << json.err;
    EXPECT_THAT(json.out, HasSubstr("-repartition\"],\"partial_aggregates\":[")) << c.why;
    const bool partials = json.out.find("-repartition\"],\"partial_aggregates\":[\"p-") != std::string::npos;
    EXPECT_EQ(partials, c.partials) << c.why;
    const Outcome text = Run(file, false);
    EXPECT_EQ(text.out.find("-repartition: partial aggregates") != std::string::npos, c.partials) << c.why;
  }
}

TEST_F(Explain, AConsoleSinkIsExplainedAndPrintsNothing) {
  const std::string file = Write("c.yaml",
                                 "name: p\nkafka: {bootstrap.servers: \"localhost:1\"}\n"
                                 "source: {topic: t, schema: {k: int64}}\nsinks:\n  - console: {}\n");
  for (const bool json : {false, true}) {
    const Outcome outcome = Run(file, json);
    EXPECT_EQ(outcome.exit, Exit::kOk) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("console"));
  }
}

TEST_F(Explain, WithoutSchemaAndBrokerItSaysWhoWouldInferItAndHowToPinIt) {
  const std::string file = WritePipeline("127.0.0.1:1", "");
  const Outcome outcome = Run(file, false);
  EXPECT_EQ(outcome.exit, Exit::kUsage);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr(file + ":3:"), HasSubstr("source 't' has no schema: 'run' would infer it"),
                    HasSubstr("no Kafka broker answered within 500ms"),
                    HasSubstr("'millrace schema infer " + file + "' writes it")));
}

TEST_F(Explain, GraphDrawsWhatItKnowsWithoutASchema) {
  const std::string file = WritePipeline("127.0.0.1:1", "");
  for (const auto& [format, part] :
       {std::pair("text", "columns: inferred from the topic at the start"),
        std::pair("mermaid", "  n1 --> n2\n"),
        std::pair("json", "\"description\": \"tumbling 10s by k: n = count()\", \"columns\": null")}) {
    const Outcome outcome = Execute([&](CommandIo& io) { return GraphCommand({file, format}, io); });
    EXPECT_EQ(outcome.exit, Exit::kOk) << outcome.err;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr(part), HasSubstr("window-1"), Not(HasSubstr("hunter2"))));
  }
}

TEST_F(Explain, WithABrokerAnUndeclaredSchemaIsThatOfTheTopicAndNothingIsWritten) {
  const SystemClock clock;
  const Result<std::unique_ptr<kafka::EmbeddedBroker>> broker = kafka::EmbeddedBroker::Start(clock);
  ASSERT_TRUE(broker.ok());
  ASSERT_TRUE((*broker)->CreateTopic("t", 2).ok());
  ClusterChoice choice;
  choice.broker = (*broker)->bootstrap();
  std::istringstream input("{\"k\":1,\"price\":70.5}\n");
  ASSERT_EQ(Execute([&](CommandIo& io) {
              return TopicWriteCommand({choice, "t", std::nullopt, ""}, input, io);
            }).exit,
            Exit::kOk);
  ExplainOptions options;
  options.file = WritePipeline(choice.broker, "");
  const Outcome outcome = Execute([&](CommandIo& io) { return ExplainCommand(options, io); });
  EXPECT_EQ(outcome.exit, Exit::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("{k: int64, price: float64}"));
  const Outcome topics = Execute([&](CommandIo& io) { return TopicListCommand({choice, false}, io); });
  EXPECT_EQ(topics.out, "t  2 partitions\n");
}

}  // namespace
}  // namespace millrace
