// Edits of a pipeline after which the rows of a step would not meet its state.
#include "engine/moved_state.h"

#include <map>
#include <string>
#include <vector>

#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compile/compile.h"
#include "connectors/memory/memory_cluster.h"
#include "connectors/memory/memory_log.h"
#include "engine/yaml/pipeline_file.h"
#include "runtime/offset_metadata.h"
#include "runtime/state_notes.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::int32_t kPartitions = 2;
const std::string kWindow = "{window: {by: [a, b], tumbling: 10s, aggregate: {n: count()}}}";

class MovedState : public testing::Test {
 protected:
  MovedState() { EXPECT_TRUE(arrow::compute::Initialize().ok()); }

  Topology Compile(const std::string& source, const std::string& steps,
                   std::int32_t partitions = kPartitions) {
    auto file =
        ReadPipelineText("p.yaml",
                         "name: p\nsource: {topic: " + source + ", schema: {a: int64, b: int64}}\nsteps: [" +
                             steps + "]\nsinks: [{topic: out}]\n",
                         SubstitutionSources{});
    EXPECT_TRUE(file.ok()) << file.status().message();
    auto analyzed = AnalyzePlan(std::move(file->plan));
    EXPECT_TRUE(analyzed.ok()) << analyzed.status().message();
    CompileOptions options;
    options.source_partitions = {{source.substr(0, source.find(',')), partitions}};
    options.clock = &clock_;
    auto topology = CompilePlan(*analyzed, options);
    EXPECT_TRUE(topology.ok()) << topology.status().message();
    return *std::move(topology);
  }

  /// Commits what the tasks of `topology` do: a note on each table beside the first input of its task.
  void Run(const Topology& topology, bool early_version = false) {
    std::vector<CommittedOffset> offsets;
    for (const NewTopic& topic : topology.internal_topics) (void)log_.CreateTopic(topic);
    for (const SubTopology& sub : topology.sub_topologies) {
      std::map<std::string, std::string> ids;
      for (const TableSpec& table : sub.tables)
        ids[table.table] = log_.Describe(table.changelog_topic)->topic_id;
      OffsetMetadata metadata{.time = "5;5", .notes = {}};
      StateNotes(sub).AddTo(ids, &metadata.notes);
      for (auto& [name, note] : metadata.notes) {
        if (early_version) note = note.substr(0, note.rfind(':'));
      }
      for (std::int32_t p = 0; p < sub.partitions; ++p)
        offsets.push_back(
            {{sub.input_topics.front(), Partition(p)}, Offset(7), FormatOffsetMetadata(metadata)});
    }
    ASSERT_TRUE(cluster_.groups()->SetOffsets("p", offsets).ok());
  }

  std::string Refusal(const Topology& topology) {
    return CheckNoStateMoved(topology, *cluster_.groups()->Offsets("p"), cluster_.admin()).message();
  }

  const SystemClock clock_;
  MemoryLog log_{&clock_};
  MemoryCluster cluster_{&log_};
};

TEST_F(MovedState, IsRefusedWhenRowsMovedBeforeAnEditAndDoNotAfterIt) {
  for (const bool early_version : {false, true}) {
    Run(Compile("in", kWindow), early_version);
    const Topology edited = Compile("in, key: a", kWindow);
    ASSERT_EQ(edited.sub_topologies.size(), 1U);
    EXPECT_THAT(Refusal(edited),
                AllOf(HasSubstr("the rows of step 'window-1' come into other partitions"),
                      HasSubstr("now by the message key, which is 'a'"), HasSubstr("millrace savepoint"),
                      HasSubstr("millrace reset FILE --step window-1 --yes")));
    EXPECT_EQ(Refusal(Compile("in", kWindow)), "") << "undone";
    ASSERT_TRUE(log_.DeleteTopic("p-window-1-changelog").ok());
    Run(edited);
    EXPECT_EQ(Refusal(edited), "") << "the step began anew";
    EXPECT_THAT(Refusal(Compile("in", kWindow)), HasSubstr("come into other partitions"));
    for (const std::string topic : {"p-window-1-changelog", "p-window-1-repartition"})
      ASSERT_TRUE(log_.DeleteTopic(topic).ok());
  }
}

TEST_F(MovedState, IsRefusedWhenItsRowsWouldComeThroughAnotherRepartitionTopic) {
  Run(Compile("in", "{group_by: [a, b]}, " + kWindow));
  EXPECT_THAT(Refusal(Compile("in", kWindow)),
              AllOf(HasSubstr("'window-1' came through the topic 'p-group_by-1-repartition'"),
                    HasSubstr("those on their way there would be lost")));
  EXPECT_THAT(
      Refusal(Compile("in", "{group_by: [a], name: other}, " + kWindow)),
      HasSubstr("come into other partitions since the pipeline was edited (now by a repartition by 'a')"));
}

TEST_F(MovedState, GoesOnWhenTheSourceIsAnotherTopicByTheSameKeyAndNotByAnother) {
  Run(Compile("in, key: a", kWindow));
  EXPECT_EQ(Refusal(Compile("in2, key: a", kWindow)), "");
  EXPECT_THAT(Refusal(Compile("in2, key: b", kWindow)), HasSubstr("come into other partitions"));
}

TEST_F(MovedState, GoesOnAfterAnEditThatAnEarlierVersionLetPass) {
  Run(Compile("in", kWindow), /*early_version=*/true);
  const Topology edited = Compile("in, key: a", kWindow);
  Run(edited, /*early_version=*/true);
  EXPECT_EQ(Refusal(edited), "");
}

TEST_F(MovedState, HasNoOtherPartitionToBeInWhenThereIsOne) {
  Run(Compile("in", kWindow, 1));
  EXPECT_EQ(Refusal(Compile("in, key: a", kWindow, 1)), "");
  EXPECT_EQ(Refusal(Compile("in", "{group_by: [a]}, " + kWindow, 1)), "");
}

/// What a task says of its own notes.
std::string CheckOwn(const Topology& written, const Topology& now) {
  std::map<std::string, std::string> notes;
  StateNotes(written.sub_topologies.back()).AddTo({{"window-1", "id"}}, &notes);
  StateNotes reader(now.sub_topologies.back());
  reader.Take(&notes);
  return reader.Check("window-1", "id").message();
}

TEST_F(MovedState, IsRefusedByATaskWhoseRowsWereMovedByAnotherKey) {
  const Topology by_a = Compile("in", "{group_by: [a]}, " + kWindow);
  const Topology by_b = Compile("in", "{group_by: [b]}, " + kWindow);
  EXPECT_THAT(CheckOwn(by_a, by_b),
              HasSubstr("the rows of step 'window-1' come into other partitions since the "
                        "pipeline was edited (now by a repartition by 'b')"));
  EXPECT_EQ(CheckOwn(by_a, by_a), "");
  EXPECT_EQ(CheckOwn(Compile("in", kWindow, 1), Compile("in, key: a", kWindow, 1)), "");
  EXPECT_EQ(CheckOwn(Compile("in, key: a, key_format: json", kWindow), Compile("in, key: a", kWindow)), "");
  EXPECT_THAT(CheckOwn(Compile("in, key: a", kWindow), Compile("in, key: b", kWindow)),
              HasSubstr("come into other partitions"));
}

TEST_F(MovedState, NotesOfAnEarlierVersionAreTaken) {
  const Topology by_b = Compile("in", "{group_by: [b]}, " + kWindow);
  StateNotes fresh(by_b.sub_topologies.back());
  std::map<std::string, std::string> notes;
  fresh.AddTo({{"window-1", "id"}}, &notes);
  std::string& note = notes.at("state:window-1");
  note = note.substr(0, note.rfind(':'));
  StateNotes reader(by_b.sub_topologies.back());
  reader.Take(&notes);
  EXPECT_TRUE(reader.Check("window-1", "id").ok());
  EXPECT_THAT(reader.Check("window-1", "id").message(), "");
}

}  // namespace
}  // namespace millrace
