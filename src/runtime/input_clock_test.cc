#include "runtime/input_clock.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(InputClock, IsReadAsItWasWritten) {
  const InputClock clocks[] = {
      {},
      {.task = Watermark(-5), .own = Watermark(7)},
      {.upstreams = {{}, {}}},
      {.task = kEndOfTime,
       .upstreams = {{Watermark(1'700'000'000'000), false, true},
                     {},
                     {Watermark(1'699'999'990'001), true, true}}},
      {.upstreams = {{kEndOfTime, false, true}, {kNoWatermark, true, true}, {Watermark(-1), false, true}}},
  };
  for (const InputClock& clock : clocks) {
    const Result<InputClock> read = ParseInputClock(FormatInputClock(clock));
    ASSERT_TRUE(read.ok()) << FormatInputClock(clock);
    EXPECT_EQ(*read, clock) << FormatInputClock(clock);
  }
}

TEST(InputClock, FiveHundredUpstreamPartitionsFitWhatBrokersKeep) {
  InputClock clock{.task = Watermark(1'700'000'000'000), .own = kNoWatermark};
  for (std::int64_t i = 0; i < 500; ++i)
    clock.upstreams.push_back({Watermark(1'700'000'000'000 - i * 197), i % 7 == 0, true});
  EXPECT_LT(FormatInputClock(clock).size(), 3'500U);
}

TEST(InputClock, AnythingElseIsRefused) {
  for (const char* text :
       {"", "x", "1", "1;", "1;2;", "1;2;a3", "1;2;3;a", "1;2;3;b1", "1;2;3;a1;", "1;2;3;a1x"})
    EXPECT_EQ(ParseInputClock(text).status().code(), StatusCode::kCorrupt) << text;
}

}  // namespace
}  // namespace millrace
