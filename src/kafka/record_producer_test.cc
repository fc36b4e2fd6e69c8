#include "kafka/record_producer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include "base/check.h"
#include "kafka/embedded_broker.h"
#include "kafka/group_consumer.h"
#include "kafka/partition_reader.h"

namespace millrace::kafka {
namespace {

using testing::HasSubstr;

// Keys of the Kafka protocol.
constexpr std::int16_t kProduce = 0;
constexpr std::int16_t kInitProducerId = 22;
constexpr std::int16_t kAddOffsetsToTxn = 25;
constexpr std::int16_t kEndTxn = 26;
constexpr std::int16_t kTxnOffsetCommit = 28;

constexpr int kLostConnection = RD_KAFKA_RESP_ERR__TRANSPORT;

/// A transactional producer on an embedded broker, and a group member that holds in[0].
class Transactions : public testing::Test, private RebalanceListener {
 protected:
  void SetUp() override {
    broker_ = Take(EmbeddedBroker::Start(clock_));
    ASSERT_TRUE(broker_->CreateTopic("in", 1).ok());
    producer_ = MakeProducer();
    ASSERT_TRUE(producer_->Init().ok());
  }

  template <typename T>
  static T Take(Result<T> result) {
    MR_CHECK(result.ok()) << result.status().ToString();
    return *std::move(result);
  }

  ClientOptions Options() {
    ClientOptions options;
    options.clock = &clock_;
    options.properties = {{"bootstrap.servers", broker_->bootstrap()}, {"linger.ms", "0"}};
    return options;
  }

  std::unique_ptr<RecordProducer> MakeProducer() { return Take(RecordProducer::Make(Options(), "app-0")); }

  Status SendOne() {
    Record record;
    record.topic = "in";
    record.partition = Partition(0);
    record.value = BytesView::Of("v");
    record.timestamp_ms = 1;
    return producer_->Send(record);
  }

  std::shared_ptr<const GroupMembership> Join() {
    consumer_ = Take(GroupConsumer::Make(Options(), "g"));
    MR_CHECK(consumer_->Subscribe({"in"}, this).ok());
    for (int i = 0; i < 1000 && !assigned_; ++i) MR_CHECK(consumer_->Poll({.wait = Duration(20)}).ok());
    return Take(consumer_->Membership());
  }

  void OnAssigned(std::vector<TopicPartition>) override { assigned_ = true; }
  void OnRevoked(std::vector<TopicPartition>, bool) override {}

  SystemClock clock_;
  bool assigned_ = false;
  std::unique_ptr<EmbeddedBroker> broker_;
  std::unique_ptr<RecordProducer> producer_;
  std::unique_ptr<GroupConsumer> consumer_;
};

TEST_F(Transactions, FollowEachOther) {
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(producer_->Begin().ok());
    ASSERT_TRUE(SendOne().ok());
    const Status status = producer_->Commit();
    ASSERT_TRUE(status.ok()) << status.ToString();
    EXPECT_GE(producer_->AcknowledgedEnd({"in", Partition(0)}), Offset(i));
  }
  EXPECT_EQ(producer_->AcknowledgedEnd({"other", Partition(0)}), kNoOffset);
}

TEST_F(Transactions, ARecordWithAnOldEpochIsFencedOnlyWhileItsTransactionMayLast) {
  const std::pair<Duration, StatusCode> cases[] = {{Duration(9'000), StatusCode::kFenced},
                                                   {Duration(10'000), StatusCode::kOutcomeUnknown}};
  for (const auto& [lasted, expected] : cases) {
    ManualClock manual{EventTime(1'000)};
    ClientOptions options = Options();
    options.clock = &manual;
    producer_.reset();
    producer_ = Take(RecordProducer::Make(options, "app-0"));
    ASSERT_TRUE(producer_->Init().ok());
    ASSERT_TRUE(producer_->Begin().ok());
    manual.Advance(lasted);
    broker_->FailRequests(kProduce, {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH});
    ASSERT_TRUE(SendOne().ok());
    const Status status = producer_->Flush();
    EXPECT_EQ(status.code(), expected) << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr("in[0]"));
    producer_.reset();  // before its clock
  }
}

// Many more than the queue has room for, so that some of a call are taken and the others wait.
TEST_F(Transactions, ManyRecordsSentTogetherArriveInOrderThoughTheQueueIsFull) {
  ClientOptions options = Options();
  options.properties["queue.buffering.max.messages"] = "100";
  producer_.reset();
  producer_ = Take(RecordProducer::Make(options, "app-0"));
  ASSERT_TRUE(producer_->Init().ok());
  ASSERT_TRUE(producer_->Begin().ok());
  constexpr std::size_t kRecords = 1'000;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < kRecords; ++i) texts.push_back(std::to_string(i));
  std::vector<KeyValue> records;
  for (const std::string& text : texts) records.push_back({BytesView::Of(text), BytesView::Of(text)});
  records[7].value = BytesView();
  records[8].value = BytesView::Of("");
  ASSERT_TRUE(producer_->SendAll("in", Partition(0), records).ok());
  ASSERT_TRUE(producer_->Commit().ok());
  EXPECT_EQ(producer_->AcknowledgedEnd({"in", Partition(0)}), Offset(kRecords));

  auto reader = Take(PartitionReader::Make(Options()));
  ASSERT_TRUE(reader->Add({"in", Partition(0)}, Offset(0)).ok());
  std::size_t next = 0;
  for (int polls = 0; polls < 1'000 && next < kRecords; ++polls) {
    for (const auto& block : Take(reader->Poll({.wait = Duration(20)}))) {
      for (std::size_t i = 0; i < block->keys().size(); ++i, ++next) {
        ASSERT_EQ(block->keys()[i].view(), texts[next]);
        ASSERT_EQ(block->values()[i].is_null(), next == 7) << next;
        ASSERT_EQ(block->values()[i].view(), next == 7 || next == 8 ? "" : texts[next]);
      }
    }
  }
  EXPECT_EQ(next, kRecords);
}

TEST_F(Transactions, OneOfManyThatIsTooLargeIsAMistakeOfTheUser) {
  ASSERT_TRUE(producer_->Begin().ok());
  const std::string large(2 << 20, 'x');
  const std::vector<KeyValue> records = {{BytesView::Of("a"), BytesView::Of("small")},
                                         {BytesView::Of("b"), BytesView::Of(large)}};
  const Status status = producer_->SendAll("in", Partition(0), records);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.ToString();
  EXPECT_THAT(status.message(),
              testing::AllOf(HasSubstr("in[0]"), HasSubstr("2097153 bytes"), HasSubstr("message.max.bytes")));
}

// A record of which a broker stores 61 bytes of batch and at most 36 of lengths beside what it has.
TEST_F(Transactions, WhatItsTopicDoesNotTakeIsRefusedAloneAndWithBothFigures) {
  constexpr std::int64_t kTaken = 1'000;
  ASSERT_TRUE(broker_->CreateTopic("wide", 1).ok());
  producer_.reset();
  producer_ = Take(RecordProducer::Make(Options(), "app-0", {{"in", kTaken}, {"wide", 2 * kTaken}}));
  ASSERT_TRUE(producer_->Init().ok());
  ASSERT_TRUE(producer_->Begin().ok());
  const std::string fits(kTaken - 61 - 36 - 1, 'x');
  const std::string too_large = fits + "x";
  const HeaderView header{"h", BytesView::Of("v")};
  const auto send = [&](std::string_view topic, std::string_view value, std::span<const HeaderView> headers,
                        std::int64_t timestamp_ms = 1) {
    return producer_->Send(
        {topic, Partition(0), BytesView::Of("k"), BytesView::Of(value), timestamp_ms, headers});
  };
  EXPECT_TRUE(send("in", fits, {}).ok());
  EXPECT_TRUE(send("wide", too_large, {}).ok());
  EXPECT_EQ(send("in", fits, {&header, 1}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(send("in", fits, {}, 0).code(), StatusCode::kInvalidArgument) << "its time is a header";
  const std::vector<KeyValue> records = {{BytesView::Of("a"), BytesView::Of(fits)},
                                         {BytesView::Of("b"), BytesView::Of(too_large)}};
  for (const Status& refused : {send("in", too_large, {}), producer_->SendAll("in", Partition(0), records)}) {
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(refused.message(),
                testing::AllOf(HasSubstr("in[0]"), HasSubstr("1001 bytes"),
                               HasSubstr("max.message.bytes of the topic (1000)"), HasSubstr("1048400")));
  }
  const Status committed = producer_->Commit();
  EXPECT_TRUE(committed.ok()) << committed.ToString();
}

struct CommitCase {
  const char* what;
  std::vector<int> end_errors;
  StatusCode expected;
};

TEST_F(Transactions, TheOutcomeOfACommitIsNeverClaimedWhenItIsNotKnown) {
  const CommitCase cases[] = {
      {"a broker that is busy is asked again", {RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS}, StatusCode::kOk},
      {"a lost answer, though the second try succeeds", {kLostConnection}, StatusCode::kOutcomeUnknown},
      {"another producer has the id", {RD_KAFKA_RESP_ERR_PRODUCER_FENCED}, StatusCode::kFenced},
      {"an old epoch", {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH}, StatusCode::kFenced},
  };
  for (const CommitCase& one : cases) {
    producer_.reset();
    producer_ = MakeProducer();
    ASSERT_TRUE(producer_->Init().ok());
    ASSERT_TRUE(producer_->Begin().ok());
    ASSERT_TRUE(SendOne().ok());
    ASSERT_TRUE(producer_->Flush().ok());
    broker_->FailRequests(kEndTxn, one.end_errors);
    const Status status = producer_->Commit();
    EXPECT_EQ(status.code(), one.expected) << one.what << ": " << status.ToString();
  }
}

TEST_F(Transactions, ARefusedRecordDoomsTheTransactionAndLaterOnesGoThrough) {
  ASSERT_TRUE(producer_->Begin().ok());
  broker_->FailRequests(kProduce, {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP});
  ASSERT_TRUE(SendOne().ok());
  Status status = producer_->Commit();
  EXPECT_EQ(status.code(), StatusCode::kAborted) << status.ToString();
  EXPECT_EQ(status.error_class(), ErrorClass::kUser) << "the same record would be refused again";
  EXPECT_THAT(status.message(),
              testing::AllOf(HasSubstr("in[0]"), HasSubstr("message.timestamp.after.max.ms")));
  EXPECT_EQ(SendOne().code(), StatusCode::kAborted);
  ASSERT_TRUE(producer_->Abort().ok());
  // librdkafka may need one more abort to renew its sequence numbers.
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_TRUE(producer_->Begin().ok());
    ASSERT_TRUE(SendOne().ok());
    status = producer_->Commit();
    if (status.ok()) break;
    EXPECT_EQ(status.code(), StatusCode::kAborted) << status.ToString();
    EXPECT_EQ(status.error_class(), ErrorClass::kRetryable) << status.ToString();
    ASSERT_TRUE(producer_->Abort().ok());
  }
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST_F(Transactions, ALostAnswerToTheOffsetsIsNotKnownEither) {
  const auto membership = Join();
  const std::vector<GroupOffset> offsets = {{{"in", Partition(0)}, Offset(1), "note"}};
  for (const std::int16_t request : {kAddOffsetsToTxn, kTxnOffsetCommit}) {
    producer_.reset();
    producer_ = MakeProducer();
    ASSERT_TRUE(producer_->Init().ok());
    ASSERT_TRUE(producer_->Begin().ok());
    broker_->FailRequests(request, {kLostConnection});
    const Status status = producer_->SendOffsets(offsets, *membership);
    EXPECT_EQ(status.code(), StatusCode::kOutcomeUnknown) << request << ": " << status.ToString();
  }
}

TEST_F(Transactions, OffsetsOfAnOldGenerationOrOfAPartitionNotHeldAreRefused) {
  const auto membership = Join();
  ASSERT_TRUE(producer_->Begin().ok());
  const std::vector<GroupOffset> foreign = {{{"in", Partition(3)}, Offset(1), ""}};
  EXPECT_EQ(producer_->SendOffsets(foreign, *membership).code(), StatusCode::kAborted);

  broker_->FailRequests(kTxnOffsetCommit, {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION});
  const std::vector<GroupOffset> own = {{{"in", Partition(0)}, Offset(1), ""}};
  EXPECT_EQ(producer_->SendOffsets(own, *membership).code(), StatusCode::kAborted);
  EXPECT_TRUE(producer_->Abort().ok());
}

TEST_F(Transactions, WithoutPermissionForTheIdTheErrorSaysSo) {
  producer_ = MakeProducer();
  broker_->FailRequests(kInitProducerId, {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED});
  const Status status = producer_->Init();
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("app-0"));
}

}  // namespace
}  // namespace millrace::kafka
