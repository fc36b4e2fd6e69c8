// Members of both group protocols on a real Apache Kafka, named by MILLRACE_TEST_KAFKA: who may commit what,
// which partitions go together, and how a group passes from one protocol to the other.

#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "connectors/kafka/kafka_cluster.h"
#include "connectors/kafka/kafka_test_support.h"

namespace millrace {
namespace {

using test::Member;
using test::RealBroker;
using test::SendText;
using test::Until;

constexpr int kPartitions = 6;

class RealGroup : public testing::Test {
 protected:
  void SetUp() override {
    bootstrap_ = RealBroker();
    if (IsSkipped()) return;
    classic_ = MakeCluster({{"session.timeout.ms", "6000"}});
    ASSERT_TRUE(classic_->WaitForBroker(Duration(30'000), nullptr).ok());
    consumer_ = MakeCluster({{"group.protocol", "consumer"}});
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    in_ = "in-" + test + "-" + std::to_string(clock_.Now().value());
    beside_ = "beside-" + in_;
    for (const std::string& topic : {in_, beside_})
      ASSERT_TRUE(classic_->admin().Create({topic, kPartitions}).ok());
  }

  std::unique_ptr<KafkaCluster> MakeCluster(kafka::Properties properties) {
    properties.insert({{"bootstrap.servers", bootstrap_},
                       {"fetch.min.bytes", "1"},
                       {"linger.ms", "0"},
                       {"transaction.timeout.ms", "4000"}});
    KafkaClusterOptions options;
    options.clock = &clock_;
    options.properties = std::move(properties);
    auto cluster = KafkaCluster::Make(std::move(options));
    MR_CHECK(cluster.ok()) << cluster.status().ToString();
    return *std::move(cluster);
  }

  std::unique_ptr<Member> Join(KafkaCluster& cluster) {
    return std::make_unique<Member>(cluster, "group-" + in_, std::vector<std::string>{in_, beside_});
  }

  std::unique_ptr<Producer> MakeProducer() {
    auto producer = classic_->MakeProducer("txn-" + in_);
    MR_CHECK(producer.ok() && (*producer)->Init().ok());
    return *std::move(producer);
  }

  /// Steps until every partition has one holder, each member has as many as its share, and the numbers that
  /// it holds of both topics are the same.
  static bool Balanced(const std::vector<Member*>& members) {
    std::set<TopicPartition> held;
    bool even = true;
    for (Member* member : members) {
      member->Step();
      held.insert(member->assigned.begin(), member->assigned.end());
      even = even && member->assigned.size() == 2 * kPartitions / members.size();
    }
    return even && held.size() == 2 * kPartitions;
  }

  void ExpectPartitionsOfOneNumberTogether(const std::vector<Member*>& members) const {
    for (const Member* member : members) {
      std::map<std::string, std::set<int>> numbers;
      for (const TopicPartition& one : member->assigned) numbers[one.topic].insert(one.partition.value());
      EXPECT_EQ(numbers[in_], numbers[beside_]);
    }
  }

  TopicPartition In(int partition) const { return {in_, Partition(partition)}; }

  SystemClock clock_;
  std::string bootstrap_;
  std::string in_;
  std::string beside_;
  std::unique_ptr<KafkaCluster> classic_;
  std::unique_ptr<KafkaCluster> consumer_;
};

TEST_F(RealGroup, OnlyWhatMovesIsRevokedAndPartitionsOfOneNumberStayTogether) {
  const auto first = Join(*consumer_);
  const auto second = Join(*consumer_);
  ASSERT_TRUE(Until([&] { return Balanced({first.get(), second.get()}); }));
  ExpectPartitionsOfOneNumberTogether({first.get(), second.get()});
  const auto before = std::pair(first->assigned, second->assigned);
  first->revoked.clear();
  second->revoked.clear();
  const auto third = Join(*consumer_);
  ASSERT_TRUE(Until([&] { return Balanced({first.get(), second.get(), third.get()}); }));
  ExpectPartitionsOfOneNumberTogether({first.get(), second.get(), third.get()});
  for (const auto& [member, had] : {std::pair(first.get(), before.first), {second.get(), before.second}}) {
    EXPECT_FALSE(member->assigned.empty());
    EXPECT_EQ(member->losses, 0);
    for (const TopicPartition& stays : member->assigned)
      EXPECT_EQ(std::count(member->revoked.begin(), member->revoked.end(), stays), 0) << stays;
  }
  EXPECT_LT(first->revoked.size() + second->revoked.size(), 2U * kPartitions) << "some stay where they were";
}

TEST_F(RealGroup, AnOldTokenCommitsWhatIsStillHeldAndNothingThatMoved) {
  const auto first = Join(*consumer_);
  ASSERT_TRUE(Until([&] { return Balanced({first.get()}); }));
  const auto old_token = first->member().Token();
  ASSERT_TRUE(old_token.ok());
  const auto second = Join(*consumer_);
  ASSERT_TRUE(Until([&] { return Balanced({first.get(), second.get()}); }));
  const TopicPartition moved = second->assigned[0];
  const std::vector<CommittedOffset> of_moved = {{moved, Offset(10), ""}};

  const auto producer = MakeProducer();
  ASSERT_TRUE(producer->Begin().ok());
  EXPECT_EQ(producer->SendOffsets(of_moved, **old_token).code(), StatusCode::kAborted);
  ASSERT_TRUE(producer->Abort().ok());
  ASSERT_TRUE(producer->Begin().ok());
  EXPECT_EQ(producer->SendOffsets(of_moved, **first->member().Token()).code(), StatusCode::kAborted)
      << "a token covers what is held when it is asked for";
  ASSERT_TRUE(producer->Abort().ok());

  ASSERT_TRUE(producer->Begin().ok());
  const std::vector<CommittedOffset> own = {{first->assigned[0], Offset(10), ""}};
  EXPECT_TRUE(producer->SendOffsets(own, **first->member().Token()).ok());
  EXPECT_TRUE(producer->Commit().ok());
  const TopicPartition asked[] = {moved, first->assigned[0]};
  const auto committed = first->member().Committed(asked);
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ((*committed)[0].offset, kNoOffset);
  EXPECT_EQ((*committed)[1].offset, Offset(10));
}

TEST_F(RealGroup, AMemberThatDoesNotAnswerIsFencedAndCommitsNothing) {
  const auto slow_cluster = MakeCluster({{"group.protocol", "consumer"}, {"max.poll.interval.ms", "3000"}});
  const auto slow = Join(*slow_cluster);
  ASSERT_TRUE(Until([&] { return Balanced({slow.get()}); }));
  const std::vector<TopicPartition> had = slow->assigned;
  const auto token = slow->member().Token();
  ASSERT_TRUE(token.ok());
  const auto heir = Join(*consumer_);
  ASSERT_TRUE(Until([&] { return Balanced({heir.get()}); })) << "the group went on without the slow one";
  const auto producer = MakeProducer();
  for (const TopicPartition& partition : had) {
    const std::vector<CommittedOffset> offsets = {{partition, Offset(10), ""}};
    ASSERT_TRUE(producer->Begin().ok());
    const auto fresh = slow->member().Token();
    const auto& used = fresh.ok() ? *fresh : *token;
    EXPECT_EQ(producer->SendOffsets(offsets, *used).code(), StatusCode::kAborted) << partition;
    ASSERT_TRUE(producer->Abort().ok());
  }
  ASSERT_TRUE(Until([&] { return Balanced({slow.get(), heir.get()}); })) << "it is back with its share";
  EXPECT_GE(slow->losses, 1);
}

TEST_F(RealGroup, AGroupPassesFromOneProtocolToTheOtherMemberByMember) {
  for (const bool upgrade : {true, false}) {
    KafkaCluster& from = upgrade ? *classic_ : *consumer_;
    KafkaCluster& to = upgrade ? *consumer_ : *classic_;
    const auto first = Join(from);
    const auto second = Join(from);
    ASSERT_TRUE(Until([&] { return Balanced({first.get(), second.get()}); }));
    const auto third = Join(to);
    ASSERT_TRUE(Until([&] { return Balanced({first.get(), second.get(), third.get()}); })) << upgrade;
    ExpectPartitionsOfOneNumberTogether({first.get(), second.get(), third.get()});
    ASSERT_TRUE(first->member().Close().ok());
    ASSERT_TRUE(Until([&] { return Balanced({second.get(), third.get()}); })) << upgrade;
    const auto fourth = Join(to);
    ASSERT_TRUE(Until([&] { return Balanced({second.get(), third.get(), fourth.get()}); })) << upgrade;
    ASSERT_TRUE(second->member().Close().ok());
    ASSERT_TRUE(Until([&] { return Balanced({third.get(), fourth.get()}); })) << upgrade;
    ExpectPartitionsOfOneNumberTogether({third.get(), fourth.get()});
    // Each of them may commit what it holds.
    const auto producer = MakeProducer();
    for (Member* member : {third.get(), fourth.get()}) {
      ASSERT_TRUE(producer->Begin().ok());
      const std::vector<CommittedOffset> own = {{member->assigned[0], Offset(1), ""}};
      EXPECT_TRUE(producer->SendOffsets(own, **member->member().Token()).ok());
      EXPECT_TRUE(producer->Commit().ok());
    }
    ASSERT_TRUE(third->member().Close().ok());
    ASSERT_TRUE(fourth->member().Close().ok());
  }
}

}  // namespace
}  // namespace millrace
