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
