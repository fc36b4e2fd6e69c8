// What happens to a pipeline that starts while its cluster cannot serve it yet.
#include "engine/pipeline_setup.h"

#include <string>
#include <utility>

#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connect/cluster_around.h"
#include "connectors/memory/memory_cluster.h"
#include "connectors/memory/memory_log.h"
#include "engine/yaml/pipeline_file.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Topics of a cluster whose first `refusals` creations fail.
class RefusingAdmin final : public TopicAdmin {
 public:
  RefusingAdmin(TopicAdmin& admin, int refusals, Status refusal)
      : admin_(admin), refusals_(refusals), refusal_(std::move(refusal)) {}
  Result<std::optional<TopicDescription>> Describe(const std::string& topic) override {
    return admin_.Describe(topic);
  }
  Result<std::vector<TopicDescription>> List() override { return admin_.List(); }
  Status Create(const NewTopic& topic) override {
    ++asked;
    return refusals_-- > 0 ? refusal_ : admin_.Create(topic);
  }
  Status Delete(const std::string& topic) override { return admin_.Delete(topic); }
  Status DeleteRecords(const TopicPartition& partition, Offset before) override {
    return admin_.DeleteRecords(partition, before);
  }
  int asked = 0;

 private:
  TopicAdmin& admin_;
  int refusals_;
  const Status refusal_;
};

class RefusingCluster final : public ClusterAround {
 public:
  RefusingCluster(Cluster& cluster, int refusals, Status refusal)
      : ClusterAround(cluster), admin_(cluster.admin(), refusals, std::move(refusal)) {}
  RefusingAdmin& admin() override { return admin_; }

 private:
  RefusingAdmin admin_;
};

class PipelineSetup : public testing::Test {
 protected:
  PipelineSetup() : log_(&clock_), cluster_(&log_) {
    EXPECT_TRUE(arrow::compute::Initialize().ok());
    EXPECT_TRUE(log_.CreateTopic({"in", 2}).ok());
    auto file = ReadPipelineText("p.yaml",
                                 "name: p\n"
                                 "source: {topic: in, key: k, schema: {k: int64}}\n"
                                 "steps: [{window: {by: k, tumbling: 10s, aggregate: {n: count()}}}]\n"
                                 "sinks: [{topic: out}]\n",
                                 SubstitutionSources{});
    EXPECT_TRUE(file.ok()) << file.status().message();
    plan_ = std::move(file->plan);
  }

  Status SetUpWith(Cluster& cluster, Duration patience, const StopToken& stop = {}) const {
    return SetUpPipeline(plan_, cluster, {.clock = &clock_, .patience = patience, .stop = stop}).status();
  }

  const SystemClock clock_;
  MemoryLog log_;
  MemoryCluster cluster_;
  Plan plan_;
};

TEST_F(PipelineSetup, TheClusterLearnsWhatEachTopicTakesThatThePipelineWritesTo) {
  class LearningCluster final : public ClusterAround {
   public:
    using ClusterAround::ClusterAround;
    void SetTopicLimits(const TopicLimits& limits) override { learnt = limits; }
    TopicLimits learnt;
  };
  plan_.dead_letter_topic = "dead";
  const auto create = [&](const char* topic, const char* taken) {
    EXPECT_TRUE(
        log_.CreateTopic({.name = topic, .partitions = 2, .config = {{"max.message.bytes", taken}}}).ok());
  };
  create("out", "20000");
  create("p-window-1-changelog", "1048588");
  create("other", "10");
  LearningCluster cluster(cluster_);
  testing::internal::CaptureStderr();
  ASSERT_TRUE(SetUpWith(cluster, Duration(0)).ok());
  const std::string logged = testing::internal::GetCapturedStderr();
  EXPECT_EQ(cluster.learnt, (TopicLimits{{"out", 20'000}, {"p-window-1-changelog", 1'048'588}}))
      << "of the dead letters' topic nothing is known";
  const auto names_it = HasSubstr("topic takes less at once than a record may have");
  EXPECT_THAT(logged, AllOf(names_it, HasSubstr("topic=out"), HasSubstr("20000"), HasSubstr("1048400"),
                            Not(HasSubstr("changelog max.message.bytes"))));
  plan_.kafka["message.max.bytes"] = "19812";
  testing::internal::CaptureStderr();
  ASSERT_TRUE(SetUpWith(cluster, Duration(0)).ok());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(names_it));
}

TEST_F(PipelineSetup, AChangelogThatTakesLessThanARowOfStateIsWarnedOf) {
  EXPECT_TRUE(log_.CreateTopic({.name = "p-window-1-changelog",
                                .partitions = 2,
                                .config = {{"max.message.bytes", "20000"}, {"cleanup.policy", "compact"}}})
                  .ok());
  testing::internal::CaptureStderr();
  ASSERT_TRUE(SetUpWith(cluster_, Duration(0)).ok());
  EXPECT_THAT(
      testing::internal::GetCapturedStderr(),
      HasSubstr("changelog topic takes less at once than a row of state may have; a larger one stops the "
                "pipeline topic=p-window-1-changelog max.message.bytes=20000"));
}

TEST_F(PipelineSetup, TopicsTakeRecordsOfAnyTimeWhereTheBrokerHasALimit) {
  ASSERT_TRUE(SetUpWith(cluster_, Duration(0)).ok());
  for (const char* topic : {"p-window-1-changelog", "out"}) {
    EXPECT_EQ(log_.Describe(topic)->config.at("message.timestamp.after.max.ms"), "9223372036854775807");
    ASSERT_TRUE(log_.DeleteTopic(topic).ok());
  }
  RefusingCluster old_broker(cluster_, 1, Status::InvalidArgument("Unknown topic config name"));
  ASSERT_TRUE(SetUpWith(old_broker, Duration(0)).ok());
  EXPECT_FALSE(log_.Describe("p-window-1-changelog")->config.contains("message.timestamp.after.max.ms"));
}

TEST_F(PipelineSetup, ACreationThatTheClusterRefusesForNowIsAskedForAgain) {
  for (const Status& refusal : {Status::Unavailable("All brokers are currently fenced."),
                                Status::Timeout("Broker: Request timed out"),
                                Status::Unavailable("Broker: Not controller for cluster")}) {
    for (const char* topic : {"p-window-1-changelog", "out"}) (void)log_.DeleteTopic(topic);
    RefusingCluster cluster(cluster_, 2, refusal);
    const Status status = SetUpWith(cluster, Duration(30'000));
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(cluster.admin().asked, 4) << "two refusals, then the changelog and the output";
    EXPECT_EQ(log_.Describe("p-window-1-changelog")->partitions, 2);
  }
}

TEST_F(PipelineSetup, ARefusalForGoodIsSaidAtOnceAndOneForNowAfterTheTimeout) {
  RefusingCluster for_good(cluster_, 100, Status::PermissionDenied("no ACL"));
  EXPECT_EQ(SetUpWith(for_good, Duration(30'000)).code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(for_good.admin().asked, 1);
  RefusingCluster for_now(cluster_, 100, Status::Unavailable("All brokers are currently fenced."));
  const Status status = SetUpWith(for_now, Duration(500));
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("p-window-1-changelog"), HasSubstr("fenced")));
  EXPECT_EQ(for_now.admin().asked, 2);
}

TEST_F(PipelineSetup, AStopEndsTheWaiting) {
  RefusingCluster cluster(cluster_, 100, Status::Unavailable("All brokers are currently fenced."));
  const StopToken stop;
  stop.RequestStop();
  EXPECT_EQ(SetUpWith(cluster, Duration(30'000), stop).code(), StatusCode::kCancelled);
}

TEST_F(PipelineSetup, AllMissingTopicsAreNamedAndNoneIsMadeWhenTheyMayNotBe) {
  plan_.create_topics = false;
  plan_.dead_letter_topic = "dead";
  const Status outputs = SetUpWith(cluster_, Duration(0));
  EXPECT_EQ(outputs.code(), StatusCode::kNotFound);
  EXPECT_THAT(outputs.message(),
              AllOf(HasSubstr("output topic 'dead' does not exist and create_topics is false"),
                    HasSubstr("\noutput topic 'out' does not exist")));
  ASSERT_TRUE(log_.DeleteTopic("in").ok());
  EXPECT_THAT(SetUpWith(cluster_, Duration(0)).message(),
              AllOf(HasSubstr("source topic 'in' does not exist"), HasSubstr("\noutput topic 'out'")));
  EXPECT_TRUE(log_.List().empty());

  for (const char* topic : {"in", "out", "dead"}) ASSERT_TRUE(log_.CreateTopic({topic, 2}).ok());
  EXPECT_TRUE(SetUpWith(cluster_, Duration(0)).ok()) << "internal topics are the pipeline's own";
  EXPECT_TRUE(log_.Describe("p-window-1-changelog").has_value());
}

TEST_F(PipelineSetup, AnInternalTopicThatIsWrongKeepsTheOthersFromBeingMade) {
  auto file = ReadPipelineText("p.yaml",
                               "name: p\n"
                               "source: {topic: in, key: k, schema: {k: int64}}\n"
                               "steps:\n"
                               "  - window: {by: k, tumbling: 10s, aggregate: {n: count()}}\n"
                               "  - changes: {by: k, columns: [n]}\n"
                               "sinks: [{topic: out}]\n",
                               SubstitutionSources{});
  ASSERT_TRUE(file.ok()) << file.status().message();
  plan_ = std::move(file->plan);
  ASSERT_TRUE(log_.CreateTopic({"p-window-1-changelog", 3}).ok());
  EXPECT_EQ(SetUpWith(cluster_, Duration(0)).code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(log_.Describe("p-changes-1-changelog").has_value());
}

TEST_F(PipelineSetup, TheLogSaysTheCountThatANewTopicGetsWhereTheBrokerChoosesIt) {
  class FixedAdmin final : public TopicAdmin {
   public:
    explicit FixedAdmin(TopicAdmin& admin) : admin_(admin) {}
    Result<std::optional<TopicDescription>> Describe(const std::string& topic) override {
      return admin_.Describe(topic);
    }
    Result<std::vector<TopicDescription>> List() override { return admin_.List(); }
    Status Create(const NewTopic& topic) override { return admin_.Create({topic.name, 4}); }
    Status Delete(const std::string& topic) override { return admin_.Delete(topic); }
    Status DeleteRecords(const TopicPartition& partition, Offset before) override {
      return admin_.DeleteRecords(partition, before);
    }
    std::optional<std::int32_t> fixed_partitions() const override { return 4; }

   private:
    TopicAdmin& admin_;
  };
  class FixedCluster final : public ClusterAround {
   public:
    explicit FixedCluster(Cluster& cluster) : ClusterAround(cluster), admin_(cluster.admin()) {}
    TopicAdmin& admin() override { return admin_; }

   private:
    FixedAdmin admin_;
  };
  plan_.nodes[1] = plan_.nodes[2];  // without the window, whose topic needs the source's count
  plan_.nodes[1].inputs = {0};
  plan_.nodes.pop_back();
  FixedCluster cluster(cluster_);
  testing::internal::CaptureStderr();
  const Status status = SetUpWith(cluster, Duration(0));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_THAT(log, HasSubstr("topic created topic=out partitions=4"));
}

TEST_F(PipelineSetup, AChangelogWithAnotherPartitionCountIsRefused) {
  ASSERT_TRUE(log_.CreateTopic({"p-window-1-changelog", 3}).ok());
  const Status status = SetUpWith(cluster_, Duration(0));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("'p-window-1-changelog' has 3 partitions"),
                                      HasSubstr("needs 2"), HasSubstr("millrace reset")));
}

}  // namespace
}  // namespace millrace
