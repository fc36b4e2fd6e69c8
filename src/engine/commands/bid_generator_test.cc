#include "engine/commands/bid_generator.h"

#include <gtest/gtest.h>

#include "engine/commands/demo_view.h"
#include "engine/yaml/json_value.h"

namespace millrace {
namespace {

TEST(BidGenerator, TheSameSeedGivesTheSameBids) {
  const BidOptions options{.seed = 7, .keys = 10, .late_fraction = 0.1, .broken_fraction = 0.1};
  BidGenerator a(options);
  BidGenerator b(options);
  for (int i = 0; i < 1000; ++i) {
    const EventTime now(1'700'000'000'000 + i);
    EXPECT_EQ(a.Next(now).value, b.Next(now).value);
  }
}

TEST(BidGenerator, BrokenRecordsAreNoJsonAndAllOthersAre) {
  BidGenerator bids(
      {.seed = 1, .keys = 10, .late_fraction = 0.5, .lateness = Duration(100), .broken_fraction = 0.5});
  int broken = 0;
  for (int i = 0; i < 1000; ++i) {
    const Bid& bid = bids.Next(EventTime(1'000'000));
    EXPECT_EQ(CanonicalJson(bid.value).ok(), !bid.broken) << bid.value;
    EXPECT_LE(bid.time, EventTime(1'000'000));
    EXPECT_GE(bid.time, EventTime(999'900));
    broken += bid.broken ? 1 : 0;
  }
  EXPECT_GT(broken, 400);
  EXPECT_LT(broken, 600);
}

TEST(DemoView, NumbersAndTimesReadWell) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1'234'567), "1,234,567");
  EXPECT_EQ(WithThousands(-1'000), "-1,000");
  EXPECT_EQ(TimeOfDay(EventTime(3'661'000)), "01:01:01");
  EXPECT_EQ(TimeOfDay(EventTime(-1'000)), "23:59:59");
}

}  // namespace
}  // namespace millrace
