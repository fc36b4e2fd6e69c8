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
  std::string Fail(std::size_t rows) {
    const std::vector<std::int64_t> records(rows, 0);
    std::vector<RowError> errors(rows);
    for (RowError& error : errors) error = {0, "overflow", "3 + " + std::to_string(++made_)};
    testing::internal::CaptureStderr();
    EXPECT_TRUE(writer_.Handle(ErrorPolicy::kDrop, "with-1", nullptr, records, errors).ok());
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

TEST_F(DeadLetterWarning, IsNotGivenWhenNothingFailed) { EXPECT_THAT(Fail(0), IsEmpty()); }

}  // namespace
}  // namespace millrace
