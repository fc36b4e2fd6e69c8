// What commands print for programs: every line is JSON, with the fields that docs and scripts rely on.
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "engine/commands/command_harness.h"
#include "engine/commands/group_commands.h"
#include "engine/commands/inspect_commands.h"
#include "engine/commands/topic_commands.h"
#include "engine/yaml/json_value.h"
#include "env/clock.h"
#include "kafka/embedded_broker.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;

/// Each line of `text` in a form in which equal values are equal texts.
std::vector<std::string> JsonLines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const Result<std::string> json = CanonicalJson(line);
    lines.push_back(json.ok() ? *json : "NOT JSON: " + line);
  }
  return lines;
}

std::string Json(const std::string& text) {
  const Result<std::string> json = CanonicalJson(text);
  return json.ok() ? *json : "NOT JSON: " + text;
}

class JsonOutput : public CommandTest {
 protected:
  JsonOutput() {
    Result<std::unique_ptr<kafka::EmbeddedBroker>> broker = kafka::EmbeddedBroker::Start(clock_);
    EXPECT_TRUE(broker.ok()) << broker.status().message();
    broker_ = *std::move(broker);
    EXPECT_TRUE(broker_->CreateTopic("t", 2).ok());
    choice_.broker = broker_->bootstrap();
  }
  void WriteRecords(const std::string& lines) {
    std::istringstream input(lines);
    TopicWriteOptions options;
    options.cluster = choice_;
    options.topic = "t";
    options.partition = 1;
    ASSERT_EQ(Execute([&](CommandIo& io) { return TopicWriteCommand(options, input, io); }).exit, Exit::kOk);
  }
  std::string Pipeline() const {
    return "name: p\nguarantee: at_least_once\nkafka: {bootstrap.servers: \"" + choice_.broker +
           "\", sasl.password: hunter2}\nsource: {topic: t, schema: {\"a\\\"b\": int64, c: "
           "\"list<string>\"}}\n"
           "steps: [{filter: \"c is not null\"}]\nsinks: [{topic: o}]\n";
  }

  const SystemClock clock_;
  std::unique_ptr<kafka::EmbeddedBroker> broker_;
  ClusterChoice choice_;
};

TEST_F(JsonOutput, OfLagHasOneObjectPerPartition) {
  WriteRecords("1\n2\n3\n");
  const Outcome lag = Execute([&](CommandIo& io) {
    return LagCommand({Write("p.yaml", Pipeline()), Duration(10'000), true}, io);
  });
  EXPECT_EQ(lag.exit, Exit::kOk) << lag.err;
  EXPECT_THAT(JsonLines(lag.out),
              ElementsAre(Json(R"({"topic":"t","partition":0,"committed":null,"end":0,"lag":0})"),
                          Json(R"({"topic":"t","partition":1,"committed":null,"end":3,"lag":3})")));
}

TEST_F(JsonOutput, OfTopicListAndDescribeHasNamesAndCounts) {
  WriteRecords("1\n2\n");
  const Outcome list = Execute([&](CommandIo& io) { return TopicListCommand({choice_, true}, io); });
  EXPECT_THAT(JsonLines(list.out), ElementsAre(Json(R"({"topic":"t","partitions":2})"))) << list.err;
  const Outcome one = Execute([&](CommandIo& io) { return TopicDescribeCommand({choice_, "t", true}, io); });
  EXPECT_THAT(JsonLines(one.out),
              ElementsAre(Json(R"({"topic":"t","id":"","config":{},"partitions":[)"
                               R"({"partition":0,"first":0,"end":0},{"partition":1,"first":0,"end":2}]})")))
      << one.err;
}

TEST_F(JsonOutput, OfGraphHasNodesAndColumnsAndNoSecrets) {
  const Outcome graph = Execute([&](CommandIo& io) {
    return GraphCommand({Write("p.yaml", Pipeline()), "json"}, io);
  });
  EXPECT_EQ(graph.exit, Exit::kOk) << graph.err;
  const std::string columns = R"({"a\"b":"int64","c":"list<string>"})";
  const std::string expected =
      R"j({"name":"p","guarantee":"at_least_once","workers":1,)j"
      R"j("kafka":{"bootstrap.servers":"BROKER","sasl.password":"<redacted>"},"nodes":[)j"
      R"j({"id":0,"name":"source-1","kind":"source","inputs":[],"description":"topic t (json)","columns":COLUMNS},)j"
      R"j({"id":1,"name":"filter-1","kind":"filter","inputs":[0],"description":"c is not null","columns":COLUMNS},)j"
      R"j({"id":2,"name":"sink-1","kind":"sink","inputs":[1],"description":"topic o (json)","columns":COLUMNS}]})j";
  const std::string with_columns = std::regex_replace(expected, std::regex("COLUMNS"), columns);
  EXPECT_EQ(Json(graph.out), Json(std::regex_replace(with_columns, std::regex("BROKER"), choice_.broker)));
}

TEST_F(JsonOutput, OfTheLogIsOneObjectPerLine) {
  testing::internal::CaptureStderr();
  ConfigureLog(LogFormat::kJson, LogLevel::kInfo);
  Log(LogLevel::kDebug, "not shown");
  Log(LogLevel::kWarning, "a \"quoted\"\nevent",
      {{"text", "a=b \\ \t\x01 é"}, {"count", 7}, {"share", 0.5}, {"ok", true}, {"none", 0.0 / 0.0}});
  Log(LogLevel::kError, "plain");
  ConfigureLog(LogFormat::kText, LogLevel::kInfo);
  const std::string text = testing::internal::GetCapturedStderr();
  std::vector<std::string> lines = JsonLines(text);
  ASSERT_EQ(lines.size(), 2U) << text;
  EXPECT_THAT(lines[0], MatchesRegex(R"(.*"time":"20..-..-..T..:..:..\....[+-]..:..".*)"));
  for (std::string& line : lines) line.erase(line.find("\"time\":\"") + 8, 29);
  EXPECT_EQ(lines[0], Json(R"({"time":"","level":"warning","event":"a \"quoted\"\nevent",)"
                           R"("text":"a=b \\ \t\u0001 é","count":7,"share":0.5,"ok":true,"none":null})"));
  EXPECT_EQ(lines[1], Json(R"({"time":"","level":"error","event":"plain"})"));
}

}  // namespace
}  // namespace millrace
