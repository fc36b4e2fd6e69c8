#include "http/trouble_log.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TroubleLogTest : public testing::Test {
 protected:
  void Fail(int request, int tries = 1) {
    log_.Failed(&requests_[request],
                {.error = "HTTP 503", .tries = tries, .pause = Duration(250), .since = since_[request]});
  }
  void Send(int request) { since_[request] = clock_.Steady(); }
  void Pass(int request) { log_.Passed(&requests_[request]); }
  void Forget(int request) { log_.Forget(&requests_[request]); }
  template <typename Action>
  static std::vector<std::string> Lines(const Action& action) {
    testing::internal::CaptureStderr();
    action();
    std::vector<std::string> lines(1);
    for (const char c : testing::internal::GetCapturedStderr()) {
      if (c == '\n') {
        lines.emplace_back();
      } else {
        lines.back() += c;
      }
    }
    lines.pop_back();
    return lines;
  }

  ManualClock clock_{EventTime(0)};
  int requests_[3] = {};
  std::chrono::nanoseconds since_[3] = {};
  TroubleLog log_{{.begins = "it is away", .lasts = "it is still away", .over = "it is back"},
                  {"step", "sink-1"},
                  clock_};
};

TEST_F(TroubleLogTest, BeginsWithALineAndThenOneEveryTenSeconds) {
  EXPECT_THAT(
      Lines([&] { Fail(0); }),
      ElementsAre(AllOf(HasSubstr("warning it is away"), HasSubstr("step=sink-1"), HasSubstr("in_ms=250"),
                        HasSubstr("tries=1"), HasSubstr("error=\"HTTP 503\""))));
  clock_.Advance(Duration(2'000));
  Send(1);
  EXPECT_THAT(Lines([&] {
                for (int i = 0; i < 79; ++i) {
                  clock_.Advance(Duration(100));
                  Fail(i % 2, i);
                }
              }),
              IsEmpty());
  clock_.Advance(Duration(100));
  EXPECT_THAT(
      Lines([&] {
        Fail(1);
        Fail(0);
      }),
      ElementsAre(AllOf(HasSubstr("warning it is still away"), HasSubstr("step=sink-1"),
                        HasSubstr("retries=80 "), HasSubstr("oldest_ms=10000"), HasSubstr("HTTP 503"))));
}

TEST_F(TroubleLogTest, IsOverWhenEveryRequestHadAnAnswer) {
  (void)Lines([&] {
    Fail(0);
    Fail(1);
    Fail(1);
  });
  clock_.Advance(Duration(3'000));
  EXPECT_THAT(Lines([&] {
                Pass(0);
                Pass(2);
              }),
              IsEmpty());
  EXPECT_THAT(Lines([&] { Pass(1); }),
              ElementsAre(AllOf(HasSubstr("info    it is back"), HasSubstr("retries=3"),
                                HasSubstr("after_ms=3000"))));
  EXPECT_THAT(Lines([&] { Pass(1); }), IsEmpty());
}

TEST_F(TroubleLogTest, AStormOfSingleFailuresIsNoStormOfLines) {
  const auto lines = Lines([&] {
    for (int i = 0; i < 1'000; ++i) {
      Fail(0);
      Pass(0);
      clock_.Advance(Duration(25));
    }
  });
  ASSERT_EQ(lines.size(), 6U) << "of 25 seconds: at 0, 10 and 20 it is away, and each time back";
  EXPECT_THAT(lines[2], HasSubstr("still away"));
  EXPECT_THAT(lines[2], HasSubstr("retries=400 "));
}

TEST_F(TroubleLogTest, WhoGoesIsNotBack) {
  EXPECT_THAT(Lines([&] {
                Fail(0);
                Forget(0);
                Pass(0);
              }),
              ElementsAre(HasSubstr("it is away")));
  clock_.Advance(Duration(10'000));
  EXPECT_THAT(Lines([&] { Fail(1); }), ElementsAre(HasSubstr("it is away")));
}

}  // namespace
}  // namespace millrace
