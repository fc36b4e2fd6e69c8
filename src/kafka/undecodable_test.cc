#include "kafka/undecodable.h"

#include <gtest/gtest.h>

namespace millrace::kafka {
namespace {

constexpr int kBadCompression = -198;

/// A partition of good records but for one batch [first, end) that cannot be decoded.
struct Log {
  std::int64_t first;
  std::int64_t end;
  std::int64_t log_end;
};

/// Reads `log` the way a consumer does; returns the offset from which records are delivered after the batch,
/// and counts the reads. Read number `stray` gives the error of the batch wherever it is.
std::int64_t ReadPast(const Log& log, int* reads, int stray = -1) {
  UndecodableBatch batch;
  std::int64_t at = log.first;
  for (*reads = 0; *reads < 1000; ++*reads) {
    const bool bad = (at >= log.first && at < log.end) || *reads == stray;
    const auto step = bad ? batch.OnError(Offset(log.first), kBadCompression) : batch.OnGood(Offset(at));
    if (step.skipped.has_value()) {
      EXPECT_EQ(step.skipped->first, Offset(log.first));
      EXPECT_EQ(step.skipped->second, step.seek);
      return step.seek->value();
    }
    if (step.seek.has_value()) {
      EXPECT_FALSE(step.deliver);
      at = std::min(step.seek->value(), log.log_end);
      // Beyond the end there is nothing but the end itself.
      if (step.seek->value() > log.log_end) at = step.seek->value();
    }
  }
  return -1;
}

TEST(UndecodableBatch, ExactlyTheBatchIsSkippedWhateverItsSize) {
  for (const std::int64_t size : {1, 2, 3, 7, 8, 9, 100, 1'000, 65'536}) {
    int reads = 0;
    EXPECT_EQ(ReadPast({500, 500 + size, 10'000'000}, &reads), 500 + size) << size;
    EXPECT_LT(reads, 45) << size;
  }
}

TEST(UndecodableBatch, AnErrorThatIsOfAnotherPlaceLosesNoGoodRecord) {
  for (const std::int64_t size : {1, 2, 7, 8, 9, 100, 1'000}) {
    int most_reads = 0;
    EXPECT_EQ(ReadPast({500, 500 + size, 10'000'000}, &most_reads), 500 + size);
    for (int stray = UndecodableBatch::kEqualErrors; stray < most_reads; ++stray) {
      int reads = 0;
      EXPECT_EQ(ReadPast({500, 500 + size, 10'000'000}, &reads, stray), 500 + size)
          << size << " records, stray error at read " << stray;
      EXPECT_LT(reads, 3 * most_reads + 20);
    }
  }
}

TEST(UndecodableBatch, ABatchThatIsMetAgainAfterItWasPassedIsPassedWithoutAWord) {
  // A client that starts over at the beginning of the log reads [0, 3) again, and perhaps what is behind it.
  UndecodableBatch batch;
  const auto read = [&batch](std::int64_t end) {
    std::int64_t at = 0;
    for (int reads = 0; reads < 100; ++reads) {
      const auto step = at < end ? batch.OnError(Offset(0), kBadCompression) : batch.OnGood(Offset(at));
      if (step.seek.has_value()) at = step.seek->value();
      if (step.skipped.has_value() || !batch.searching()) {
        if (step.seek.has_value()) return step;
      }
    }
    return UndecodableBatch::Step{};
  };
  const auto first = read(3);
  EXPECT_EQ(first.skipped, std::pair(Offset(0), Offset(3)));
  const auto again = read(3);
  EXPECT_FALSE(again.skipped.has_value());
  EXPECT_EQ(again.seek, Offset(3));
  EXPECT_FALSE(again.deliver);
  EXPECT_TRUE(batch.OnGood(Offset(3)).deliver);
  EXPECT_EQ(read(5).skipped, std::pair(Offset(0), Offset(5))) << "a longer one is another";
}

TEST(UndecodableBatch, AFewEqualErrorsChangeNothing) {
  UndecodableBatch batch;
  for (int i = 1; i < UndecodableBatch::kEqualErrors; ++i) {
    EXPECT_FALSE(batch.OnError(Offset(5), kBadCompression).seek.has_value());
  }
  EXPECT_TRUE(batch.OnGood(Offset(5)).deliver);
  EXPECT_FALSE(batch.OnError(Offset(5), kBadCompression).seek.has_value());
  EXPECT_FALSE(batch.searching());
}

TEST(UndecodableBatch, ABatchThatIsReportedOnceAndPassedOverIsSoughtAgainAndSkipped) {
  // As with a wrong checksum: every read of [10, 13) gives its error and then the good record behind it.
  UndecodableBatch batch;
  UndecodableBatch::Step step;
  std::int64_t at = 10;
  for (int reads = 0; reads < 50 && !step.skipped.has_value(); ++reads) {
    step = {};
    if (at < 13) step = batch.OnError(Offset(10), kBadCompression);
    if (!step.seek.has_value()) step = batch.OnGood(Offset(std::max<std::int64_t>(at, 13)));
    ASSERT_FALSE(step.deliver) << "a record behind the batch was delivered before the batch was settled";
    ASSERT_TRUE(step.seek.has_value());
    at = step.seek->value();
  }
  ASSERT_TRUE(step.skipped.has_value());
  EXPECT_EQ(*step.skipped, std::pair(Offset(10), Offset(13)));
}

TEST(UndecodableBatch, AStrayErrorBehindEachOneDoesNotHideThatTheyAreEqual) {
  UndecodableBatch batch;
  UndecodableBatch::Step step;
  for (int i = 0; i < UndecodableBatch::kEqualErrors; ++i) {
    step = batch.OnError(Offset(100), kBadCompression);
    if (i + 1 < UndecodableBatch::kEqualErrors) {
      EXPECT_FALSE(step.seek.has_value());
      EXPECT_FALSE(batch.OnError(Offset(199'848'351'031'926'273), -170).seek.has_value());
    }
  }
  EXPECT_EQ(step.seek, Offset(101));
  // Another place that stays broken is no stray one.
  UndecodableBatch moved;
  static_cast<void>(moved.OnError(Offset(100), kBadCompression));
  for (int i = 0; i <= UndecodableBatch::kEqualErrors; ++i)
    step = moved.OnError(Offset(200), kBadCompression);
  EXPECT_EQ(step.seek, Offset(201));
}

TEST(UndecodableBatch, TheSearchStaysWithinTheLog) {
  // [200, 300) is the end of the log.
  UndecodableBatch batch;
  UndecodableBatch::Step step;
  for (int i = 0; i < UndecodableBatch::kEqualErrors; ++i) step = batch.OnError(Offset(200), kBadCompression);
  for (int reads = 0; reads < 50 && !step.skipped.has_value(); ++reads) {
    const Offset at = batch.KeepProbeBelow(Offset(300));
    ASSERT_LE(at, Offset(300));
    step = at < Offset(300) ? batch.OnError(Offset(200), kBadCompression) : batch.OnGood(at);
  }
  ASSERT_TRUE(step.skipped.has_value());
  EXPECT_EQ(*step.skipped, std::pair(Offset(200), Offset(300)));
}

TEST(UndecodableBatch, AnErrorThatGoesAwayCostsOneMoreReadAndNothingElse) {
  UndecodableBatch batch;
  static_cast<void>(batch.OnError(Offset(10), kBadCompression));
  EXPECT_EQ(batch.OnGood(Offset(14)).seek, Offset(10));  // a compacted log: 10 to 13 are gone
  EXPECT_TRUE(batch.OnGood(Offset(14)).deliver);
  EXPECT_TRUE(batch.quiet());
}

TEST(UndecodableBatch, AnotherBatchThatIsBadTooEndsTheFirst) {
  UndecodableBatch batch;
  UndecodableBatch::Step step;
  for (int i = 0; i < UndecodableBatch::kEqualErrors; ++i) step = batch.OnError(Offset(10), kBadCompression);
  ASSERT_EQ(step.seek, Offset(11));
  step = batch.OnError(Offset(11), -199);  // the next batch starts at 11
  ASSERT_TRUE(step.skipped.has_value());
  EXPECT_EQ(step.skipped->second, Offset(11));
}

}  // namespace
}  // namespace millrace::kafka
