// Savepoints of a pipeline on a log in memory: what is created can be restored, and what fails has not
// happened.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connect/murmur2.h"
#include "connectors/memory/memory_cluster.h"
#include "connectors/memory/memory_log.h"
#include "engine/pipeline_setup.h"
#include "engine/savepoint/create_savepoint.h"
#include "engine/savepoint/restore_savepoint.h"
#include "engine/savepoint/savepoint_folder.h"
#include "engine/test_driver.h"
#include "engine/yaml/pipeline_file.h"
#include "env/file.h"
#include "env/random.h"
#include "runtime/state_notes.h"

namespace millrace {
namespace {

using testing::HasSubstr;

constexpr const char* kPipeline =
    "name: p\n"
    "source: {topic: in, schema: {k: int64}}\n"
    "steps: [{window: {by: k, tumbling: 10s, aggregate: {n: count()}}}]\n"
    "sinks: [{topic: out}]\n";
constexpr const char* kChangelog = "p-window-1-changelog";
constexpr const char* kRepartition = "p-window-1-repartition";
constexpr std::int32_t kPartitions = 2;
constexpr int kKeys = 50;

Plan ReadPlan() {
  auto file = ReadPipelineText("p.yaml", kPipeline, SubstitutionSources{});
  EXPECT_TRUE(file.ok()) << file.status().message();
  return std::move(file->plan);
}

/// A cluster with a pipeline that is set up.
struct Place {
  explicit Place(const Plan& plan, std::int32_t partitions) {
    NewTopic in;
    in.name = "in";
    in.partitions = partitions;
    EXPECT_TRUE(log.CreateTopic(in).ok());
    for (std::int32_t p = 0; p < partitions; ++p) {
      for (int i = 0; i < kKeys; ++i) EXPECT_TRUE(log.Append({"in", Partition(p)}, MemoryRecord{}).ok());
    }
    SetupOptions setup;
    setup.clock = &clock;
    EXPECT_TRUE(SetUpPipeline(plan, cluster, setup).ok());
  }

  std::int32_t PartitionsOf(const std::string& topic) const { return log.Describe(topic)->partitions; }
  /// The last value of each key, by partition.
  std::map<std::pair<std::int32_t, std::string>, std::string> Rows() const {
    std::map<std::pair<std::int32_t, std::string>, std::string> rows;
    for (std::int32_t p = 0; p < PartitionsOf(kChangelog); ++p) {
      for (const MemoryRecord& record : log.Read({kChangelog, Partition(p)}))
        rows[{p, *record.key}] = *record.value;
    }
    return rows;
  }
  std::vector<std::string> MovedValues() const {
    std::vector<std::string> values;
    for (std::int32_t p = 0; p < PartitionsOf(kRepartition); ++p) {
      for (const MemoryRecord& record : log.Read({kRepartition, Partition(p)}))
        values.push_back(record.value.value_or("-"));
    }
    return values;
  }
  std::vector<CommittedOffset> Committed() {
    std::vector<TopicPartition> partitions;
    for (std::int32_t p = 0; p < PartitionsOf(kRepartition); ++p) {
      partitions.push_back({"in", Partition(p)});
      partitions.push_back({kRepartition, Partition(p)});
    }
    const auto committed = log.Committed("p", partitions);
    EXPECT_TRUE(committed.ok()) << committed.status().message();
    return *committed;
  }

  SystemClock clock;
  MemoryLog log{&clock};
  MemoryCluster cluster{&log};
};

class SavepointTest : public testing::Test {
 protected:
  SavepointTest() {
    EXPECT_TRUE(arrow::compute::Initialize().ok());
    EXPECT_TRUE(CreateDirectories(parent_).ok());
  }
  ~SavepointTest() override { EXPECT_TRUE(RemoveAll(parent_).ok()); }

  /// Fills `place` with what workers committed for the pipeline, with its last rows on their way.
  void Run(Place& place) {
    TestDriverOptions options;
    options.source_partitions = kPartitions;
    auto driver = TestDriver::Make(plan_, options);
    ASSERT_TRUE(driver.ok()) << driver.status().message();
    for (int i = 0; i < kKeys; ++i) {
      ASSERT_TRUE((*driver)
                      ->Write({.topic = "in",
                               .partition = Partition(i % kPartitions),
                               .key = std::nullopt,
                               .value = "{\"k\":" + std::to_string(i) + "}",
                               .timestamp = EventTime(1'000 + i),
                               .headers = {}})
                      .ok());
    }
    ASSERT_TRUE((*driver)->RunUntilIdle().ok());
    for (const char* const topic : {kChangelog, kRepartition}) Copy(**driver, topic, place);
    CommitAsWorkers(place);
  }

  static void Copy(TestDriver& driver, const std::string& topic, Place& place) {
    const auto records = driver.Read(topic);
    ASSERT_TRUE(records.ok()) << records.status().message();
    ASSERT_FALSE(records->empty());
    for (const TestOutputRecord& from : *records) {
      MemoryRecord record;
      record.timestamp_ms = from.timestamp.value();
      record.key = from.key;
      record.value = from.value;
      for (const auto& [name, value] : from.headers) record.headers.push_back({name, value});
      ASSERT_TRUE(place.log.Append({topic, from.partition}, record).ok());
    }
  }

  void CommitAsWorkers(Place& place) {
    std::vector<CommittedOffset> offsets;
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      offsets.push_back({{"in", Partition(p)}, Offset(10 + p), std::to_string(1'000 + p) + ";1001"});
      std::map<std::string, std::string> notes;
      SubTopology sub;
      sub.state_layout = Layout();
      sub.partitions = kPartitions;
      sub.tables = {{"window-1", kChangelog, {}}};
      StateNotes(sub).AddTo({{"window-1", place.log.Describe(kChangelog)->topic_id}}, &notes);
      std::string metadata = std::to_string(900 + p) + ";0;1000;a100i0";
      for (const auto& [name, note] : notes) metadata += "|" + name + "=" + note;
      offsets.push_back({{kRepartition, Partition(p)}, Offset(0), metadata});
    }
    ASSERT_TRUE(place.cluster.groups()->SetOffsets("p", offsets).ok());
  }

  static std::string Layout() {
    return "window-1=tumbling 10s offset 0ms by k:int64 aggregate n = count()\n";
  }

  SavepointManifest Create(Place& place, const std::string& name = "one") {
    const auto made = CreateSavepoint(plan_, place.cluster, place.clock, parent_ + "/" + name);
    EXPECT_TRUE(made.ok()) << made.status().message();
    const auto opened = OpenSavepoint(parent_ + "/" + name);
    EXPECT_TRUE(opened.ok() && *opened == *made);
    return *made;
  }
  Result<RestoreReport> RestoreInto(Place& place, const std::string& name = "one") {
    RestoreChoice choice;
    choice.names = {{"in", "in"}};  // of another cluster
    return RestoreSavepoint(plan_, place.cluster, place.clock, parent_ + "/" + name, choice);
  }

  const Plan plan_ = ReadPlan();
  const std::string parent_ = testing::TempDir() + "/savepoint-" + RandomId();
};

TEST_F(SavepointTest, WhatIsRestoredGivesTheSameSavepoint) {
  Place from(plan_, kPartitions);
  Run(from);
  const SavepointManifest one = Create(from);
  ASSERT_EQ(one.stages.size(), 2U);
  EXPECT_EQ(one.stages[1].steps[0].rows.rows, kKeys);
  EXPECT_GT(one.stages[1].inputs[0].in_flight_data, 0);
  Place to(plan_, kPartitions);
  const auto report = RestoreInto(to);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->steps.at(0).rows, kKeys);
  EXPECT_FALSE(report->steps.at(0).moved);
  EXPECT_EQ(to.Rows(), from.Rows());
  EXPECT_EQ(to.MovedValues(), from.MovedValues());
  const SavepointManifest two = Create(to, "two");
  EXPECT_EQ(two.stages[1].steps[0].rows.sha256, one.stages[1].steps[0].rows.sha256);
  EXPECT_EQ(two.stages[1].inputs[0].in_flight.rows, one.stages[1].inputs[0].in_flight.rows);
  EXPECT_THAT(two.stages[1].inputs[0].partitions[1].metadata,
              testing::StartsWith("901;0;1000;a100i0|state:"));
}

TEST_F(SavepointTest, WithOtherPartitionsEveryRowIsInThePartitionOfItsKey) {
  Place from(plan_, kPartitions);
  Run(from);
  Create(from);
  Place to(plan_, 5);
  const auto report = RestoreInto(to);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->steps.at(0).moved);
  std::map<std::string, std::string> rows;
  std::set<std::int32_t> used;
  for (const auto& [place, row] : to.Rows()) {
    EXPECT_TRUE(rows.emplace(place.second, row).second);
    EXPECT_EQ(PartitionOfKey(place.second.substr(8), 5).value(), place.first);
    used.insert(place.first);
  }
  EXPECT_EQ(used.size(), 5U);
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(kKeys));
  for (const auto& [place, row] : from.Rows()) EXPECT_EQ(rows.at(place.second), row);
  for (const CommittedOffset& at : to.Committed()) {
    const bool is_source = at.partition.topic == "in";
    EXPECT_THAT(at.metadata, testing::StartsWith(is_source ? "1000;1001" : "900;0;0;nnnnn|state:"));
  }
  const auto moved = to.MovedValues();
  EXPECT_EQ(std::count(moved.begin(), moved.end(), "-"), 0);  // watermarks are reported anew
  EXPECT_FALSE(moved.empty());
}

TEST_F(SavepointTest, ARestoreThatFailsAnywhereLeavesNothingAndCanBeRunAgain) {
  Place from(plan_, kPartitions);
  Run(from);
  Create(from);
  for (const LogCall call : {LogCall::kInit, LogCall::kSendOffsets, LogCall::kSend, LogCall::kCommit}) {
    for (const FaultOutcome outcome :
         {FaultOutcome::kAborted, FaultOutcome::kUnknownNotDone, FaultOutcome::kUnavailable}) {
      Place to(plan_, 3);
      to.log.Inject({.call = call, .nth = call == LogCall::kSend ? 20 : 1, .outcome = outcome});
      ASSERT_FALSE(RestoreInto(to).ok());
      EXPECT_TRUE(to.Rows().empty() && to.MovedValues().empty());
      const auto again = RestoreInto(to);
      ASSERT_TRUE(again.ok()) << again.status().message();
      EXPECT_EQ(to.Rows().size(), static_cast<std::size_t>(kKeys));
    }
  }
}

TEST_F(SavepointTest, ARestoreReplacesNoState) {
  Place from(plan_, kPartitions);
  Run(from);
  Create(from);
  const auto again = RestoreInto(from);
  EXPECT_EQ(again.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(again.status().message(), HasSubstr("millrace reset FILE --yes"));
  Place records(plan_, kPartitions);
  MemoryRecord record;
  record.key = "k";
  ASSERT_TRUE(records.log.Append({kChangelog, Partition(1)}, record).ok());
  EXPECT_EQ(RestoreInto(records).status().code(), StatusCode::kAlreadyExists);
}

TEST_F(SavepointTest, ARefusalForOffsetsThatAreThereMakesNoTopic) {
  Place from(plan_, kPartitions);
  Run(from);
  Create(from);
  ASSERT_TRUE(from.log.DeleteTopic(kChangelog).ok());
  EXPECT_EQ(RestoreInto(from).status().code(), StatusCode::kAlreadyExists);
  EXPECT_FALSE(from.log.Describe(kChangelog).has_value());
}

TEST_F(SavepointTest, NobodyMayRun) {
  Place from(plan_, kPartitions);
  Run(from);
  Create(from);
  Place to(plan_, kPartitions);
  to.log.Join("p", "somebody", {"in"});
  EXPECT_THAT(RestoreInto(to).status().message(), HasSubstr("somebody at memory"));
  from.log.Join("p", "somebody", {"in"});
  EXPECT_THAT(CreateSavepoint(plan_, from.cluster, from.clock, parent_ + "/two").status().message(),
              HasSubstr("somebody at memory"));
  EXPECT_FALSE(PathExists(parent_ + "/two"));
}

TEST_F(SavepointTest, WhatIsNotThereIsNotSaved) {
  Place empty(plan_, kPartitions);
  const std::string folder = parent_ + "/one";
  EXPECT_THAT(CreateSavepoint(plan_, empty.cluster, empty.clock, folder).status().message(),
              HasSubstr("has committed nothing yet"));
  Place from(plan_, kPartitions);
  Run(from);
  Create(from);
  EXPECT_EQ(CreateSavepoint(plan_, from.cluster, from.clock, folder + "/").status().code(),
            StatusCode::kAlreadyExists);
  ASSERT_TRUE(from.log.DeleteTopic(kChangelog).ok());
  EXPECT_THAT(CreateSavepoint(plan_, from.cluster, from.clock, parent_ + "/two").status().message(),
              HasSubstr("there is no topic 'p-window-1-changelog'"));
  const auto left = ListDirectory(parent_);
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(left->size(), 1U);  // nothing half done
}

TEST_F(SavepointTest, AChangelogThatCannotBeReadIsNotSaved) {
  Place from(plan_, kPartitions);
  Run(from);
  ASSERT_TRUE(from.log.Break({kChangelog, Partition(0)}, Offset(0), Offset(1)).ok());
  const auto made = CreateSavepoint(plan_, from.cluster, from.clock, parent_ + "/one");
  EXPECT_EQ(made.status().code(), StatusCode::kCorrupt) << made.status().message();
  EXPECT_TRUE(ListDirectory(parent_)->empty());
}

}  // namespace
}  // namespace millrace
