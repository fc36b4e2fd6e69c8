// The commands as a user sees them: what they print and how they end. Those that need a broker talk to the
// embedded one.
#include <algorithm>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/commands/checkpoint_command.h"
#include "engine/commands/command_harness.h"
#include "engine/commands/demo_command.h"
#include "engine/commands/explain_command.h"
#include "engine/commands/group_commands.h"
#include "engine/commands/inspect_commands.h"
#include "engine/commands/reference_commands.h"
#include "engine/commands/run_command.h"
#include "engine/commands/savepoint_commands.h"
#include "engine/commands/schema_command.h"
#include "engine/commands/test_command.h"
#include "engine/commands/topic_commands.h"
#include "env/clock.h"
#include "kafka/embedded_broker.h"

namespace millrace {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class Commands : public CommandTest {};

constexpr const char* kPipeline = R"(name: p
kafka: {bootstrap.servers: "localhost:1", sasl.password: hunter2}
source:
  topic: t
  timestamp: ts
  schema: {ts: "timestamp[ms]", k: int64, price: double}
steps:
  - filter: price > 50
  - window: {by: k, tumbling: 10s, aggregate: {n: count(), total: sum(price)}}
sinks:
  - topic: o
tests:
  - name: passes
    input:
      - value: {ts: 1000, k: 1, price: 60}
      - value: {ts: 2000, k: 1, price: 10}
      - value: {ts: 11000, k: 1, price: 70}
    output:
      - {k: 1, window_start: 0, window_end: 10000, n: 1, total: 60}
)";

TEST_F(Commands, AFileThatCannotBeLoadedIsWrongUseOfEveryCommand) {
  using Command = Exit (*)(const std::string& file, CommandIo& io);
  const auto run = [](const std::string& file, CommandIo& io) {
    RunOptions options;
    options.file = file;
    return RunCommand(options, io);
  };
  const auto infer = [](const std::string& file, CommandIo& io) {
    SchemaInferOptions options;
    options.cluster.file = file;
    return SchemaInferCommand(options, io);
  };
  const auto list = [](const std::string& file, CommandIo& io) {
    TopicListOptions options;
    options.cluster.file = file;
    return TopicListCommand(options, io);
  };
  const auto reset = [](const std::string& file, CommandIo& io) {
    ResetOptions options;
    options.file = file;
    return ResetCommand(options, io);
  };
  const std::pair<const char*, Command> commands[] = {
      {"run", run},
      {"lint",
       [](const std::string& file, CommandIo& io) {
         return LintCommand({{file}, false}, io);
       }},
      {"graph", [](const std::string& file, CommandIo& io) { return GraphCommand({file}, io); }},
      {"explain", [](const std::string& file, CommandIo& io) { return ExplainCommand({file}, io); }},
      {"test",
       [](const std::string& file, CommandIo& io) {
         return TestCommand({{file}, "", false}, io);
       }},
      {"schema infer", infer},
      {"topic list", list},
      {"lag", [](const std::string& file, CommandIo& io) { return LagCommand({file}, io); }},
      {"reset", reset},
      {"savepoint create",
       [](const std::string& file, CommandIo& io) {
         return SavepointCreateCommand({file, "none"}, io);
       }},
      {"savepoint restore",
       [](const std::string& file, CommandIo& io) {
         SavepointRestoreOptions options;
         options.file = file;
         return SavepointRestoreCommand(options, io);
       }},
      {"checkpoint verify",
       [](const std::string& file, CommandIo& io) {
         return CheckpointVerifyCommand({file, ""}, io);
       }},
  };
  const std::string wrong = Write("wrong.yaml", "name: p\nsource: {topic: t}\nsinks: [\n");
  for (const std::string& file : {folder() + "/none.yaml", folder(), wrong}) {
    for (const auto& [name, command] : commands) {
      const Outcome outcome = Execute([&](CommandIo& io) { return command(file, io); });
      EXPECT_EQ(outcome.exit, Exit::kUsage) << name << " " << file;
      EXPECT_THAT(outcome.err, HasSubstr(file)) << name;
      EXPECT_EQ(outcome.out, "") << name;
    }
  }
}

TEST_F(Commands, GraphAndExplainShowStepsAndNoSecrets) {
  const std::string file = Write("p.yaml", kPipeline);
  for (const char* format : {"text", "mermaid", "json"}) {
    const Outcome outcome = Execute([&](CommandIo& io) { return GraphCommand({file, format}, io); });
    EXPECT_EQ(outcome.exit, Exit::kOk);
    EXPECT_THAT(outcome.out, HasSubstr("window-1")) << format;
    EXPECT_THAT(outcome.out, Not(HasSubstr("hunter2"))) << format;
  }
  const Outcome outcome = Execute([&](CommandIo& io) { return ExplainCommand({file, 2, false}, io); });
  EXPECT_EQ(outcome.exit, Exit::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("p-window-1-repartition"));
  EXPECT_THAT(outcome.out, HasSubstr("p-window-1-changelog"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("hunter2")));
  const Outcome one = Execute([&](CommandIo& io) { return ExplainCommand({file, 1, true}, io); });
  EXPECT_THAT(one.out, Not(HasSubstr("-repartition"))) << "one partition needs none";
}

TEST_F(Commands, ATestThatFailsSaysWhichRowsBecameDeadLetters) {
  std::string pipeline = kPipeline;
  pipeline.replace(pipeline.find("filter: price > 50"), 18, "with: {price: 100 / cast(price as int64)}");
  pipeline.replace(pipeline.find("sinks:"), 6, "dead_letter: {topic: dead}\nsinks:");
  pipeline.replace(pipeline.find("price: 60"), 9, "price: 0");
  const std::string bad = Write("dead.yaml", pipeline);
  const Outcome failed = Execute([&](CommandIo& io) { return TestCommand({{bad}, "", false}, io); });
  EXPECT_EQ(failed.exit, Exit::kFailed);
  EXPECT_THAT(failed.out, HasSubstr("    1 row became a dead letter: t[0] offset 0, step with-1: "));
  EXPECT_THAT(failed.out, HasSubstr("divide by zero\n"));

  const std::string expected = Write("expected.yaml", pipeline + "    dead_letters: 1\n");
  const Outcome told = Execute([&](CommandIo& io) { return TestCommand({{expected}, "", false}, io); });
  EXPECT_EQ(told.exit, Exit::kFailed);
  EXPECT_THAT(told.out, Not(HasSubstr("became a dead letter"))) << "it is as expected";
}

TEST_F(Commands, TestsInsideAFilePassOrShowWhatDiffers) {
  const std::string good = Write("good.yaml", kPipeline);
  const Outcome passed = Execute([&](CommandIo& io) { return TestCommand({{good}, "", false}, io); });
  EXPECT_EQ(passed.exit, Exit::kOk) << passed.out << passed.err;
  EXPECT_THAT(passed.out, MatchesRegex("ok      .*good.yaml: passes\n\n1 passed, 0 failed in [0-9.]+ s\n"));
  EXPECT_EQ(passed.err, "") << "only results";

  std::string wrong = kPipeline;
  wrong.replace(wrong.find("total: 60"), 9, "total: 61");
  const std::string bad = Write("bad.yaml", wrong);
  const Outcome failed = Execute([&](CommandIo& io) { return TestCommand({{bad}, "", false}, io); });
  EXPECT_EQ(failed.exit, Exit::kFailed);
  EXPECT_THAT(failed.out, HasSubstr("FAILED"));
  EXPECT_THAT(failed.out,
              HasSubstr("rows of sink-1 (- expected, + got)\n"
                        "      - {\"k\":1,\"window_start\":0,\"window_end\":10000,\"n\":1,\"total\":61}\n"
                        "      + {\"k\":1,\"window_start\":0,\"window_end\":10000,\"n\":1,\"total\":60}\n"));
  EXPECT_THAT(failed.out, HasSubstr("\n0 passed, 1 failed in "));

  const Outcome none = Execute([&](CommandIo& io) {
    return TestCommand({{good}, "no such test", false}, io);
  });
  EXPECT_EQ(none.exit, Exit::kUsage);
  EXPECT_EQ(none.err, "millrace: no test has 'no such test' in its name; there is: 'passes'\n");
  std::string untested = kPipeline;
  untested.resize(untested.find("tests:"));
  const std::string without = Write("untested.yaml", untested);
  EXPECT_THAT(Execute([&](CommandIo& io) {
                return TestCommand({{without}, "", false}, io);
              }).err,
              HasSubstr("no tests found; write them under 'tests:'"));
}

TEST_F(Commands, TestsOfAnAtLeastOncePipelinePassAlsoWithRestarts) {
  const std::string file = Write("p.yaml",
                                 "name: p\nguarantee: at_least_once\n"
                                 "kafka: {bootstrap.servers: \"localhost:1\"}\n"
                                 "source: {topic: t, schema: {x: int64}}\nsinks: [{topic: o}]\n"
                                 "tests:\n  - name: passes\n    input: [{value: {x: 1}}, {value: {x: 2}}]\n"
                                 "    output: [{x: 1}, {x: 2}]\n");
  const Outcome outcome = Execute([&](CommandIo& io) { return TestCommand({{file}, "", false}, io); });
  EXPECT_EQ(outcome.exit, Exit::kOk) << outcome.out << outcome.err;
}

TEST_F(Commands, ReferencePagesAndVersionPrint) {
  EXPECT_THAT(Execute(SchemaYamlCommand).out, HasSubstr("json-schema.org"));
  EXPECT_THAT(Execute([](CommandIo& io) { return VersionCommand(true, io); }).out,
              HasSubstr("{\"millrace\":\""));
}

class CommandsWithBroker : public Commands {
 protected:
  CommandsWithBroker() {
    Result<std::unique_ptr<kafka::EmbeddedBroker>> broker = kafka::EmbeddedBroker::Start(clock_);
    EXPECT_TRUE(broker.ok()) << broker.status().message();
    broker_ = *std::move(broker);
    EXPECT_TRUE(broker_->CreateTopic("t", 2).ok());
  }
  ClusterChoice Choice() const {
    ClusterChoice choice;
    choice.broker = broker_->bootstrap();
    return choice;
  }
  Exit WriteLines(const std::string& lines) {
    std::istringstream input(lines);
    return Execute([&](CommandIo& io) {
             return TopicWriteCommand({Choice(), "t", std::nullopt, ":"}, input, io);
           })
        .exit;
  }

 private:
  const SystemClock clock_;
  std::unique_ptr<kafka::EmbeddedBroker> broker_;
};

TEST_F(CommandsWithBroker, WrittenRecordsCanBeReadAndDescribed) {
  ASSERT_EQ(WriteLines("a:{\"x\":1}\nb:{\"x\":2}\na:{\"x\":3.5}\n"), Exit::kOk);
  TopicReadOptions read;
  read.cluster = Choice();
  read.topic = "t";
  read.json = true;
  const Outcome records = Execute([&](CommandIo& io) { return TopicReadCommand(read, io); });
  EXPECT_EQ(records.exit, Exit::kOk) << records.err;
  EXPECT_EQ(std::count(records.out.begin(), records.out.end(), '\n'), 3);
  EXPECT_THAT(records.out, HasSubstr("\"key\":\"b\",\"value\":\"{\\\"x\\\":2}\",\"headers\":[]"));
  read.limit = 1;
  read.json = false;
  EXPECT_EQ(Execute([&](CommandIo& io) { return TopicReadCommand(read, io); }).out.size(),
            std::string("{\"x\":1}\n").size());

  const Outcome list = Execute([&](CommandIo& io) { return TopicListCommand({Choice(), false}, io); });
  EXPECT_THAT(list.out, HasSubstr("t  2 partitions"));
  const Outcome schema = Execute([&](CommandIo& io) {
    return SchemaInferCommand({Choice(), "t", 100, false}, io);
  });
  EXPECT_THAT(schema.out, HasSubstr("schema:\n  x: float64\n")) << schema.err;
}

TEST_F(CommandsWithBroker, ASchemaThatIsInferredSaysWhichColumnsLookLikeTimes) {
  ASSERT_EQ(WriteLines("a:{\"ts\":1700000000000,\"at\":\"2024-05-01T12:00:00Z\",\"n\":1}\n"), Exit::kOk);
  SchemaInferOptions options{Choice(), "t", 100, false};
  const auto infer = [&](CommandIo& io) { return SchemaInferCommand(options, io); };
  EXPECT_EQ(Execute(infer).out,
            "# inferred from 1 record of topic t\nschema:\n"
            "  ts: int64  # looks like a time: timestamp[ms]\n"
            "  at: string  # looks like a time: timestamp[ms, rfc3339]\n"
            "  n: int64\n");
  options.json = true;
  EXPECT_EQ(Execute(infer).out,
            "{\"topic\":\"t\",\"schema\":{\"ts\":\"int64\",\"at\":\"string\",\"n\":\"int64\"},"
            "\"times\":{\"at\":\"timestamp[ms, rfc3339]\",\"ts\":\"timestamp[ms]\"}}\n");
}

TEST_F(CommandsWithBroker, RecordsReadAsJsonCanBeWrittenBack) {
  std::istringstream lines(
      R"({"partition":1,"timestamp":1700000000000,"key":{"base64":"/wA="},"value":null,)"
      R"("headers":[{"name":"h","value":"1"},{"name":"h","value":{"base64":"/w=="}}]})"
      "\n"
      R"({"partition":0,"timestamp":1700000000001,"key":null,"value":"\u0000é","headers":[]})"
      "\n");
  TopicWriteOptions write;
  write.cluster = Choice();
  write.topic = "t";
  write.json = true;
  TopicReadOptions read;
  read.cluster = Choice();
  read.topic = "t";
  read.json = true;
  ASSERT_EQ(Execute([&](CommandIo& io) { return TopicWriteCommand(write, lines, io); }).exit, Exit::kOk);
  const Outcome first = Execute([&](CommandIo& io) { return TopicReadCommand(read, io); });
  EXPECT_THAT(
      first.out,
      HasSubstr(R"({"partition":1,"offset":0,"timestamp":1700000000000,"key":{"base64":"/wA="},"value":null,)"
                R"("headers":[{"name":"h","value":"1"},{"name":"h","value":{"base64":"/w=="}}]})"));
  EXPECT_THAT(first.out, HasSubstr(R"({"partition":0,"offset":0,"timestamp":1700000000001,"key":null,)"
                                   R"("value":"\u0000é","headers":[]})"));
  std::istringstream copied(first.out);
  ASSERT_EQ(Execute([&](CommandIo& io) { return TopicWriteCommand(write, copied, io); }).exit, Exit::kOk);
  read.from = "1";
  std::string second = Execute([&](CommandIo& io) { return TopicReadCommand(read, io); }).out;
  for (std::size_t at = 0; (at = second.find("\"offset\":1", at)) != std::string::npos; ++at)
    second.replace(at, 10, "\"offset\":0");
  const auto sorted = [](const std::string& text) {
    std::istringstream in(text);
    std::set<std::string> found;
    for (std::string line; std::getline(in, line);) found.insert(line);
    return found;
  };
  EXPECT_EQ(sorted(second), sorted(first.out));
}

TEST_F(CommandsWithBroker, ALineThatIsNoRecordIsNamedAndWhatCameBeforeIsWritten) {
  std::istringstream lines("{\"value\":\"a\"}\n{\"value\":1}\n{\"value\":\"c\"}\n");
  TopicWriteOptions write;
  write.cluster = Choice();
  write.topic = "t";
  write.json = true;
  const Outcome outcome = Execute([&](CommandIo& io) { return TopicWriteCommand(write, lines, io); });
  EXPECT_EQ(outcome.exit, Exit::kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("line 2, after 1 record written: "));
  std::istringstream elsewhere("{\"partition\":2}\n");
  EXPECT_THAT(Execute([&](CommandIo& io) { return TopicWriteCommand(write, elsewhere, io); }).err,
              HasSubstr("topic 't' has no partition 2; it has 2"));
}

TEST_F(CommandsWithBroker, ATopicThatIsNotThereIsSaid) {
  const Outcome outcome = Execute([&](CommandIo& io) {
    return TopicDescribeCommand({Choice(), "nope", false}, io);
  });
  EXPECT_EQ(outcome.exit, Exit::kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("there is no topic 'nope'"));
}

TEST_F(CommandsWithBroker, WrongFlagsOfTopicReadAreSaid) {
  TopicReadOptions read;
  read.cluster = Choice();
  read.topic = "t";
  read.from = "yesterday";
  EXPECT_EQ(Execute([&](CommandIo& io) { return TopicReadCommand(read, io); }).exit, Exit::kUsage);
  read.from = "beginning";
  read.partition = 2;
  const Outcome outcome = Execute([&](CommandIo& io) { return TopicReadCommand(read, io); });
  EXPECT_EQ(outcome.exit, Exit::kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("topic 't' has no partition 2; it has 2"));
  read.cluster.properties = {"no.such.property=1"};
  EXPECT_EQ(Execute([&](CommandIo& io) { return TopicReadCommand(read, io); }).exit, Exit::kUsage);
}

TEST_F(CommandsWithBroker, LagCountsWhatIsNotCommitted) {
  ASSERT_EQ(WriteLines("a:1\nb:2\nc:3\n"), Exit::kOk);
  std::string text = kPipeline;
  text.replace(text.find("localhost:1"), 11, Choice().broker);
  const Outcome outcome = Execute([&](CommandIo& io) {
    return LagCommand({Write("p.yaml", text), Duration(10'000), false}, io);
  });
  EXPECT_EQ(outcome.exit, Exit::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("total lag 3"));
}

TEST(Demo, ABadHttpAddressIsWrongUse) {
  DemoOptions options;
  options.http = "nonsense";
  const Outcome outcome = Execute([&](CommandIo& io) { return DemoCommand(options, io); });
  EXPECT_EQ(outcome.exit, Exit::kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("cannot listen on 'nonsense'"));
}

TEST_F(Commands, NoBrokerIsAnExitCodeOfItsOwn) {
  ClusterChoice choice;
  choice.broker = "127.0.0.1:1";
  choice.startup_timeout = Duration(300);
  const Outcome outcome = Execute([&](CommandIo& io) { return TopicListCommand({choice, false}, io); });
  EXPECT_EQ(outcome.exit, Exit::kNoBroker);
  EXPECT_THAT(outcome.err, HasSubstr("no Kafka broker answered within 300ms"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("in state CONNECT")));
}

}  // namespace
}  // namespace millrace
