// A plan that runs against the embedded broker as if that were another process: by its address alone.
#include "engine/plan_run.h"

#include <memory>
#include <string>
#include <utility>

#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/kafka_cluster.h"
#include "engine/yaml/pipeline_file.h"
#include "env/file.h"
#include "env/random.h"
#include "kafka/embedded_broker.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kWindows = R"(name: p
guarantee: at_least_once
commit_interval: 100ms
idle_after: never
source: {topic: in, key: k, timestamp: ts, schema: {ts: "timestamp[ms]", k: int64}}
steps: [{window: {by: k, tumbling: 10s, aggregate: {n: count()}}}]
sinks: [{topic: out}]
)";

class PlanRunOnForeignEmbeddedBroker : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(arrow::compute::Initialize().ok());
    auto broker = kafka::EmbeddedBroker::Start(clock_);
    ASSERT_TRUE(broker.ok()) << broker.status().message();
    broker_ = *std::move(broker);
  }
  ~PlanRunOnForeignEmbeddedBroker() override { EXPECT_TRUE(RemoveAll(state_dir_).ok()); }

  Plan PlanOf(const std::string& yaml) const {
    auto file = ReadPipelineText("p.yaml", yaml, SubstitutionSources{});
    MR_CHECK(file.ok()) << file.status().message();
    Plan plan = std::move(file->plan);
    plan.kafka["bootstrap.servers"] = broker_->bootstrap();
    plan.state_dir = state_dir_;
    return plan;
  }

  /// Runs what is refused before it starts.
  Status Refused(const Plan& plan) const {
    auto run = PlanRun::Make(plan, {});
    if (!run.ok()) return run.status();
    Status status = (*run)->Run();
    EXPECT_FALSE((*run)->started());
    return status;
  }

  const SystemClock clock_;
  const std::string state_dir_ = testing::TempDir() + "/plan-run-" + RandomId();
  std::unique_ptr<kafka::EmbeddedBroker> broker_;
};

TEST_F(PlanRunOnForeignEmbeddedBroker, RefusesExactlyOnceAndSaysWhatToDo) {
  Plan plan = PlanOf(kWindows);
  plan.guarantee = Guarantee::kExactlyOnce;
  const Status status = Refused(plan);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("embedded broker"), HasSubstr("guarantee: at_least_once")));
}

TEST_F(PlanRunOnForeignEmbeddedBroker, SaysHowToStartItWhenInternalTopicsNeedOtherPartitionCounts) {
  ASSERT_TRUE(broker_->CreateTopic("in", 2).ok());
  const Status status = Refused(PlanOf(kWindows));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("millrace broker --topic in:2 --topic p-window-1-changelog:2"));
}

TEST_F(PlanRunOnForeignEmbeddedBroker, MakesTopicsByUseAndRuns) {
  ASSERT_TRUE(broker_->CreateTopic("in", 4).ok());
  KafkaClusterOptions options;
  options.clock = &clock_;
  options.embedded = broker_.get();
  auto cluster = KafkaCluster::Make(std::move(options));
  ASSERT_TRUE(cluster.ok());
  auto producer = (*cluster)->MakeProducer("");
  ASSERT_TRUE(producer.ok() && (*producer)->Init().ok());
  for (const char* value : {R"({"ts":1000,"k":1})", R"({"ts":20000,"k":1})"}) {
    OutgoingRecord record{.topic = "in", .partition = Partition(0)};
    record.key = BytesView::Of("1");
    record.value = BytesView::Of(value);
    record.timestamp_ms = 1'000;
    ASSERT_TRUE((*producer)->Send(record).ok());
  }
  ASSERT_TRUE((*producer)->Flush().ok());

  PlanRunOptions run_options;
  const auto run = PlanRun::Make(PlanOf(kWindows), run_options);
  ASSERT_TRUE(run.ok());
  Status status;
  Thread thread("run", [&] { status = (*run)->Run(); });
  const auto written = [&]() -> std::int64_t {
    auto reader = (*cluster)->MakeChangelogReader();
    if (!reader.ok() || !(*cluster)->admin().Describe("out")->has_value()) return 0;
    std::int64_t count = 0;
    for (std::int32_t p = 0; p < 4; ++p) {
      const auto bounds = (*reader)->Bounds({"out", Partition(p)});
      count += bounds.ok() ? bounds->second.value() : 0;
    }
    return count;
  };
  const auto deadline = clock_.Steady() + std::chrono::seconds(40);
  while (written() == 0 && clock_.Steady() < deadline) (void)StopToken().WaitFor(Duration(50));
  EXPECT_EQ(written(), 1) << "the first window is closed";
  run_options.stop.RequestStop();
  thread.Join();
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE((*run)->started());
}

TEST(PlanRun, RefusesAnAddressThatCannotBeListenedOn) {
  Plan plan;
  plan.kafka["bootstrap.servers"] = "127.0.0.1:1";
  for (const char* address : {"nonsense", "127.0.0.1:http", "127.0.0.1:99999"}) {
    PlanRunOptions options;
    options.http = address;
    const auto run = PlanRun::Make(plan, options);
    ASSERT_FALSE(run.ok()) << address;
    EXPECT_EQ(run.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(run.status().message(), HasSubstr(address));
  }
}

}  // namespace
}  // namespace millrace
