#include "connectors/kafka/kafka_cluster.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connect/murmur2.h"
#include "connectors/kafka/kafka_test_support.h"

namespace millrace {
namespace {

using test::Member;
using test::Received;
using test::SendText;
using test::Until;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const TopicPartition kIn0{"in", Partition(0)};
const TopicPartition kIn1{"in", Partition(1)};

class EmbeddedKafka : public testing::Test {
 protected:
  void SetUp() override {
    auto broker = kafka::EmbeddedBroker::Start(clock_);
    ASSERT_TRUE(broker.ok()) << broker.status().ToString();
    broker_ = *std::move(broker);
    cluster_ = MakeCluster();
    ASSERT_TRUE(cluster_->admin().Create({"in", 2}).ok());
  }

  std::unique_ptr<KafkaCluster> MakeCluster() {
    KafkaClusterOptions options;
    options.clock = &clock_;
    options.metrics = &metrics_;
    options.embedded = broker_.get();
    options.properties = {{"fetch.min.bytes", "1"}};
    auto cluster = KafkaCluster::Make(std::move(options));
    MR_CHECK(cluster.ok()) << cluster.status().ToString();
    return *std::move(cluster);
  }

  std::unique_ptr<Producer> MakeProducer() {
    auto producer = cluster_->MakeProducer("");
    MR_CHECK(producer.ok()) << producer.status().ToString();
    MR_CHECK((*producer)->Init().ok());
    return *std::move(producer);
  }

  void Write(const TopicPartition& to, int count) {
    const auto producer = MakeProducer();
    for (int i = 0; i < count; ++i) ASSERT_TRUE(SendText(*producer, to, "k", "v" + std::to_string(i)).ok());
    ASSERT_TRUE(producer->Flush().ok());
    EXPECT_GE(producer->AcknowledgedEnd(to), Offset(count));
  }

  SystemClock clock_;
  MetricRegistry metrics_;
  std::unique_ptr<kafka::EmbeddedBroker> broker_;
  std::unique_ptr<KafkaCluster> cluster_;
};

TEST_F(EmbeddedKafka, ALookAtATopicThatIsNotThereDoesNotMakeIt) {
  kafka::ClientOptions options;
  options.clock = &clock_;
  options.properties = {{"bootstrap.servers", broker_->bootstrap()}};
  const auto admin = kafka::AdminClient::Make(options);
  ASSERT_TRUE(admin.ok());
  EXPECT_FALSE((*admin)->Bounds({"missing", Partition(0)}).ok());
  EXPECT_EQ((*admin)->List()->size(), 1U) << "only 'in' is there";
}

/// The same broker as another process sees it: by its address.
class RemoteEmbeddedKafka : public EmbeddedKafka {
 protected:
  void SetUp() override {
    EmbeddedKafka::SetUp();
    KafkaClusterOptions options;
    options.clock = &clock_;
    options.properties = {{"bootstrap.servers", broker_->bootstrap()}};
    auto cluster = KafkaCluster::Make(std::move(options));
    ASSERT_TRUE(cluster.ok()) << cluster.status().ToString();
    remote_ = *std::move(cluster);
    const Status found = remote_->WaitForBroker(Duration(10'000), nullptr);
    ASSERT_TRUE(found.ok()) << found.ToString();
  }
  std::unique_ptr<KafkaCluster> remote_;
};

TEST_F(RemoteEmbeddedKafka, IsKnownToStoreNoTransactionalOffsets) {
  EXPECT_FALSE(remote_->supports_exactly_once());
}

TEST_F(RemoteEmbeddedKafka, TopicsAreFoundAndMadeWithoutAdminRequests) {
  TopicAdmin& admin = remote_->admin();
  EXPECT_EQ(admin.Describe("in")->value().partitions, 2);
  EXPECT_FALSE(admin.Describe("fresh")->has_value());
  ASSERT_EQ(admin.fixed_partitions(), 4);
  const Status made = admin.Create({"fresh", 1});
  ASSERT_TRUE(made.ok()) << made.ToString();
  EXPECT_EQ(admin.Describe("fresh")->value().partitions, 4);
  EXPECT_EQ(admin.Create({"fresh", 1}).code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(admin.DeleteRecords({"in", Partition(0)}, Offset(1)).ok()) << "a purge is not needed there";
}

TEST_F(EmbeddedKafka, RecordsComeBackAsTheyWereWritten) {
  const auto producer = MakeProducer();
  const HeaderView header{"h", BytesView::Of("x")};
  OutgoingRecord record{.topic = "in", .partition = Partition(0)};
  record.key = BytesView::Of("k");
  record.value = BytesView::Of("v");
  record.timestamp_ms = 1'700'000'000'123;
  record.headers = {&header, 1};
  ASSERT_TRUE(producer->Send(record).ok());
  record.key = {};
  record.value = {};
  record.headers = {};
  ASSERT_TRUE(producer->Send(record).ok());
  record.key = BytesView::Of("");
  record.value = BytesView::Of("");
  ASSERT_TRUE(producer->Send(record).ok());
  ASSERT_TRUE(producer->Flush().ok());

  Member member(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] { return member.Step(), member.count() == 3; })) << member.last_error.ToString();
  const std::vector<Received>& got = member.received[kIn0];
  EXPECT_EQ(got[0].key, "k");
  EXPECT_EQ(got[0].value, "v");
  EXPECT_EQ(got[0].timestamp_ms, 1'700'000'000'123);
  EXPECT_EQ(got[0].headers, (std::map<std::string, std::string>{{"h", "x"}}));
  EXPECT_TRUE(got[1].null_key && got[1].null_value && got[1].headers.empty());
  EXPECT_TRUE(!got[2].null_key && !got[2].null_value && got[2].value.empty());
}

TEST_F(EmbeddedKafka, AnEventTimeThatKafkaCannotKeepTravelsInAHeader) {
  const auto producer = MakeProducer();
  for (const std::int64_t time : {-62'135'596'800'000L, -1L, 0L, 1L}) {
    OutgoingRecord record{.topic = "in", .partition = Partition(0)};
    record.timestamp_ms = time;
    ASSERT_TRUE(producer->Send(record).ok());
  }
  ASSERT_TRUE(producer->Flush().ok());
  Member member(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] { return member.Step(), member.count() == 4; }));
  const std::vector<Received>& got = member.received[kIn0];
  for (const Received& one : got) EXPECT_EQ(one.timestamp_ms, 1);
  EXPECT_EQ(got[0].headers.at("millrace.event_time"), "-62135596800000");
  EXPECT_EQ(got[1].headers.at("millrace.event_time"), "-1");
  EXPECT_EQ(got[2].headers.at("millrace.event_time"), "0");
  EXPECT_TRUE(got[3].headers.empty());
}

TEST_F(EmbeddedKafka, KeysGoToThePartitionOfTheJavaClient) {
  const auto producer = MakeProducer();
  for (int i = 0; i < 50; ++i) {
    const std::string key = "key-" + std::to_string(i);
    OutgoingRecord record{.topic = "in"};
    record.key = BytesView::Of(key);
    record.timestamp_ms = 5;
    ASSERT_TRUE(producer->Send(record).ok());
  }
  ASSERT_TRUE(producer->Flush().ok());
  Member member(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] { return member.Step(), member.count() == 50; }));
  for (const auto& [partition, records] : member.received) {
    for (const Received& one : records) EXPECT_EQ(PartitionOfKey(one.key, 2), partition.partition) << one.key;
  }
}

TEST_F(EmbeddedKafka, PartitionsDeliverOnlyAfterStartAndFromTheOffsetGiven) {
  Write(kIn0, 10);
  Write(kIn1, 10);
  Member member(*cluster_, "g", {"in"});
  member.start_when_assigned = false;
  ASSERT_TRUE(Until([&] { return member.Step(), member.assigned.size() == 2; }));
  for (int i = 0; i < 20; ++i) member.Step();
  EXPECT_EQ(member.count(), 0U);

  ASSERT_TRUE(member.member().Start(kIn1, Offset(7)).ok());
  ASSERT_TRUE(Until([&] { return member.Step(), member.count() == 3; }));
  EXPECT_EQ(member.received[kIn1][0].offset, 7);
  EXPECT_TRUE(member.received[kIn0].empty());

  // Started again, it is a seek.
  ASSERT_TRUE(member.member().Start(kIn1, Offset(2)).ok());
  ASSERT_TRUE(Until([&] { return member.Step(), member.count() == 11; }));
  EXPECT_EQ(member.received[kIn1][3].offset, 2);
}

TEST_F(EmbeddedKafka, APausedPartitionDeliversNothingUntilResumedAndLosesNothing) {
  Write(kIn0, 5);
  Member member(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] { return member.Step(), member.count() == 5; }));
  ASSERT_TRUE(member.member().Pause(kIn0).ok());
  Write(kIn0, 5);
  for (int i = 0; i < 10; ++i) member.Step();
  EXPECT_EQ(member.count(), 5U);
  ASSERT_TRUE(member.member().Resume(kIn0).ok());
  ASSERT_TRUE(Until([&] { return member.Step(), member.count() == 10; }));
  EXPECT_EQ(member.received[kIn0].back().offset, 9);
}

TEST_F(EmbeddedKafka, PollKeepsItsLimits) {
  Write(kIn0, 1000);
  Member member(*cluster_, "g", {"in"});
  member.start_when_assigned = false;
  ASSERT_TRUE(Until([&] { return member.Step(), !member.assigned.empty(); }));
  ASSERT_TRUE(member.member().Start(kIn0, Offset(0)).ok());
  std::int64_t expected = 0;
  ASSERT_TRUE(Until([&] {
    const auto nothing = member.member().Poll({.wait = Duration(1), .max_records = 0});
    EXPECT_TRUE(nothing.ok() && nothing->empty());
    const auto blocks = member.member().Poll({.wait = Duration(50), .max_records = 64});
    EXPECT_TRUE(blocks.ok());
    for (const auto& block : *blocks) {
      EXPECT_LE(block->num_records(), 64);
      for (const std::int64_t offset : block->offsets()) EXPECT_EQ(offset, expected++);
    }
    return expected == 1000;
  }));
}

TEST_F(EmbeddedKafka, TwoMembersShareThePartitionsAndNothingIsLost) {
  auto first = std::make_unique<Member>(*cluster_, "g", std::vector<std::string>{"in"});
  ASSERT_TRUE(Until([&] { return first->Step(), first->assigned.size() == 2; }));
  Member second(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] {
    first->Step();
    second.Step();
    return first->assigned.size() == 1 && second.assigned.size() == 1;
  }));
  // How many rebalances it takes depends on the speed of the machine. When the second member joins, the
  // embedded broker waits a second less than the session timeout of 2 s, and not the whole poll interval as
  // Apache Kafka does; then it goes on with those that are there. A first member that comes later, because it
  // learns of the rebalance by its next heartbeat and first has to hand back what it holds, begins another
  // rebalance, and so hands back once more. What holds for every member however often that happens: an
  // assignment is handed back, whole and once, before the next one comes.
  EXPECT_GE(first->assignments, 2);
  EXPECT_EQ(first->revocations, first->assignments - 1);
  EXPECT_EQ(second.revocations, second.assignments - 1);
  EXPECT_TRUE(first->alternated)
      << "an assignment came over one still held, or a revocation of something else";
  EXPECT_TRUE(second.alternated);
  EXPECT_EQ(first->losses, 0);
  EXPECT_NE(first->assigned[0], second.assigned[0]);
  Write(kIn0, 3);
  Write(kIn1, 3);
  ASSERT_TRUE(Until([&] {
    first->Step();
    second.Step();
    return first->count() == 3 && second.count() == 3;
  }));
  const int revocations = first->revocations;
  ASSERT_TRUE(first->member().Close().ok());
  EXPECT_EQ(first->revocations, revocations + 1);
  ASSERT_TRUE(Until([&] { return second.Step(), second.assigned.size() == 2; }));
  ASSERT_TRUE(Until([&] { return second.Step(), second.count() == 6; }))
      << "the partition of the member that left";
}

TEST_F(EmbeddedKafka, OffsetsAreCommittedWithTheirMetadataAndOnlyWhileHeld) {
  Member member(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] { return member.Step(), member.assigned.size() == 2; }));
  const std::vector<CommittedOffset> offsets = {{kIn0, Offset(42), "watermark=17"}};
  ASSERT_TRUE(member.member().CommitOffsets(offsets).ok());
  const TopicPartition asked[] = {kIn0, kIn1};
  const auto committed = member.member().Committed(asked);
  ASSERT_TRUE(committed.ok()) << committed.status().ToString();
  EXPECT_EQ((*committed)[0].offset, Offset(42));
  EXPECT_EQ((*committed)[0].metadata, "watermark=17");
  EXPECT_EQ((*committed)[1].offset, kNoOffset);

  const std::vector<CommittedOffset> foreign = {{{"in", Partition(7)}, Offset(1), ""}};
  EXPECT_EQ(member.member().CommitOffsets(foreign).code(), StatusCode::kAborted);
}

TEST_F(EmbeddedKafka, ATokenExistsOnlyWhileAGenerationIsHeld) {
  auto made = cluster_->MakeGroupMember("g", "c");
  ASSERT_TRUE(made.ok());
  EXPECT_EQ((*made)->Token().status().code(), StatusCode::kAborted);
  Member member(*cluster_, "g", {"in"});
  ASSERT_TRUE(Until([&] { return member.Step(), member.assigned.size() == 2; }));
  EXPECT_TRUE(member.member().Token().ok());
  EXPECT_FALSE(member.member().AssignmentLost());
  ASSERT_TRUE(member.member().Close().ok());
  EXPECT_EQ(member.member().Token().status().code(), StatusCode::kAborted);
}

TEST_F(EmbeddedKafka, ProgressShowsThatAPartitionWasReadToItsEnd) {
  Write(kIn0, 5);
  Member member(*cluster_, "g", {"in"});
  PartitionProgress progress;
  ASSERT_TRUE(Until([&] {
    member.Step();
    if (member.assigned.empty()) return false;
    progress = member.member().Progress(kIn0);
    return progress.position == Offset(5) && progress.high == Offset(5) &&
           progress.last_stable == Offset(5) && progress.since_last_fetch < Duration(1000);
  })) << progress.position
      << " " << progress.last_stable << " " << progress.high << " " << progress.since_last_fetch.count();
  const auto bounds = member.member().Bounds(kIn0);
  ASSERT_TRUE(bounds.ok()) << bounds.status().ToString();
  EXPECT_EQ(*bounds, (std::pair{Offset(0), Offset(5)}));
}

TEST_F(EmbeddedKafka, ChangelogsAreReadFromTheOffsetGivenToTheirEnd) {
  Write(kIn0, 10);
  Write(kIn1, 4);
  auto reader = cluster_->MakeChangelogReader();
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(*(*reader)->Bounds(kIn0), (std::pair{Offset(0), Offset(10)}));
  ASSERT_TRUE((*reader)->Add(kIn0, Offset(6)).ok());
  ASSERT_TRUE((*reader)->Add(kIn1, Offset(4)).ok());
  EXPECT_EQ((*reader)->Add(kIn0, Offset(6)).code(), StatusCode::kAlreadyExists);
  std::int64_t records = 0;
  ASSERT_TRUE(Until([&] {
    const auto blocks = (*reader)->Poll(Duration(50));
    EXPECT_TRUE(blocks.ok());
    for (const auto& block : *blocks) records += block->num_records();
    return (*reader)->Position(kIn0) == Offset(10);
  }));
  EXPECT_EQ(records, 4);
  EXPECT_EQ((*reader)->Position(kIn1), Offset(4));
  EXPECT_TRUE((*reader)->Remove(kIn0).ok());
  EXPECT_EQ((*reader)->Position(kIn0), kNoOffset);
}

TEST_F(EmbeddedKafka, TopicsAreMadeDescribedAndDeletedInTheProcess) {
  TopicAdmin& admin = cluster_->admin();
  EXPECT_FALSE(cluster_->supports_exactly_once());
  NewTopic topic{"made", 3};
  topic.config = {{"cleanup.policy", "compact"}};
  ASSERT_TRUE(admin.Create(topic).ok());
  EXPECT_EQ(admin.Create(topic).code(), StatusCode::kAlreadyExists);
  const auto described = admin.Describe("made");
  ASSERT_TRUE(described.ok() && described->has_value());
  EXPECT_EQ((*described)->partitions, 3);
  EXPECT_EQ((*described)->config.at("cleanup.policy"), "compact");
  const std::string first_id = (*described)->topic_id;
  EXPECT_FALSE(admin.Describe("absent")->has_value());
  EXPECT_EQ(admin.List()->size(), 2U);
  ASSERT_TRUE(admin.Delete("made").ok());
  EXPECT_FALSE(admin.Describe("made")->has_value());
  ASSERT_TRUE(admin.Create(topic).ok());
  EXPECT_NE((*admin.Describe("made"))->topic_id, first_id);
}

TEST_F(EmbeddedKafka, APartitionWhoseNextRecordIsGoneIsAssignedAnewAndNothingOfItIsDeliveredBefore) {
  Write(kIn0, 10);
  Write(kIn1, 100);
  ASSERT_TRUE(cluster_->admin().DeleteRecords(kIn0, Offset(6)).ok());
  Member member(*cluster_, "g", {"in"});
  member.start_when_assigned = false;
  ASSERT_TRUE(Until([&] { return member.Step(), member.assigned.size() == 2; }));
  const int revocations = member.revocations;
  for (const TopicPartition& partition : {kIn0, kIn1})
    ASSERT_TRUE(member.member().Start(partition, Offset(2)).ok());
  ASSERT_TRUE(Until([&] {
    const auto blocks = *member.member().Poll({.wait = Duration(50), .max_records = 1});
    for (const auto& block : blocks) EXPECT_EQ(block->partition(), kIn1);
    return member.revocations > revocations;
  }));
  ASSERT_TRUE(Until([&] { return member.Step(), member.assigned.size() == 2; }));
}

TEST_F(EmbeddedKafka, APollThatLingersTakesWhatComesAfterTheFirstRecord) {
  Write(kIn0, 3);
  Write(kIn1, 3);
  Member member(*cluster_, "g", {"in"});
  member.start_when_assigned = false;
  ASSERT_TRUE(Until([&] { return member.Step(), member.assigned.size() == 2; }));
  for (const TopicPartition& partition : {kIn0, kIn1})
    ASSERT_TRUE(member.member().Start(partition, Offset(0)).ok());
  std::int64_t records = 0;
  ASSERT_TRUE(Until([&] {
    const auto blocks =
        *member.member().Poll({.wait = Duration(100), .max_records = 6, .linger = Duration(20'000)});
    for (const auto& block : blocks) records += block->num_records();
    return records > 0;
  }));
  EXPECT_EQ(records, 6);
}

TEST_F(EmbeddedKafka, DeletedRecordsAreGone) {
  Write(kIn0, 10);
  ASSERT_TRUE(cluster_->admin().DeleteRecords(kIn0, Offset(6)).ok());
  const auto reader = cluster_->MakeChangelogReader();
  EXPECT_EQ(*(*reader)->Bounds(kIn0), (std::pair{Offset(6), Offset(10)}));
}

TEST_F(EmbeddedKafka, WhatIsRemovedBeforeItIsReadIsAnError) {
  Write(kIn0, 10);
  ASSERT_TRUE(cluster_->admin().DeleteRecords(kIn0, Offset(6)).ok());
  const auto reader = *cluster_->MakeChangelogReader();
  ASSERT_TRUE(reader->Add(kIn0, Offset(2)).ok());
  Status status;
  ASSERT_TRUE(Until([&] { return !(status = reader->Poll(Duration(100)).status()).ok(); }));
  EXPECT_EQ(status.code(), StatusCode::kAborted) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("offset 2, which comes next, is not in the log any more"));
}

TEST_F(EmbeddedKafka, ARecordThatIsTooLargeIsAUserErrorAndTheNextOneGoesThrough) {
  const auto producer = MakeProducer();
  const std::string large(2'000'000, 'x');
  const Status status = SendText(*producer, kIn0, "k", large);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("in[0]"), HasSubstr("message.max.bytes")));
  EXPECT_TRUE(SendText(*producer, kIn0, "k", "small").ok());
  EXPECT_TRUE(producer->Flush().ok());
}

TEST(KafkaClusterTest, WithoutABrokerTheWaitEndsWithTheAddressAndWhatToCheck) {
  const SystemClock clock;
  KafkaClusterOptions options;
  options.clock = &clock;
  options.properties = {{"bootstrap.servers", "127.0.0.1:1"}};
  auto cluster = KafkaCluster::Make(std::move(options));
  ASSERT_TRUE(cluster.ok());
  int attempts = 0;
  const Status status = (*cluster)->WaitForBroker(Duration(1500), [&](const Status& reason) {
    ++attempts;
    EXPECT_FALSE(reason.ok());
  });
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_GE(attempts, 2);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("bootstrap.servers")));
}

TEST(KafkaClusterTest, WrongPropertiesAreRefusedBeforeAnythingIsContacted) {
  const SystemClock clock;
  KafkaClusterOptions options;
  options.clock = &clock;
  options.properties = {{"bootstrap.servers", "127.0.0.1:1"}, {"sasl.passwort", "hunter2"}};
  const auto cluster = KafkaCluster::Make(std::move(options));
  EXPECT_EQ(cluster.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(cluster.status().message(), AllOf(HasSubstr("sasl.password"), Not(HasSubstr("hunter2"))));
}

}  // namespace
}  // namespace millrace
