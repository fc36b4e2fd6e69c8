// What file sinks committed where an edited pipeline does not look.
#include "engine/left_notes.h"

#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compile/compile.h"
#include "connect/staged_file_sink.h"
#include "connectors/ipc/ipc_format.h"
#include "connectors/memory/memory_cluster.h"
#include "connectors/memory/memory_log.h"
#include "engine/yaml/pipeline_file.h"
#include "env/file.h"
#include "env/random.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Nobody final : public AssignmentListener {
 public:
  void OnAssigned(std::vector<TopicPartition> /*partitions*/) override {}
  void OnRevoked(std::vector<TopicPartition> /*partitions*/, bool /*lost*/) override {}
};

class LeftNotes : public testing::Test {
 protected:
  LeftNotes() {
    EXPECT_TRUE(arrow::compute::Initialize().ok());
    for (const char* topic : {"in", "p-window-1-repartition", "p-group_by-1-repartition"})
      EXPECT_TRUE(log_.CreateTopic({topic, 2}).ok());
  }
  ~LeftNotes() override { EXPECT_TRUE(RemoveAll(folder_).ok()); }

  Plan PlanOf(const std::string& steps_and_sinks) {
    auto file =
        ReadPipelineText("p.yaml", "name: p\nsource: {topic: in, schema: {a: int64}}\n" + steps_and_sinks,
                         SubstitutionSources{});
    EXPECT_TRUE(file.ok()) << file.status().message();
    return std::move(file->plan);
  }
  std::string Rows() const { return "{name: rows, ipc: {path: " + folder_ + "}}"; }

  Status Publish(const Plan& plan) {
    auto analyzed = AnalyzePlan(plan);
    EXPECT_TRUE(analyzed.ok()) << analyzed.status().message();
    CompileOptions options;
    options.source_partitions = {{"in", 2}};
    options.clock = &clock_;
    const auto topology = CompilePlan(*analyzed, options);
    EXPECT_TRUE(topology.ok()) << topology.status().message();
    return PublishLeftNotes(*analyzed, *topology, *cluster_.groups()->Offsets("p"), cluster_);
  }

  /// As a process does that is killed after a commit: rows of the sink "rows" wait, noted beside `topic`.
  void Stage(const std::string& topic, const std::string& folder) {
    const auto schema = arrow::schema({arrow::field("a", arrow::int64())});
    const auto sink = MakeStagedFileSink(
        {.path = folder,
         .app = "p",
         .sink = "rows",
         .partition = Partition(1),
         .schema = schema,
         .extension = "arrow",
         .formats = [](std::string_view) -> Result<std::unique_ptr<FileFormat>> { return MakeIpcFormat(); },
         .clock = &clock_});
    ASSERT_TRUE(sink.ok() && (*sink)->Recover().ok());
    arrow::Int64Builder values;
    ASSERT_TRUE(values.AppendValues({1, 2}).ok());
    Batch batch;
    batch.data = arrow::RecordBatch::Make(schema, 2, {*values.Finish()});
    SinkContext context;
    ASSERT_TRUE((*sink)->Write(batch, context).ok() && (*sink)->Prepare(context).ok());
    const CommittedOffset at{
        {topic, Partition(1)}, Offset(7), "50;60|rows=" + (*sink)->Note() + "|state:window-1=id:0"};
    ASSERT_TRUE(cluster_.groups()->SetOffsets("p", {&at, 1}).ok());
  }

  std::size_t Files(const std::string& folder, bool staged) const {
    const auto entries = ListDirectory(staged ? folder + "/_staging" : folder);
    std::size_t files = 0;
    for (const DirectoryEntry& entry : *entries) files += entry.is_directory ? 0 : 1;
    return files;
  }
  /// "<topic> <offset> <metadata>" of what is committed.
  std::vector<std::string> Committed() {
    std::vector<std::string> all;
    const auto offsets = *cluster_.groups()->Offsets("p");
    for (const CommittedOffset& at : offsets)
      all.push_back(at.partition.topic + " " + std::to_string(at.offset.value()) + " " + at.metadata);
    return all;
  }

  const SystemClock clock_;
  MemoryLog log_{&clock_};
  MemoryCluster cluster_{&log_};
  const std::string folder_ = testing::TempDir() + "/left-notes-" + RandomId();
};

TEST_F(LeftNotes, BesideATopicThatIsNotReadAnyMoreArePublishedOnce) {
  for (const std::string& sinks : {Rows(), std::string("{topic: out}")}) {
    Stage("p-group_by-1-repartition", folder_);
    ASSERT_TRUE(Publish(PlanOf("sinks: [" + sinks + "]\n")).ok());
    EXPECT_EQ(Files(folder_, false), 1U);
    EXPECT_EQ(Files(folder_, true), 0U);
    const std::string left = "p-group_by-1-repartition 7 50;60|state:window-1=id:0";
    EXPECT_THAT(Committed(), testing::ElementsAre(left));
    ASSERT_TRUE(RemoveAll(folder_).ok());
    EXPECT_TRUE(Publish(PlanOf("sinks: [" + sinks + "]\n")).ok()) << "nothing is looked for again";
  }
}

TEST_F(LeftNotes, OfASinkThatStandsElsewhereInThePlanArePublishedBeforeItLooksForForgottenFiles) {
  const std::string window = "steps: [{window: {by: a, tumbling: 1s, aggregate: {n: count()}}}]\n";
  Stage("in", folder_);
  ASSERT_TRUE(Publish(PlanOf(window + "sinks: [" + Rows() + "]\n")).ok());
  EXPECT_EQ(Files(folder_, false), 1U);
  EXPECT_EQ(Files(folder_, true), 0U);
}

TEST_F(LeftNotes, OfTasksThatFindThemAreLeftToThem) {
  Stage("in", folder_);
  for (const std::string& sinks : {Rows(), std::string("{topic: out}")}) {
    EXPECT_TRUE(Publish(PlanOf("sinks: [" + sinks + "]\n")).ok());
    EXPECT_EQ(Files(folder_, true), 1U);
  }
}

TEST_F(LeftNotes, WaitUntilNobodyRunsThePipeline) {
  Stage("p-group_by-1-repartition", folder_);
  Nobody nobody;
  const auto member = cluster_.MakeGroupMember("p", "somebody");
  ASSERT_TRUE((*member)->Subscribe({"in"}, &nobody).ok());
  const Plan plan = PlanOf("sinks: [" + Rows() + "]\n");
  const Status waits = Publish(plan);
  EXPECT_EQ(waits.error_class(), ErrorClass::kRetryable);
  EXPECT_THAT(waits.message(), AllOf(HasSubstr("p-group_by-1-repartition"), HasSubstr("somebody")));
  EXPECT_EQ(Files(folder_, true), 1U);
  ASSERT_TRUE((*member)->Close().ok());
  EXPECT_TRUE(Publish(plan).ok());
  EXPECT_EQ(Files(folder_, true), 0U);
}

TEST_F(LeftNotes, WithAFolderTooLongForANoteAreFoundWhereTheSinkIsAndElseRefused) {
  const std::string folder = folder_ + "/" + std::string(150, 'x');
  Stage("p-group_by-1-repartition", folder);
  const Status refused = Publish(PlanOf("sinks: [{topic: out}]\n"));
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("rows of the file sink 'rows' of partition 1 are committed"));
  EXPECT_TRUE(Publish(PlanOf("sinks: [{name: rows, ipc: {path: " + folder + "}}]\n")).ok());
  EXPECT_EQ(Files(folder, false), 1U);
}

}  // namespace
}  // namespace millrace
