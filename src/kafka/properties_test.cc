#include "kafka/properties.h"

#include <algorithm>
#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

namespace millrace::kafka {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

Properties With(const std::string& name, const std::string& value) {
  return {{"bootstrap.servers", "localhost:9092"}, {name, value}};
}

TEST(Properties, WhatTheUserSetsIsAccepted) {
  EXPECT_TRUE(CheckProperties(With("fetch.wait.max.ms", "100")).ok());
  EXPECT_TRUE(CheckProperties(With("compression.type", "zstd")).ok());
  EXPECT_TRUE(CheckProperties(With("sasl.password", "hunter2")).ok());
}

TEST(Properties, AnUnknownNameIsRefusedWithTheNearestOne) {
  const Status status = CheckProperties(With("fetch.wait.mx.ms", "100"));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("fetch.wait.mx.ms"), HasSubstr("did you mean"),
                                      HasSubstr("fetch.wait.max.ms")));
}

TEST(Properties, AValueThatDoesNotFitIsRefusedWithTheReason) {
  for (const auto& [name, value] : {std::pair{"compression.type", "lz5"}, {"linger.ms", "soon"}}) {
    const Status status = CheckProperties(With(name, value));
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(name), HasSubstr(value)));
  }
}

TEST(Properties, WithoutABrokerTheErrorSaysWhatToName) {
  EXPECT_THAT(CheckProperties({}).message(), HasSubstr("bootstrap.servers"));
  EXPECT_THAT(CheckProperties({{"bootstrap.servers", ""}}).message(), HasSubstr("name at least one broker"));
  EXPECT_THAT(CheckProperties({{"bootstrap.servers", " , "}}).message(),
              HasSubstr("name at least one broker"));
}

struct ReservedCase {
  const char* name;
  const char* value;
  const char* hint;
};

TEST(Properties, WhatWouldBreakTheGuaranteesIsRefusedWithAnAlternative) {
  const ReservedCase cases[] = {
      {"enable.auto.commit", "true", "commits offsets"},
      {"isolation.level", "read_uncommitted", "aborted"},
      {"group.id", "mine", "`name`"},
      {"transactional.id", "mine", "slot"},
      {"auto.offset.reset", "latest", "`offset_reset`"},
      {"enable.idempotence", "false", "duplicate"},
      {"acks", "1", "replica"},
      {"partition.assignment.strategy", "cooperative-sticky", "together"},
      {"group.protocol", "CONSUMER", "write classic or consumer"},
      {"group.remote.assignor", "uniform", "together"},
      {"statistics.interval.ms", "0", "metrics"},
  };
  for (const ReservedCase& one : cases) {
    const Status status = CheckProperties(With(one.name, one.value));
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << one.name;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(one.name), HasSubstr(one.hint)));
  }
}

TEST(Properties, ReservedNamesWithTheValueTheyHaveAnywayAreLetThrough) {
  EXPECT_TRUE(CheckProperties(With("enable.auto.commit", "false")).ok());
  EXPECT_TRUE(CheckProperties(With("enable.idempotence", "true")).ok());
  EXPECT_TRUE(CheckProperties(With("acks", "-1")).ok());
}

TEST(Properties, SecretsAreRedactedAndNeverRepeatedInErrors) {
  const Properties shown = RedactedProperties({{"sasl.password", "hunter2"},
                                               {"ssl.key.password", "hunter2"},
                                               {"ssl.key.pem", "hunter2"},
                                               {"sasl.oauthbearer.client.secret", "hunter2"},
                                               {"sasl.oauthbearer.config", "hunter2"},
                                               {"sasl.username", "alice"}});
  for (const auto& [name, value] : shown) EXPECT_THAT(value, Not(HasSubstr("hunter2"))) << name;
  EXPECT_EQ(shown.at("sasl.username"), "alice");
}

TEST(Properties, EverySecretOfLibrdkafkaIsKnownAsOne) {
  for (const std::string& name : KnownProperties()) {
    const bool sounds_secret = name.find("password") != std::string::npos ||
                               name.find("secret") != std::string::npos ||
                               name.find("passphrase") != std::string::npos;
    EXPECT_TRUE(!sounds_secret || IsSecretProperty(name)) << name;
  }
  EXPECT_THAT(KnownProperties(), Contains("bootstrap.servers"));
  EXPECT_THAT(KnownProperties(), Contains("partitioner"));
}

TEST(Properties, EveryRoleHasAValidConfiguration) {
  const Properties user = {{"bootstrap.servers", "localhost:9092"}};
  for (const Role role : {Role::kGroupConsumer, Role::kReader, Role::kTransactionalProducer,
                          Role::kIdempotentProducer, Role::kAdmin}) {
    EXPECT_TRUE(MakeConf(role, user, {}).ok()) << static_cast<int>(role);
  }
}

std::string ValueOf(const std::string& name, const Properties& user) {
  const Result<ConfPointer> conf = MakeConf(Role::kGroupConsumer, user, {});
  EXPECT_TRUE(conf.ok());
  std::array<char, 64> value{};
  std::size_t size = value.size();
  EXPECT_EQ(rd_kafka_conf_get(conf->get(), name.c_str(), value.data(), &size), RD_KAFKA_CONF_OK);
  return value.data();
}

TEST(Properties, WithTheConsumerProtocolTheBrokerAssignsByRangeAndItsTimesHold) {
  const Properties user = With("group.protocol", "consumer");
  EXPECT_EQ(ValueOf("group.protocol", user), "consumer");
  EXPECT_EQ(ValueOf("group.remote.assignor", user), "range");
  EXPECT_EQ(ValueOf("session.timeout.ms", user), "45000") << "set, it would be refused by librdkafka";
  const Properties classic = With("group.protocol", "classic");
  EXPECT_EQ(ValueOf("group.protocol", classic), "classic");
  EXPECT_EQ(ValueOf("session.timeout.ms", classic), "10000");
  for (const char* name : {"session.timeout.ms", "heartbeat.interval.ms"}) {
    Properties both = user;
    both[name] = "5000";
    const Status status = CheckProperties(both);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(name), HasSubstr(std::string("group.consumer.") + name)));
    EXPECT_TRUE(CheckProperties(With(name, "5000")).ok()) << name;
  }
}

TEST(Properties, OnlyAGroupConsumerFollowsTheGroupProtocol) {
  const Properties user = With("group.protocol", "consumer");
  for (const Role role :
       {Role::kReader, Role::kTransactionalProducer, Role::kIdempotentProducer, Role::kAdmin})
    EXPECT_TRUE(MakeConf(role, user, {}).ok()) << static_cast<int>(role);
}

TEST(Properties, PartitionsAddedToASourceAreLookedForEveryHalfMinuteOrAsTheUserSays) {
  const std::string name = "topic.metadata.refresh.interval.ms";
  EXPECT_EQ(ValueOf(name, {{"bootstrap.servers", "localhost:9092"}}), "30000");
  EXPECT_EQ(ValueOf(name, With(name, "500")), "500");
}

TEST(Properties, BatchesAreNoLargerThanAllTopicsTakeUnlessTheUserWantsThemSmaller) {
  const struct {
    const char* batch_size;  // of the user
    std::int64_t taken;
    const char* expected;  // null: as it is
  } cases[] = {
      {nullptr, 20'000, "20000"},   {nullptr, 1'048'588, nullptr},     {"5000", 20'000, nullptr},
      {"4000000", 20'000, "20000"}, {"4000000", 1'048'588, "1048588"}, {nullptr, 0, "1"},
  };
  for (const auto& one : cases) {
    const Properties user =
        one.batch_size == nullptr ? With("linger.ms", "1") : With("batch.size", one.batch_size);
    Properties fixed;
    ASSERT_TRUE(LimitBatches(Role::kIdempotentProducer, user, one.taken, &fixed).ok());
    EXPECT_EQ(fixed, one.expected == nullptr ? Properties() : Properties({{"batch.size", one.expected}}))
        << one.taken;
    EXPECT_TRUE(MakeConf(Role::kIdempotentProducer, user, fixed).ok());
  }
}

}  // namespace
}  // namespace millrace::kafka
