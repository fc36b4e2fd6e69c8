#include "snap_server/request_pace.h"

#include <cmath>
#include <cstdint>

#include <gtest/gtest.h>

#include "env/random.h"
#include "http/rate_limit.h"

namespace millrace::snap {
namespace {

TEST(RequestPace, ASecondsWorthPassesAtOnceAndThenOneAfterTheOther) {
  ManualClock clock{EventTime(1'000)};
  RequestPace pace(clock);
  const PaceBound bound[] = {{"token", 10}};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(pace.Passes(bound)) << i;
  EXPECT_FALSE(pace.Passes(bound));
  clock.Advance(Duration(99));
  EXPECT_FALSE(pace.Passes(bound));
  clock.Advance(Duration(1));
  EXPECT_TRUE(pace.Passes(bound));
  EXPECT_FALSE(pace.Passes(bound)) << "what was refused was not counted";
}

TEST(RequestPace, WhatOneBoundRefusesIsCountedByNone) {
  ManualClock clock{EventTime(1'000)};
  RequestPace pace(clock);
  const PaceBound both[] = {{"token", 1}, {"app", 2}};
  const PaceBound app[] = {{"app", 2}};
  EXPECT_TRUE(pace.Passes(both));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(pace.Passes(both));
  EXPECT_TRUE(pace.Passes(app));
  EXPECT_FALSE(pace.Passes(app));
}

TEST(RequestPace, KnowsABoundedNumberOfNamesAndForgetsThoseThatMatterNoMore) {
  ManualClock clock{EventTime(1'000)};
  RequestPace pace(clock);
  for (std::size_t i = 0; i < RequestPace::kMaxNames / 2; ++i) {
    const PaceBound bound[] = {{"old" + std::to_string(i), 1}};
    EXPECT_TRUE(pace.Passes(bound));
  }
  clock.Advance(Duration(1'000));
  const PaceBound kept[] = {{"kept", 1}};
  EXPECT_TRUE(pace.Passes(kept));
  for (std::size_t i = 0; i < RequestPace::kMaxNames / 2; ++i) {
    const PaceBound bound[] = {{"new" + std::to_string(i), 1}};
    EXPECT_TRUE(pace.Passes(bound));
    EXPECT_LE(pace.names(), RequestPace::kMaxNames);
  }
  EXPECT_FALSE(pace.Passes(kept));
}

TEST(RequestPace, LetsThroughWhatTheLimiterOfTheConnectorsSends) {
  Random random(11);
  for (const double rate : {0.5, 1.0, 2.5, 10.0, 33.0, 1'000.0}) {
    ManualClock clock{EventTime(1'000)};
    RequestPace pace(clock);
    RateLimiter limiter(clock);
    limiter.SetBucket("token", rate, std::max(1.0, rate));
    const PaceBound bound[] = {{"token", rate}};
    std::int64_t passed = 0;
    std::int64_t sent = 0;
    for (int i = 0; i < 20'000; ++i) {
      clock.Advance(
          Duration(static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(1'500 / rate) + 1))));
      passed += pace.Passes(bound) ? 1 : 0;
      sent += limiter.TryTake({"token"}).count() > 0 ? 0 : 1;
      ASSERT_LE(std::abs(passed - sent), 1) << "after " << i << " requests at " << rate << " a second";
    }
    EXPECT_LT(passed, 20'000) << "nothing was refused at " << rate;
  }
}

}  // namespace
}  // namespace millrace::snap
