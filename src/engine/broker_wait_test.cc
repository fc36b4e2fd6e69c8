#include "engine/broker_wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::ContainsRegex;

TEST(BrokerWait, TheLineSaysWhoWasAskedHowLongAlreadyAndForHowLongStill) {
  const SystemClock clock;
  KafkaClusterOptions options;
  options.properties["bootstrap.servers"] = "127.0.0.1:1";
  options.clock = &clock;
  const auto cluster = KafkaCluster::Make(options);
  ASSERT_TRUE(cluster.ok());
  testing::internal::CaptureStderr();
  int asked = 0;
  const Status status = AwaitBroker(**cluster, Duration(600'000), clock, [&] { return ++asked > 1; });
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_THAT(log,
              ContainsRegex("no broker answers; trying again.*brokers=127.0.0.1:1 attempts=1 waited=[0-9]+s "
                            "left=9m[0-9]+s reason=.*refused"));
}

}  // namespace
}  // namespace millrace
