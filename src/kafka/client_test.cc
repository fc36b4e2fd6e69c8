#include "kafka/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include "env/clock.h"

namespace millrace::kafka {
namespace {

using testing::HasSubstr;

class WaitForBroker : public testing::Test {
 protected:
  void SetUp() override {
    ClientOptions options;
    options.clock = &clock_;
    options.properties = {{"bootstrap.servers", "127.0.0.1:1"}};
    auto made = Client::Make(Role::kAdmin, options, {}, nullptr);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    client_ = *std::move(made);
  }

  const SystemClock clock_;
  std::unique_ptr<Client> client_;
};

TEST_F(WaitForBroker, EndsAtOnceWhenOneBrokerRefusesUsAndAnotherIsAway) {
  client_->RememberError(RD_KAFKA_RESP_ERR__AUTHENTICATION, "SASL authentication error");
  client_->RememberError(RD_KAFKA_RESP_ERR__TRANSPORT, "Connect to 127.0.0.1:1 failed");
  int attempts = 0;
  const Status status = client_->WaitForBroker(Duration(60'000), [&attempts](const Status&) { ++attempts; });
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(status.message(), HasSubstr("SASL authentication error"));
  EXPECT_THAT(status.message(), HasSubstr("check sasl.mechanism"));
  EXPECT_EQ(attempts, 1);
}

TEST_F(WaitForBroker, GoesOnWhenARefusalIsForgotten) {
  client_->RememberError(RD_KAFKA_RESP_ERR__AUTHENTICATION, "SASL authentication error");
  client_->ForgetError();
  const Status status = client_->WaitForBroker(Duration(500), nullptr);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace millrace::kafka
