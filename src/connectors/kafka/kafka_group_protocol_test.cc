// `group.protocol: consumer` on the embedded broker, which speaks it to whoever asks for it.

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "connectors/kafka/kafka_cluster.h"
#include "connectors/kafka/kafka_test_support.h"

namespace millrace {
namespace {

using test::Member;
using test::SendText;
using test::Until;
using testing::ElementsAre;

constexpr std::int16_t kHeartbeatRequest = 68;  // ConsumerGroupHeartbeat
constexpr int kUnsupportedVersion = 35;
constexpr int kInvalidRequest = 42;
constexpr int kGroupIdNotFound = 69;
constexpr int kFencedMemberEpoch = 110;

const TopicPartition kIn0{"in", Partition(0)};
const TopicPartition kIn1{"in", Partition(1)};

class ConsumerProtocol : public testing::Test {
 protected:
  void SetUp() override {
    auto broker = kafka::EmbeddedBroker::Start(clock_);
    ASSERT_TRUE(broker.ok()) << broker.status().ToString();
    broker_ = *std::move(broker);
    ASSERT_TRUE(broker_->CreateTopic("in", 2).ok());
    // By its address, as any other broker: the cluster would not ask the embedded one for the protocol.
    KafkaClusterOptions options;
    options.clock = &clock_;
    options.properties = {{"bootstrap.servers", broker_->bootstrap()},
                          {"fetch.min.bytes", "1"},
                          {"group.protocol", "consumer"}};
    auto cluster = KafkaCluster::Make(std::move(options));
    ASSERT_TRUE(cluster.ok()) << cluster.status().ToString();
    cluster_ = *std::move(cluster);
  }

  void Write(const TopicPartition& to, int count) {
    const auto producer = *cluster_->MakeProducer("");
    ASSERT_TRUE(producer->Init().ok());
    for (int i = 0; i < count; ++i) ASSERT_TRUE(SendText(*producer, to, "k", "v" + std::to_string(i)).ok());
    ASSERT_TRUE(producer->Flush().ok());
  }

  static bool HoldsBoth(Member& member) { return member.Step(), member.assigned.size() == 2; }

  SystemClock clock_;
  std::unique_ptr<kafka::EmbeddedBroker> broker_;
  std::unique_ptr<KafkaCluster> cluster_;
};

TEST_F(ConsumerProtocol, WhenAMemberJoinsOnlyWhatMovesIsRevokedAndTheRestFlowsOn) {
  Member first(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] { return HoldsBoth(first); }));
  Write(kIn0, 3);
  Write(kIn1, 3);
  ASSERT_TRUE(Until([&] { return first.Step(), first.count() == 6; }));
  Member second(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] {
    first.Step();
    second.Step();
    return first.assigned.size() == 1 && second.assigned.size() == 1;
  }));
  EXPECT_EQ(first.revoked.size(), 1U);
  EXPECT_EQ(first.losses, 0);
  EXPECT_EQ(first.assignments, 1) << "what stays is not assigned again";
  const TopicPartition stays = first.assigned[0];
  const TopicPartition moves = second.assigned[0];
  EXPECT_NE(stays, moves);
  Write(stays, 2);
  Write(moves, 2);
  ASSERT_TRUE(Until([&] {
    first.Step();
    second.Step();
    return first.received[stays].size() == 5 && second.received[moves].size() == 5;
  })) << first.received[stays].size()
      << " and " << second.received[moves].size() << ": the second one began at 0";
  EXPECT_EQ(first.received[moves].size(), 3U);
  EXPECT_EQ(first.assignments, 1);
}

TEST_F(ConsumerProtocol, AFencedMemberHasNoTokenUntilItIsAssignedAnew) {
  Member member(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] { return HoldsBoth(member); }));
  EXPECT_TRUE(member.member().Token().ok());
  StatusCode token_when_lost = StatusCode::kOk;
  member.on_revoked = [&] { token_when_lost = member.member().Token().status().code(); };
  broker_->FailRequests(kHeartbeatRequest, {kFencedMemberEpoch});
  ASSERT_TRUE(Until([&] { return member.Step(), member.losses == 1; }));
  EXPECT_EQ(token_when_lost, StatusCode::kAborted);
  member.on_revoked = nullptr;
  ASSERT_TRUE(Until([&] { return HoldsBoth(member); }));
  EXPECT_TRUE(member.member().Token().ok());
}

TEST_F(ConsumerProtocol, WhereItIsRefusedTheMemberIsAClassicOne) {
  for (const int error : {kUnsupportedVersion, kGroupIdNotFound}) {
    // Only a member that does without the heartbeat is ever assigned anything.
    broker_->FailRequests(kHeartbeatRequest, std::vector<int>(100, error));
    Member member(*cluster_, "g" + std::to_string(error), {"in"});
    ASSERT_TRUE(Until([&] { return HoldsBoth(member); })) << member.last_error.ToString();
    EXPECT_TRUE(member.last_error.ok()) << member.last_error.ToString();
    Write(kIn0, 1);
    EXPECT_TRUE(Until([&] { return member.Step(), member.count() > 0; }));
  }
}

TEST_F(ConsumerProtocol, WhereItIsNotKnownTheMemberIsAClassicOneAfterAFewSeconds) {
  broker_->Unlearn(kHeartbeatRequest);
  Member member(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] { return HoldsBoth(member); })) << member.last_error.ToString();
  EXPECT_TRUE(member.last_error.ok()) << member.last_error.ToString();
  Write(kIn1, 1);
  EXPECT_TRUE(Until([&] { return member.Step(), member.count() == 1; }));
}

TEST_F(ConsumerProtocol, AClientThatGivesUpIsReplacedAndWhatItHeldIsLost) {
  Member member(*cluster_, "g", {"in"});
  Write(kIn0, 1);
  ASSERT_TRUE(Until([&] { return HoldsBoth(member) && member.count() == 1; }));
  broker_->FailRequests(kHeartbeatRequest, {kInvalidRequest});
  ASSERT_TRUE(Until([&] { return member.Step(), member.losses == 1; }));
  EXPECT_EQ(member.revoked.size(), 2U);
  // The dead client's place in the group ends with its session.
  ASSERT_TRUE(Until([&] { return member.Step(), !member.assigned.empty(); })) << member.last_error.ToString();
}

TEST_F(ConsumerProtocol, APartitionWhoseNextRecordIsGoneIsTakenAnewAndTheOtherFlowsOn) {
  Write(kIn0, 10);
  Write(kIn1, 10);
  ASSERT_TRUE(broker_->DeleteRecords(kIn0, Offset(6)).ok());
  Member member(*cluster_, "g", {"in"});
  member.start_when_assigned = false;
  ASSERT_TRUE(Until([&] { return HoldsBoth(member); }));
  for (const TopicPartition& partition : {kIn0, kIn1})
    ASSERT_TRUE(member.member().Start(partition, Offset(2)).ok());
  ASSERT_TRUE(Until([&] { return member.Step(), member.revocations == 1; }));
  EXPECT_THAT(member.revoked, ElementsAre(kIn0));
  EXPECT_EQ(member.assigned.size(), 2U);
  ASSERT_TRUE(Until([&] { return member.Step(), member.received[kIn1].size() == 8; }));
  EXPECT_TRUE(member.received[kIn0].empty()) << "nothing is delivered before it is started";
  ASSERT_TRUE(member.member().Start(kIn0, Offset(6)).ok());
  ASSERT_TRUE(Until([&] { return member.Step(), member.received[kIn0].size() == 4; }));
  EXPECT_EQ(member.revocations, 1);
}

}  // namespace
}  // namespace millrace
