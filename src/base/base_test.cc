#include <gtest/gtest.h>

#include "base/byte_size.h"
#include "base/counted.h"
#include "base/duration.h"
#include "base/hex.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/suggest.h"

namespace millrace {
namespace {

TEST(Status, ContextIsPutInFrontAndClassIsKept) {
  const Status status = Status::Timeout("no answer").WithContext("bids[3]");
  EXPECT_EQ(status.message(), "bids[3]: no answer");
  EXPECT_EQ(status.error_class(), ErrorClass::kRetryable);
  EXPECT_TRUE(Status::Ok().WithContext("x").ok());
}

TEST(Result, AssignOrReturnPassesValueAndError) {
  const auto doubled = [](Result<int> in) -> Result<int> {
    MR_ASSIGN_OR_RETURN(const int value, std::move(in));
    return value * 2;
  };
  EXPECT_EQ(*doubled(21), 42);
  EXPECT_EQ(doubled(Status::NotFound("x")).status().code(), StatusCode::kNotFound);
}

TEST(Duration, ReadsSumsAndRefusesTheRest) {
  const std::pair<const char*, std::int64_t> good[] = {
      {"250ms", 250}, {"1m", 60'000}, {"1h30m", 5'400'000}, {"0", 0}, {"7d", 604'800'000}};
  for (const auto& [text, ms] : good) EXPECT_EQ(ParseDuration(text)->count(), ms) << text;
  for (const char* text :
       {"", "5", "m", "1x", "-1s", "1.5s", "1 m", "99999999999999999999s", "9223372036854775807d"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
  EXPECT_EQ(FormatDuration(Duration(90'000)), "1m30s");
}

TEST(ByteSize, ReadsBinaryAndDecimalUnits) {
  EXPECT_EQ(ParseByteSize("64KiB")->value(), 65536);
  EXPECT_EQ(ParseByteSize("10MB")->value(), 10'000'000);
  EXPECT_EQ(ParseByteSize("512")->value(), 512);
  for (const char* text : {"", "MiB", "1.5GiB", "1TB", "-1", "99999999999999999999"})
    EXPECT_FALSE(ParseByteSize(text).ok()) << text;
  EXPECT_EQ(FormatByteSize(ByteCount(1536 * 1024)), "1.5 MiB");
}

TEST(Suggest, NamesTheNearestOrListsWhatThereIs) {
  const std::string names[] = {"price", "auction", "ts"};
  EXPECT_EQ(DidYouMean("prise", names), " (did you mean 'price'?)");
  EXPECT_EQ(DidYouMean("Price", names), " (did you mean 'price'?)");
  EXPECT_EQ(DidYouMean("zzzzzz", names), " (there is: price, auction, ts)");
  EXPECT_EQ(DidYouMean("x", {}), "");
}

TEST(Counted, OneIsSingularEverythingElsePlural) {
  EXPECT_EQ(Counted(1, "dead letter"), "1 dead letter");
  EXPECT_EQ(Counted(0, "dead letter"), "0 dead letters");
  EXPECT_EQ(Counted(std::int64_t{2'000}, "row"), "2000 rows");
  EXPECT_EQ("1,000 " + Noun(1'000, "window"), "1,000 windows");
}

TEST(Metrics, PrometheusTextHasTypesLabelsAndCumulativeBuckets) {
  MetricRegistry registry;
  registry.GetCounter("rows_total", "Rows.", {{"step", "a\"b"}}).Add(3);
  registry.GetCounter("rows_total", "Rows.", {{"step", "a\"b"}}).Add(4);
  registry.GetHistogram("commit_seconds", "Commit.", {0.1, 1}).Observe(0.5);
  const std::string text = registry.ToPrometheusText();
  EXPECT_NE(text.find("# TYPE rows_total counter\nrows_total{step=\"a\\\"b\"} 7\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("commit_seconds_bucket{le=\"0.1\"} 0\ncommit_seconds_bucket{le=\"1\"} 1\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(registry.Sum("rows_total"), 7);
}

TEST(Hex, IsTwoLowerCaseDigitsPerByte) { EXPECT_EQ(Hex(std::string_view("\0\x0a\xff z", 5)), "000aff207a"); }

TEST(CheckDeathTest, NamesFileAndCondition) { EXPECT_DEATH(MR_CHECK(1 == 2) << "why", "1 == 2 why"); }

}  // namespace
}  // namespace millrace
