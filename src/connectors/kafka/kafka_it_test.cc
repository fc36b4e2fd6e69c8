// On a real Apache Kafka, named by MILLRACE_TEST_KAFKA: what the embedded broker does not do.

#include <map>
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
using testing::HasSubstr;

class RealKafka : public testing::Test {
 protected:
  void SetUp() override {
    bootstrap_ = RealBroker();
    if (IsSkipped()) return;
    cluster_ = MakeCluster();
    ASSERT_TRUE(cluster_->WaitForBroker(Duration(30'000), nullptr).ok());
    // Names of this run and test, so that a broker can be used again.
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    in_ = "in-" + test + "-" + std::to_string(clock_.Now().value());
    out_ = {"out-" + in_, Partition(0)};
    ASSERT_TRUE(cluster_->admin().Create({in_, 2}).ok());
    ASSERT_TRUE(cluster_->admin().Create({out_.topic, 1}).ok());
  }

  std::unique_ptr<KafkaCluster> MakeCluster() {
    KafkaClusterOptions options;
    options.clock = &clock_;
    options.properties = {{"bootstrap.servers", bootstrap_},
                          {"fetch.min.bytes", "1"},
                          {"linger.ms", "0"},
                          {"session.timeout.ms", "6000"},
                          {"transaction.timeout.ms", "4000"}};
    auto cluster = KafkaCluster::Make(std::move(options));
    MR_CHECK(cluster.ok()) << cluster.status().ToString();
    return *std::move(cluster);
  }

  std::unique_ptr<Producer> MakeProducer() {
    auto producer = cluster_->MakeProducer("txn-" + in_);
    MR_CHECK(producer.ok());
    const Status status = (*producer)->Init();
    MR_CHECK(status.ok()) << status.ToString();
    return *std::move(producer);
  }

  std::unique_ptr<Member> Join() {
    auto member = std::make_unique<Member>(*cluster_, "group-" + in_, std::vector<std::string>{in_});
    MR_CHECK(Until([&] { return member->Step(), member->assigned.size() == 2; }));
    return member;
  }

  TopicPartition In(int partition) const { return {in_, Partition(partition)}; }

  /// Reads `out_` read_committed until `end` is passed.
  std::vector<std::string> ReadOut(Offset end) {
    auto reader = cluster_->MakeChangelogReader();
    MR_CHECK((*reader)->Add(out_, Offset(0)).ok());
    std::vector<std::string> values;
    const bool reached = Until([&] {
      const auto blocks = (*reader)->Poll(Duration(50));
      for (const auto& block : *blocks) {
        for (const auto& one : test::RecordsOf(*block)) values.push_back(one.value);
      }
      return (*reader)->Position(out_) >= end;
    });
    EXPECT_TRUE(reached) << "position " << (*reader)->Position(out_) << " of " << end;
    return values;
  }

  Offset EndOfOut() { return (*cluster_->MakeChangelogReader())->Bounds(out_)->second; }

  SystemClock clock_;
  std::string bootstrap_;
  std::string in_;
  TopicPartition out_;
  std::unique_ptr<KafkaCluster> cluster_;
};

TEST_F(RealKafka, ACommitPublishesRecordsAndOffsetsTogether) {
  const auto member = Join();
  const auto producer = MakeProducer();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(producer->Begin().ok());
    ASSERT_TRUE(SendText(*producer, out_, "k", "v" + std::to_string(i)).ok());
    const auto token = member->member().Token();
    ASSERT_TRUE(token.ok());
    const std::vector<CommittedOffset> offsets = {{In(0), Offset(10 * i), "note " + std::to_string(i)}};
    ASSERT_TRUE(producer->SendOffsets(offsets, **token).ok());
    const Status status = producer->Commit();
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(producer->AcknowledgedEnd(out_), Offset(2 * i - 1)) << "one record and one marker each";
  }
  EXPECT_TRUE(Until([&] { return EndOfOut() == Offset(6); }))
      << "markers are written after the commit was answered";
  EXPECT_THAT(ReadOut(Offset(6)), testing::ElementsAre("v1", "v2", "v3"));
  const TopicPartition asked[] = {In(0), In(1)};
  const auto committed = member->member().Committed(asked);
  ASSERT_TRUE(committed.ok()) << committed.status().ToString();
  EXPECT_EQ((*committed)[0].offset, Offset(30));
  EXPECT_EQ((*committed)[0].metadata, "note 3");
  EXPECT_EQ((*committed)[1].offset, kNoOffset);
}

TEST_F(RealKafka, HeadersComeBackWhateverKeyAndValueAreBesideThem) {
  // The reader tells records without headers from what follows their value (fetch.cc).
  const auto producer = MakeProducer();
  const std::string large(100'000, '0');
  const std::vector<std::string_view> values = {"v", "", std::string_view("\0\0", 2), large};
  ASSERT_TRUE(producer->Begin().ok());
  std::vector<std::size_t> sent;
  for (std::size_t i = 0; i < 200; ++i) {
    const std::vector<HeaderView> headers(i % 3, {"h", BytesView::Of("x")});
    OutgoingRecord record{.topic = out_.topic, .partition = out_.partition};
    if (i % 5 != 0) record.value = BytesView::Of(values[i % values.size()]);
    record.timestamp_ms = 1'700'000'000'000;
    record.headers = headers;
    ASSERT_TRUE(producer->Send(record).ok());
    sent.push_back(headers.size());
  }
  ASSERT_TRUE(producer->Flush().ok());
  ASSERT_TRUE(producer->Commit().ok());
  auto reader = cluster_->MakeChangelogReader();
  ASSERT_TRUE((*reader)->Add(out_, Offset(0)).ok());
  std::vector<std::size_t> got;
  EXPECT_TRUE(Until([&] {
    const auto blocks = (*reader)->Poll(Duration(50));
    for (const auto& block : *blocks) {
      for (std::int64_t i = 0; i < block->num_records(); ++i) got.push_back(block->headers(i).size());
    }
    return got.size() >= sent.size();
  }));
  EXPECT_EQ(got, sent);
}

TEST_F(RealKafka, AnAbortPublishesNothingAndReadersPassItsMarker) {
  const auto member = Join();
  const auto producer = MakeProducer();
  ASSERT_TRUE(producer->Begin().ok());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(SendText(*producer, out_, "k", "aborted").ok());
  ASSERT_TRUE(producer->Flush().ok());
  const std::vector<CommittedOffset> offsets = {{In(0), Offset(10), ""}};
  ASSERT_TRUE(producer->SendOffsets(offsets, **member->member().Token()).ok());
  ASSERT_TRUE(producer->Abort().ok());
  EXPECT_TRUE(Until([&] { return EndOfOut() == Offset(101); }))
      << "the marker is written after the abort was answered";
  EXPECT_TRUE(ReadOut(Offset(101)).empty());
  const TopicPartition asked[] = {In(0)};
  EXPECT_EQ((*member->member().Committed(asked))[0].offset, kNoOffset);

  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(SendText(*producer, out_, "k", "kept").ok());
  ASSERT_TRUE(producer->Commit().ok());
  EXPECT_THAT(ReadOut(EndOfOut()), testing::ElementsAre("kept"));
}

TEST_F(RealKafka, ASecondProducerOfTheSameIdEndsTheTransactionOfTheFirstAndFencesIt) {
  const auto first = MakeProducer();
  ASSERT_TRUE(first->Begin().ok());
  ASSERT_TRUE(SendText(*first, out_, "k", "zombie").ok());
  ASSERT_TRUE(first->Flush().ok());
  const auto second = MakeProducer();
  const Status status = first->Commit();
  EXPECT_EQ(status.code(), StatusCode::kFenced) << status.ToString();
  ASSERT_TRUE(second->Begin().ok());
  ASSERT_TRUE(SendText(*second, out_, "k", "new").ok());
  ASSERT_TRUE(second->Commit().ok());
  EXPECT_THAT(ReadOut(EndOfOut()), testing::ElementsAre("new"));
}

TEST_F(RealKafka, AnOpenTransactionCountsForTheEndOfTheLogButNotForReading) {
  auto open = cluster_->MakeProducer("open-" + in_);
  ASSERT_TRUE((*open)->Init().ok());
  ASSERT_TRUE((*open)->Begin().ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(SendText(**open, In(0), "k", "v").ok());
  ASSERT_TRUE((*open)->Flush().ok());

  const auto member = Join();
  EXPECT_EQ(*member->member().Bounds(In(0)), (std::pair{Offset(0), Offset(5)}));
  PartitionProgress progress;
  ASSERT_TRUE(Until([&] {
    member->Step();
    progress = member->member().Progress(In(0));
    return progress.high == Offset(5) && progress.last_stable == Offset(0);
  })) << progress.position
      << " " << progress.last_stable << " " << progress.high;
  EXPECT_EQ(progress.position, Offset(0));
  ASSERT_TRUE((*open)->Commit().ok());
  ASSERT_TRUE(Until([&] {
    member->Step();
    progress = member->member().Progress(In(0));
    return progress.position == Offset(6) && progress.high == Offset(6) &&
           progress.last_stable == Offset(6) && progress.since_last_fetch < Duration(1000);
  })) << "after the marker: "
      << progress.position << " " << progress.last_stable << " " << progress.high;
  EXPECT_EQ(member->count(), 5U);
}

TEST_F(RealKafka, CommittedOffsetsWaitForAnOpenTransactionAndThenAreStable) {
  const auto member = Join();
  const auto producer = MakeProducer();
  ASSERT_TRUE(producer->Begin().ok());
  const std::vector<CommittedOffset> offsets = {{In(0), Offset(10), ""}};
  ASSERT_TRUE(producer->SendOffsets(offsets, **member->member().Token()).ok());
  const auto start = clock_.Steady();
  const TopicPartition asked[] = {In(0)};
  const auto committed =
      member->member().Committed(asked);  // until the broker gives the transaction up after 4 s
  ASSERT_TRUE(committed.ok()) << committed.status().ToString();
  EXPECT_EQ((*committed)[0].offset, kNoOffset);
  EXPECT_GT(clock_.Steady() - start, std::chrono::seconds(2));
  const Status status = producer->Commit();
  EXPECT_EQ(status.code(), StatusCode::kOutcomeUnknown)
      << "timed out, not fenced by another: " << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("transaction.timeout.ms"));
}

TEST_F(RealKafka, TheTokenOfAnOldGenerationIsRefused) {
  auto first = Join();
  const auto old_token = first->member().Token();
  ASSERT_TRUE(old_token.ok());
  const auto producer = MakeProducer();
  Member second(*cluster_, "group-" + in_, {in_});
  ASSERT_TRUE(Until([&] {
    first->Step();
    second.Step();
    return first->assigned.size() == 1 && second.assigned.size() == 1;
  }));
  ASSERT_TRUE(producer->Begin().ok());
  const std::vector<CommittedOffset> offsets = {{In(0), Offset(10), ""}, {In(1), Offset(10), ""}};
  EXPECT_EQ(producer->SendOffsets(offsets, **old_token).code(), StatusCode::kAborted);
  ASSERT_TRUE(producer->Abort().ok());

  // A new token covers only what is held now.
  ASSERT_TRUE(producer->Begin().ok());
  EXPECT_EQ(producer->SendOffsets(offsets, **first->member().Token()).code(), StatusCode::kAborted);
  const std::vector<CommittedOffset> own = {{first->assigned[0], Offset(10), ""}};
  EXPECT_TRUE(producer->SendOffsets(own, **first->member().Token()).ok());
  EXPECT_TRUE(producer->Commit().ok());
}

TEST_F(RealKafka, AMemberThatLeavesIsReplacedAtOnce) {
  auto first = Join();
  Member second(*cluster_, "group-" + in_, {in_});
  ASSERT_TRUE(Until([&] {
    first->Step();
    second.Step();
    return first->assigned.size() == 1 && second.assigned.size() == 1;
  }));
  const auto start = clock_.Steady();
  ASSERT_TRUE(first->member().Close().ok());
  ASSERT_TRUE(Until([&] { return second.Step(), second.assigned.size() == 2; }));
  EXPECT_LT(clock_.Steady() - start, std::chrono::seconds(4)) << "the session lasts 6 s";
  EXPECT_EQ(second.losses, 0);
}

TEST_F(RealKafka, TopicsAreCreatedDescribedAndDeleted) {
  TopicAdmin& admin = cluster_->admin();
  NewTopic topic{"made-" + in_, 3};
  topic.config = {{"cleanup.policy", "compact"}, {"retention.ms", "-1"}};
  ASSERT_TRUE(admin.Create(topic).ok());
  EXPECT_EQ(admin.Create(topic).code(), StatusCode::kAlreadyExists);
  std::optional<TopicDescription> described;
  ASSERT_TRUE(Until([&] { return (described = *admin.Describe(topic.name)).has_value(); }));
  EXPECT_EQ(described->partitions, 3);
  EXPECT_EQ(described->config.at("cleanup.policy"), "compact");
  EXPECT_EQ(described->config.at("retention.ms"), "-1");
  EXPECT_EQ(described->config.count("message.timestamp.after.max.ms"), 1U);
  EXPECT_FALSE(described->topic_id.empty());
  EXPECT_TRUE(admin.Delete(topic.name).ok());
  ASSERT_TRUE(Until([&] { return !admin.Describe(topic.name)->has_value(); }));
  ASSERT_TRUE(admin.Create(topic).ok());
  std::optional<TopicDescription> again;
  ASSERT_TRUE(Until([&] { return (again = *admin.Describe(topic.name)).has_value(); }));
  EXPECT_NE(again->topic_id, described->topic_id);

  EXPECT_EQ(admin.Delete("absent-" + in_).code(), StatusCode::kNotFound);
  NewTopic wrong{"wrong-" + in_, 1};
  wrong.config = {{"cleanup.polizei", "compact"}};
  const Status status = admin.Create(wrong);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.ToString();
  EXPECT_THAT(status.message(), testing::AllOf(HasSubstr(wrong.name), HasSubstr("cleanup.polizei")));
}

TEST_F(RealKafka, DeletedRecordsMoveTheStartOfTheLog) {
  const auto producer = MakeProducer();
  ASSERT_TRUE(producer->Begin().ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(SendText(*producer, out_, "k", "v").ok());
  ASSERT_TRUE(producer->Commit().ok());
  ASSERT_TRUE(cluster_->admin().DeleteRecords(out_, Offset(4)).ok());
  ASSERT_TRUE(Until([&] { return EndOfOut() == Offset(11); }));
  EXPECT_EQ(*(*cluster_->MakeChangelogReader())->Bounds(out_), (std::pair{Offset(4), Offset(11)}));
}

TEST_F(RealKafka, WhatIsRemovedBeforeItIsReadIsAnError) {
  const auto producer = MakeProducer();
  ASSERT_TRUE(producer->Begin().ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(SendText(*producer, out_, "k", "v").ok());
  ASSERT_TRUE(producer->Commit().ok());
  ASSERT_TRUE(cluster_->admin().DeleteRecords(out_, Offset(4)).ok());
  const auto reader = *cluster_->MakeChangelogReader();
  ASSERT_TRUE(reader->Add(out_, Offset(2)).ok());
  Status status;
  ASSERT_TRUE(Until([&] { return !(status = reader->Poll(Duration(100)).status()).ok(); }));
  EXPECT_EQ(status.code(), StatusCode::kAborted) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("offset 2, which comes next, is not in the log any more"));
}

// Text that no codec makes smaller than half.
std::string Noise(std::size_t bytes, std::uint32_t seed) {
  std::string noise;
  for (std::uint32_t i = seed; noise.size() < bytes; ++i) noise += std::to_string(i * 2'654'435'761U);
  noise.resize(bytes);
  return noise;
}

TEST_F(RealKafka, WhatFitsANarrowTopicReachesItBesideWhatDoesNot) {
  NewTopic small{"small-" + in_, 1};
  small.config = {{"max.message.bytes", "20000"}, {"compression.type", "uncompressed"}};
  ASSERT_TRUE(cluster_->admin().Create(small).ok());
  cluster_->SetTopicLimits({{small.name, 20'000}});
  const TopicPartition to{small.name, Partition(0)};
  std::int64_t expected = 0;
  for (const std::string& id : {std::string(), "txn-narrow-" + in_}) {
    const auto producer = *cluster_->MakeProducer(id);
    ASSERT_TRUE(producer->Init().ok() && producer->Begin().ok());
    for (std::uint32_t i = 1; i <= 100; ++i) {
      for (const std::size_t bytes : {100U, 5'000U, 15'000U, 20'000U - 61U - 36U - 1U})
        ASSERT_TRUE(SendText(*producer, to, "k", Noise(bytes, i)).ok());
      ASSERT_TRUE(SendText(*producer, out_, "k", Noise(50'000, i)).ok());
      EXPECT_EQ(SendText(*producer, to, "k", Noise(20'000, i)).code(), StatusCode::kInvalidArgument);
    }
    const Status written = id.empty() ? producer->Flush() : producer->Commit();
    EXPECT_TRUE(written.ok()) << written.ToString();
    EXPECT_EQ(producer->AcknowledgedEnd(to), Offset(expected += 400));
  }
}

TEST_F(RealKafka, ARecordThatTheTopicRefusesDoomsItsTransactionAsAUserError) {
  NewTopic small{"small-" + in_, 1};
  small.config = {{"max.message.bytes", "1000"}};
  ASSERT_TRUE(cluster_->admin().Create(small).ok());
  const auto producer = MakeProducer();
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(SendText(*producer, {small.name, Partition(0)}, "k", Noise(20'000, 1)).ok());
  const Status status = producer->Commit();
  EXPECT_EQ(status.code(), StatusCode::kAborted) << status.ToString();
  EXPECT_EQ(status.error_class(), ErrorClass::kUser);
  EXPECT_THAT(status.message(), HasSubstr("max.message.bytes"));
  ASSERT_TRUE(producer->Abort().ok());
}

}  // namespace
}  // namespace millrace
