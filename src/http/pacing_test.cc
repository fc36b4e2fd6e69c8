// When a request is sent, and when again: retry classes, backoff, rate limits.
#include <gtest/gtest.h>

#include "env/clock.h"
#include "http/backoff.h"
#include "http/rate_limit.h"
#include "http/retry_class.h"

namespace millrace {
namespace {

using std::chrono::seconds;

TEST(RetryClass, OfEveryStatusAndError) {
  const struct {
    int status;
    RetryClass expected;
  } statuses[] = {
      {200, RetryClass::kDone},      {204, RetryClass::kDone},      {301, RetryClass::kPermanent},
      {307, RetryClass::kPermanent}, {100, RetryClass::kPermanent}, {400, RetryClass::kPermanent},
      {401, RetryClass::kAuth},      {403, RetryClass::kForbidden}, {404, RetryClass::kPermanent},
      {408, RetryClass::kRetry},     {413, RetryClass::kPermanent}, {425, RetryClass::kRetry},
      {429, RetryClass::kRetry},     {500, RetryClass::kRetry},     {503, RetryClass::kRetry},
      {599, RetryClass::kRetry},
  };
  for (const auto& c : statuses) {
    EXPECT_EQ(RetryClassOf(c.status), c.expected) << c.status;
    const Status status = StatusOfResponse(c.status, "sending");
    EXPECT_EQ(status.ok(), c.expected == RetryClass::kDone) << c.status;
    if (status.ok()) continue;
    EXPECT_EQ(status.message(), "sending: HTTP " + std::to_string(c.status));
    EXPECT_EQ(status.error_class() == ErrorClass::kRetryable, c.expected == RetryClass::kRetry) << c.status;
  }
  EXPECT_EQ(RetryClassOf(Status::Timeout("x")), RetryClass::kRetry);
  EXPECT_EQ(RetryClassOf(Status::Unavailable("x")), RetryClass::kRetry);
  EXPECT_EQ(RetryClassOf(Status::PermissionDenied("x")), RetryClass::kForbidden);
  EXPECT_EQ(RetryClassOf(Status::InvalidArgument("x")), RetryClass::kPermanent);
}

TEST(Backoff, GrowsToItsBoundWithFullJitter) {
  Random random(3);
  const BackoffOptions options{Duration(100), Duration(1'000), Duration(60'000)};
  const Duration bounds[] = {Duration(100), Duration(200),   Duration(400),
                             Duration(800), Duration(1'000), Duration(1'000)};
  Duration least[6];
  Duration most[6] = {};
  std::fill(std::begin(least), std::end(least), Duration(100'000));
  for (int round = 0; round < 2'000; ++round) {
    Backoff backoff(options, random);
    for (std::size_t i = 0; i < 6; ++i) {
      const Duration pause = backoff.Next();
      least[i] = std::min(least[i], pause);
      most[i] = std::max(most[i], pause);
    }
    EXPECT_EQ(backoff.tries(), 6);
  }
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_LE(most[i], bounds[i]) << i;
    EXPECT_GT(most[i], bounds[i] * 9 / 10) << i;
    EXPECT_LT(least[i], bounds[i] / 10) << i;
  }
}

TEST(Backoff, BeginsAnewAfterASuccessAndNeverOverflows) {
  Random random(3);
  Backoff backoff({Duration(100), Duration(1'000), Duration(60'000)}, random);
  for (int i = 0; i < 10'000; ++i) EXPECT_LE(backoff.Next(), Duration(1'000));
  backoff.Reset();
  EXPECT_LE(backoff.Next(), Duration(100));
}

TEST(Backoff, WaitsAsLongAsAskedWithinReason) {
  Random random(3);
  Backoff backoff({Duration(100), Duration(1'000), Duration(60'000)}, random);
  EXPECT_EQ(backoff.Next(Duration(5'000)), Duration(5'000));
  EXPECT_EQ(backoff.Next(Duration(3'600'000)), Duration(60'000));
  EXPECT_LE(backoff.Next(Duration(0)), Duration(1'000));
}

TEST(Backoff, IsTheSameForTheSameSeed) {
  Random one(5);
  Random two(5);
  Backoff first({}, one);
  Backoff second({}, two);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(first.Next(), second.Next());
}

TEST(RetryAfter, ReadsSecondsAndDates) {
  const EventTime now(784'111'777'000);  // Sun, 06 Nov 1994 08:49:37 GMT
  const struct {
    const char* header;
    std::optional<Duration> expected;
  } cases[] = {
      {"120", seconds(120)},
      {" 0 ", seconds(0)},
      {"99999999999999999999999", seconds(1'000'000'000)},
      {"Sun, 06 Nov 1994 08:50:37 GMT", seconds(60)},
      {"Sunday, 06-Nov-94 08:50:37 GMT", seconds(60)},
      {"Sun Nov  6 08:50:37 1994", seconds(60)},
      {"Sun, 06 Nov 1994 08:00:00 GMT", seconds(0)},  // past
      {"", std::nullopt},
      {"-5", std::nullopt},
      {"soon", std::nullopt},
      {"1.5", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(RetryAfter(c.header, now), c.expected) << c.header;
}

TEST(RateLimiter, GivesTheBurstThenTheRate) {
  ManualClock clock{EventTime(0)};
  RateLimiter limiter(clock);
  limiter.SetBucket("token", 10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.TryTake({"token"}), Duration(0));
  EXPECT_EQ(limiter.TryTake({"token"}), Duration(100));
  clock.Advance(Duration(60));
  EXPECT_EQ(limiter.TryTake({"token"}), Duration(40));
  clock.Advance(Duration(40));
  EXPECT_EQ(limiter.TryTake({"token"}), Duration(0));
  EXPECT_EQ(limiter.TryTake({"token"}), Duration(100));
  clock.Advance(Duration(3'600'000));  // no more than the burst is saved up
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.TryTake({"token"}), Duration(0));
  EXPECT_GT(limiter.TryTake({"token"}), Duration(0));
}

TEST(RateLimiter, KeepsTheRateOverALongTimeHoweverOftenItIsAsked) {
  ManualClock clock{EventTime(0)};
  RateLimiter limiter(clock);
  limiter.SetBucket("app", 7, 1);
  std::int64_t taken = 0;
  for (int ms = 0; ms < 100'000; ++ms) {
    taken += limiter.TryTake({"app"}) == Duration(0) ? 1 : 0;
    clock.Advance(Duration(1));
  }
  EXPECT_GE(taken, 690);
  EXPECT_LE(taken, 701);
}

TEST(RateLimiter, AfterTheTimeItSaidThereIsOne) {
  ManualClock clock{EventTime(0)};
  RateLimiter limiter(clock);
  limiter.SetBucket("odd", 3, 1);
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(limiter.TryTake({"odd"}), Duration(0)) << i;
    clock.Advance(limiter.TryTake({"odd"}));
  }
}

TEST(RateLimiter, TakesFromAllBucketsOrFromNone) {
  ManualClock clock{EventTime(0)};
  RateLimiter limiter(clock);
  limiter.SetBucket("app", 20, 2);
  limiter.SetBucket("token a", 10, 1);
  limiter.SetBucket("token b", 10, 1);
  EXPECT_EQ(limiter.TryTake({"app", "token a"}), Duration(0));
  EXPECT_EQ(limiter.TryTake({"app", "token a"}), Duration(100));  // takes nothing from the app's
  EXPECT_EQ(limiter.TryTake({"app", "token b"}), Duration(0));
  EXPECT_EQ(limiter.TryTake({"app", "token b"}), Duration(100));
  clock.Advance(Duration(50));
  EXPECT_EQ(limiter.TryTake({"app"}), Duration(0));
  EXPECT_EQ(limiter.TryTake({"unknown"}), Duration(0));
}

TEST(RateLimiter, ABucketThatChangesKeepsWhatIsInItAndItsPause) {
  ManualClock clock{EventTime(0)};
  RateLimiter limiter(clock);
  limiter.ChangeBucket("a", 10, 3);
  EXPECT_EQ(limiter.TryTake({"a"}), Duration(0));
  limiter.ChangeBucket("a", 100, 10);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(limiter.TryTake({"a"}), Duration(0));
  EXPECT_EQ(limiter.TryTake({"a"}), Duration(10));
  clock.Advance(Duration(1'000));
  limiter.ChangeBucket("a", 2, 1);
  EXPECT_EQ(limiter.TryTake({"a"}), Duration(0));
  EXPECT_EQ(limiter.TryTake({"a"}), Duration(500));
  limiter.Pause("a", Duration(2'000));
  limiter.ChangeBucket("a", 10, 10);
  EXPECT_EQ(limiter.TryTake({"a"}), Duration(2'000));
}

TEST(RateLimiter, PausesOneBucket) {
  ManualClock clock{EventTime(0)};
  RateLimiter limiter(clock);
  limiter.SetBucket("a", 10, 10);
  limiter.SetBucket("b", 10, 10);
  limiter.Pause("a", Duration(2'000));
  limiter.Pause("a", Duration(500));  // never shortens
  limiter.Pause("unknown", Duration(500));
  EXPECT_EQ(limiter.TryTake({"a", "b"}), Duration(2'000));
  EXPECT_EQ(limiter.TryTake({"b"}), Duration(0));
  clock.Advance(Duration(2'000));
  EXPECT_EQ(limiter.TryTake({"a", "b"}), Duration(0));
}

}  // namespace
}  // namespace millrace
