#include "runtime/dead_letter_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DeadLetterWarning : public ::testing::Test {
 protected:
  /// What is logged when `rows` rows fail.
  std::string Fail(std::size_t rows, const std::string& step = "with-1") {
    const std::vector<std::int64_t> records(rows, 0);
    std::vector<RowError> errors(rows);
    for (RowError& error : errors) error = {0, "overflow", "3 + " + std::to_string(++made_)};
    testing::internal::CaptureStderr();
    EXPECT_TRUE(writer_.Handle(ErrorPolicy::kDrop, step, nullptr, records, errors).ok());
    return testing::internal::GetCapturedStderr();
  }

  ManualClock clock_{EventTime(0)};
  MetricRegistry metrics_;
  DeadLetterWriter writer_{"", clock_, metrics_};
  int made_ = 0;
};

TEST_F(DeadLetterWarning, NamesTheFirstRowOfABatch) {
  EXPECT_THAT(Fail(3),
              AllOf(HasSubstr("rows that failed were dropped"), HasSubstr("rows=3"), HasSubstr("step=with-1"),
                    HasSubstr("class=overflow"), HasSubstr("3 + 1"), Not(HasSubstr("3 + 2"))));
}

TEST_F(DeadLetterWarning, ComesAtMostEveryTenSecondsAndCountsWhatItLeftOut) {
  EXPECT_THAT(Fail(1), HasSubstr("rows=1"));
  EXPECT_THAT(Fail(2), IsEmpty());
  clock_.Advance(std::chrono::milliseconds(9'999));
  EXPECT_THAT(Fail(2), IsEmpty());
  clock_.Advance(std::chrono::milliseconds(1));
  EXPECT_THAT(Fail(3), AllOf(HasSubstr("rows=7"), HasSubstr("3 + 6")));
}

TEST_F(DeadLetterWarning, OfOneStepDoesNotHideThatOfAnother) {
  EXPECT_THAT(Fail(1, "source"), HasSubstr("step=source"));
  EXPECT_THAT(Fail(2, "sink-1"), AllOf(HasSubstr("step=sink-1"), HasSubstr("rows=2")));
  EXPECT_THAT(Fail(2, "source"), IsEmpty());
}

TEST_F(DeadLetterWarning, AndTheEndOfAPipelineHaveNoValuesOfRecords) {
  const std::vector<std::int64_t> records = {0};
  const std::vector<RowError> errors = {
      {0, "cast", "cast(mail as int64): cannot read 'jane@example.com' as int64"}};
  testing::internal::CaptureStderr();
  EXPECT_TRUE(writer_.Handle(ErrorPolicy::kDrop, "with-1", nullptr, records, errors).ok());
  const std::string logged = testing::internal::GetCapturedStderr();
  const Status status = writer_.Handle(ErrorPolicy::kFail, "with-1", nullptr, records, errors);
  for (const std::string& text : {logged, std::string(status.message())})
    EXPECT_THAT(text, AllOf(HasSubstr("cannot read <text of 16 bytes> as int64"), Not(HasSubstr("jane"))));
}

/// Takes records of up to `most` bytes, headers included, and tells of each.
class NarrowProducer final : public Producer {
 public:
  Status Send(const OutgoingRecord& record) override {
    std::size_t bytes = static_cast<std::size_t>(record.key.size + record.value.size);
    std::string headers;
    for (const HeaderView& header : record.headers) {
      bytes += header.name.size() + static_cast<std::size_t>(header.value.size);
      headers.append(header.name).append(" ");
    }
    if (bytes > most) return Status::InvalidArgument("too large");
    sent.push_back(headers);
    key_bytes = record.key.size;
    value_bytes = record.value.size;
    return Status::Ok();
  }
  Status Init() override { return Status::Ok(); }
  Status Begin() override { return Status::Ok(); }
  Status Flush() override { return Status::Ok(); }
  Status SendOffsets(std::span<const CommittedOffset> /*offsets*/, const GroupToken& /*token*/) override {
    return Status::Ok();
  }
  Status Commit() override { return Status::Ok(); }
  Status Abort() override { return Status::Ok(); }
  Offset AcknowledgedEnd(const TopicPartition& /*partition*/) const override { return kNoOffset; }

  std::size_t most = 100'000;
  std::vector<std::string> sent;
  std::int32_t key_bytes = 0;
  std::int32_t value_bytes = 0;
};

TEST(DeadLetter, WhoseMessageIsTooLongIsWrittenWithItsBeginning) {
  ManualClock clock(EventTime(0));
  MetricRegistry metrics;
  DeadLetterWriter writer("dead", clock, metrics);
  NarrowProducer producer;
  writer.set_producer(&producer);
  const std::vector<std::int64_t> records{0};
  const std::vector<RowError> errors{{0, "function", std::string(2 * producer.most, 'x')}};
  const Status status = writer.Handle(ErrorPolicy::kDeadLetter, "map-1", nullptr, records, errors);
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_THAT(producer.sent, testing::ElementsAre(HasSubstr("__connect.errors.exception.message")));
}

TEST(DeadLetter, IsShortenedUntilItsTopicTakesIt) {
  ManualClock clock(EventTime(0));
  MetricRegistry metrics;
  DeadLetterWriter writer("dead", clock, metrics);
  NarrowProducer producer;
  writer.set_producer(&producer);
  RecordBlockBuilder records({"in", Partition(0)});
  const std::string large(200'000, 'x');
  records.Append(Offset(7), 1, BytesView::Of(large), BytesView::Of(large));
  const auto block = records.Finish();
  const std::vector<std::int64_t> first{0};
  const std::vector<RowError> errors{{0, "too_large", large}};
  const struct {
    std::size_t most;
    std::int32_t key_bytes;
    std::int32_t value_bytes;
  } cases[] = {{100'000, 4'096, 65'536}, {30'000, 4'096, 16'384}, {20'000, 4'096, 4'096},
               {10'000, 1'024, 1'024},   {1'000, 256, 256},       {500, 64, 64}};
  for (const auto& one : cases) {
    producer.most = one.most;
    const Status status = writer.Handle(ErrorPolicy::kDeadLetter, "sink-1", block.get(), first, errors);
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(producer.key_bytes, one.key_bytes) << one.most;
    EXPECT_EQ(producer.value_bytes, one.value_bytes) << one.most;
    EXPECT_THAT(producer.sent.back(), HasSubstr("__connect.errors.value.bytes"));
  }
  producer.most = 100;
  EXPECT_EQ(writer.Handle(ErrorPolicy::kDeadLetter, "sink-1", block.get(), first, errors).code(),
            StatusCode::kInvalidArgument)
      << "not even where the record is";
}

TEST_F(DeadLetterWarning, IsNotGivenWhenNothingFailed) { EXPECT_THAT(Fail(0), IsEmpty()); }

}  // namespace
}  // namespace millrace
