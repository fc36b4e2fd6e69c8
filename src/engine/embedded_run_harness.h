#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/compute/initialize.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "connectors/kafka/kafka_cluster.h"
#include "engine/plan_run.h"
#include "engine/yaml/pipeline_file.h"
#include "env/file.h"
#include "env/random.h"
#include "expr/expr.h"
#include "kafka/embedded_broker.h"

namespace millrace {

/// Runs pipelines on an embedded broker and a real clock, with topics of one partition.
class EmbeddedRunTest : public testing::Test {
 protected:
  explicit EmbeddedRunTest(std::vector<std::string> topics) : topics_(std::move(topics)) {}
  ~EmbeddedRunTest() override { EXPECT_TRUE(RemoveAll(state_dir_).ok()); }

  void SetUp() override {
    ASSERT_TRUE(arrow::compute::Initialize().ok());
    ASSERT_TRUE(InitializeExpressions().ok());
    broker_ = *kafka::EmbeddedBroker::Start(clock_);
    for (const std::string& topic : topics_) ASSERT_TRUE(broker_->CreateTopic(topic, 1).ok());
    KafkaClusterOptions options;
    options.clock = &clock_;
    options.embedded = broker_.get();
    cluster_ = *KafkaCluster::Make(std::move(options));
  }

  /// `text`: a pipeline file without its `kafka` section.
  std::unique_ptr<PlanRun> MakeRunOf(const std::string& text, const PlanRunOptions& options) {
    auto file = ReadPipelineText("p.yaml", text, SubstitutionSources{.variable = {}, .read_file = ReadFile});
    MR_CHECK(file.ok()) << file.status().message();
    Plan plan = std::move(file->plan);
    plan.commit_interval = Duration(50);
    plan.kafka["bootstrap.servers"] = broker_->bootstrap();
    plan.state_dir = state_dir_;
    return *PlanRun::Make(std::move(plan), options);
  }

  std::int64_t Records(const std::string& topic) {
    return (*cluster_->MakeChangelogReader())->Bounds({topic, Partition(0)})->second.value();
  }

  /// False when it did not come true within a minute.
  template <typename Condition>
  bool Await(const Condition& condition) {
    const auto deadline = clock_.Steady() + std::chrono::seconds(60);
    while (!condition() && clock_.Steady() < deadline) (void)StopToken().WaitFor(Duration(20));
    return condition();
  }

  const SystemClock clock_;
  const std::string state_dir_ = testing::TempDir() + "/run-" + RandomId();
  std::unique_ptr<kafka::EmbeddedBroker> broker_;
  std::unique_ptr<KafkaCluster> cluster_;

 private:
  const std::vector<std::string> topics_;
};

}  // namespace millrace
