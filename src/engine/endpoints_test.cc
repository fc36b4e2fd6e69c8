#include "engine/endpoints.h"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Endpoints, RunnerNumbersAreInTheMetricsOnceThePipelineRuns) {
  EXPECT_THAT(MetricsText(MetricRegistry(), std::nullopt, EventTime(0)),
              Not(HasSubstr("millrace_tasks_running")));
  RunnerStatus status;
  status.tasks_running = 3;
  status.watermark = Watermark(5'000);
  const std::string text = MetricsText(MetricRegistry(), status, EventTime(7'000));
  EXPECT_THAT(text, HasSubstr("\nmillrace_tasks_running 3\n"));
  EXPECT_THAT(text, HasSubstr("\nmillrace_watermark_seconds 5\n"));
  EXPECT_THAT(text, HasSubstr("\nmillrace_watermark_lag_seconds 2\n"));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes "));
}

TEST(Endpoints, NoWatermarkIsNoMetric) {
  RunnerStatus status;
  status.watermark = kNoWatermark;
  EXPECT_THAT(MetricsText(MetricRegistry(), status, EventTime(0)), Not(HasSubstr("millrace_watermark")));
}

TEST(Endpoints, EveryMetricHasHelpAndType) {
  MetricRegistry metrics;
  metrics.GetCounter("x_total", "X.").Add(1);
  RunnerStatus status;
  status.watermark = Watermark(1);
  const std::string text = MetricsText(metrics, status, EventTime(1));
  std::string family;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    if (line.starts_with("# TYPE ")) family = line.substr(7, line.find(' ', 7) - 7);
    if (line.starts_with("#")) continue;
    EXPECT_TRUE(line.starts_with(family)) << line;
  }
}

TEST(Endpoints, ReadinessSaysWhatIsMissing) {
  EXPECT_EQ(ReadyResponse(std::nullopt).status, 503);
  RunnerStatus status;
  status.tasks_restoring = 2;
  EXPECT_EQ(ReadyResponse(status).status, 503);
  EXPECT_THAT(ReadyResponse(status).body, HasSubstr("2 being restored"));
  status.ready = true;
  EXPECT_EQ(ReadyResponse(status).status, 200);
  status = {};
  EXPECT_EQ(ReadyResponse(status).status, 503);
  EXPECT_THAT(ReadyResponse(status).body, HasSubstr("waiting for the group's assignment"));
}

TEST(Endpoints, AProcessIsHealthyUntilAWorkerIsStuck) {
  EXPECT_EQ(HealthResponse(std::nullopt).status, 200);
  RunnerStatus status;
  status.since_last_round = std::chrono::seconds(299);
  EXPECT_EQ(HealthResponse(status).status, 200);
  status.since_last_round = std::chrono::seconds(301);
  EXPECT_EQ(HealthResponse(status).status, 503);
  EXPECT_THAT(HealthResponse(status).body, HasSubstr("stuck for 301 s"));
}

}  // namespace
}  // namespace millrace
