#include "millrace/topic.h"

#include <gmock/gmock.h>

#include "millrace/millrace.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;

std::string Explained(const Topic& topic) {
  App app({.name = "p", .kafka = {{"bootstrap.servers", "localhost:9092"}}});
  app.From(topic).To(Console());
  return app.Explain();
}

TEST(ApiTopic, EventTimeIsAColumnOrAnExpression) {
  const Topic topic = Topic("in").Json(schema({{"at", string()}, {"ts", timestamp_ms()}}));
  EXPECT_THAT(Explained(topic.EventTime("ts")), HasSubstr("(json, event time ts)"));
  EXPECT_THAT(Explained(topic.EventTime(col("at").Cast(timestamp_ms()))),
              HasSubstr("(json, event time cast(at as timestamp[ms]))"));
}

TEST(ApiTopic, AMistakeInTheEventTimeStandsWhereTheTopicIsRead) {
  const Topic topic = Topic("in").Json(schema({{"at", string()}}));
  EXPECT_THAT(Explained(topic.EventTime("at")), HasSubstr("the event time column 'at' is string"));
  EXPECT_THAT(Explained(topic.EventTime(col("ta").Cast(timestamp_ms()))),
              HasSubstr("unknown column 'ta' (did you mean 'at'?)"));
  EXPECT_THAT(Explained(topic.EventTime(col(""))), HasSubstr("topic_test.cc:"));
}

}  // namespace
}  // namespace millrace
