#include "engine/savepoint/restored_offsets.h"

#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/memory/memory_changelog_reader.h"
#include "connectors/memory/memory_log.h"
#include "env/clock.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kNone = std::to_string(kNoWatermark.value());

SubTopology SubOf(const std::vector<std::string>& topics, std::int32_t partitions, std::int32_t upstreams) {
  SubTopology sub;
  sub.input_topics = topics;
  sub.partitions = partitions;
  if (upstreams > 0) sub.repartition_inputs = topics;
  sub.make_program = [topics, upstreams](Partition, StateStore*) -> Result<TaskProgram> {
    TaskProgram program;
    for (const std::string& topic : topics) {
      TaskProgram::Input& input = program.inputs.emplace_back();
      input.topic = topic;
      input.upstream_partitions = upstreams;
    }
    return program;
  };
  return sub;
}

class RestoredOffsetsTest : public testing::Test {
 protected:
  /// A topic whose partitions go from `first` to `end`.
  void Create(const std::string& topic, std::int32_t partitions, std::int64_t first, std::int64_t end) {
    NewTopic made;
    made.name = topic;
    made.partitions = partitions;
    ASSERT_TRUE(log_.CreateTopic(made).ok());
    for (std::int32_t p = 0; p < partitions; ++p) {
      for (std::int64_t i = 0; i < end; ++i)
        ASSERT_TRUE(log_.Append({topic, Partition(p)}, MemoryRecord{}).ok());
      ASSERT_TRUE(log_.DeleteRecords({topic, Partition(p)}, Offset(first)).ok());
    }
  }

  /// One sub-topology that reads `topic`.
  void ReadFrom(const std::string& topic, std::int32_t partitions, std::vector<SavepointInput::At> saved,
                bool same, std::int32_t upstreams = 0) {
    sub_ = SubOf({topic}, partitions, upstreams);
    SavepointInput& input = saved_.inputs.emplace_back();
    input.topic = topic;
    input.step = upstreams > 0 ? "step" : "";
    input.partitions = std::move(saved);
    saved_.partitions = static_cast<std::int32_t>(input.partitions.size());
    StageRestore& stage = plan_.stages.emplace_back();
    stage.sub = &sub_;
    stage.same = same ? &saved_ : nullptr;
    stage.from = {&saved_};
    stage.inputs.push_back({.topic = topic, .step = input.step, .saved = &input, .from_start = false});
  }

  /// "<offset> <metadata>" of each, in order.
  std::vector<std::string> Restored() {
    const auto reader = MakeMemoryChangelogReader(&log_);
    context_.manifest = &manifest_;
    context_.plan = &plan_;
    context_.reader = reader.get();
    auto restored = OffsetsToRestore(context_);
    status_ = restored.status();
    std::vector<std::string> out;
    if (!restored.ok()) return out;
    warnings_ = restored->warnings;
    for (const CommittedOffset& at : restored->offsets)
      out.push_back(std::to_string(at.offset.value()) + " " + at.metadata);
    return out;
  }

  ManualClock clock_{EventTime(0)};
  MemoryLog log_{&clock_};
  SubTopology sub_;
  SavepointManifest manifest_;
  SavepointStage& saved_ = manifest_.stages.emplace_back();
  RestorePlan plan_;
  RestoredOffsetsContext context_;
  Status status_;
  std::vector<std::string> warnings_;
};

TEST_F(RestoredOffsetsTest, APartitionThatIsTheSameGoesOnAsItWas) {
  Create("in", 3, 0, 10);
  context_.same_pipeline = true;
  ReadFrom("in", 3,
           {{Offset(4), "50;60|begun:=3|files=id 20|http:=host:1|state:gone=x:1"},
            {kNoOffset, ""},
            {Offset(10), ""}},
           true);
  EXPECT_THAT(Restored(), ElementsAre("4 50;60|begun:=3|files=id 20", "10 "));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(RestoredOffsetsTest, NotesOnStateAreThoseOfTheNewChangelog) {
  Create("in", 1, 0, 10);
  ReadFrom("in", 1, {{Offset(4), "50;60|state:sums=old:00000000"}}, true);
  sub_.tables.push_back({"sums", "p-sums-changelog", {}});
  sub_.state_layout = "sums=rows\n";
  context_.changelog_ids = {{"sums", "new"}};
  const auto restored = Restored();
  ASSERT_EQ(restored.size(), 1U) << status_.message();
  EXPECT_THAT(restored[0], testing::StartsWith("4 50;60|state:sums=new:"));
}

TEST_F(RestoredOffsetsTest, WhatWasOverAtTheFirstRunStaysOver) {
  Create("in", 3, 0, 10);
  const std::vector<SavepointInput::At> saved = {
      {Offset(4), "50;60|first-run:=700"}, {Offset(4), "50;60"}, {Offset(4), "50;60|first-run:=900"}};
  ReadFrom("in", 3, saved, true);
  EXPECT_THAT(Restored(), ElementsAre("4 50;60|first-run:=700", "4 50;60", "4 50;60|first-run:=900"));
  plan_.stages[0].same = nullptr;  // keys of all may come to each
  EXPECT_THAT(Restored(),
              ElementsAre("4 50;60|first-run:=700", "4 50;60|first-run:=700", "4 50;60|first-run:=700"));
}

TEST_F(RestoredOffsetsTest, PartitionsThatWereAddedBeginAtTheirStartAndAllHaveTheLowestClock) {
  Create("in", 3, 2, 10);
  // A partition that never had a row holds nobody back.
  ReadFrom("in", 3, {{Offset(4), "50;60"}, {Offset(5), "40;70"}, {Offset(3), kNone + ";" + kNone}}, false);
  saved_.inputs[0].partitions.resize(2);
  saved_.partitions = 2;
  EXPECT_THAT(Restored(), ElementsAre("4 40;60", "5 40;60", "2 40;60"));
  plan_.stages[0].inputs[0].saved = nullptr;
  EXPECT_THAT(Restored(), IsEmpty());  // a topic that the savepoint did not have: as a pipeline that begins
}

TEST_F(RestoredOffsetsTest, ANewInputBeforeRestoredStateGoesOnWithItsWatermarkAndItsNotes) {
  struct Case {
    const char* what;
    std::int32_t upstreams;
    std::vector<std::string> expected;
  };
  const Case cases[] = {
      {"another source", 0, {"2 40;" + kNone + "|files=id 20", "2 40;" + kNone}},
      {"a repartition topic", 3, {"10 40;" + kNone + ";0;nnn|files=id 20", "10 40;" + kNone + ";0;nnn"}},
  };
  context_.same_pipeline = true;
  for (const Case& test : cases) {
    const std::string topic = "in" + std::to_string(test.upstreams);
    Create(topic, 2, 2, 10);
    plan_ = {};
    saved_.inputs.clear();
    ReadFrom(topic, 2, {{Offset(10), "50;60|files=id 20"}, {Offset(10), "40;70"}}, false, test.upstreams);
    plan_.stages[0].inputs[0].saved = nullptr;
    const SavepointStep step{.name = "sums", .kind = "window", .layout = "", .place = {}};
    const TableSpec table;
    plan_.steps.push_back({.stage = &saved_, .step = &step, .sub = &sub_, .table = &table, .moves = true});
    EXPECT_EQ(Restored(), test.expected) << test.what << status_.message();
  }
}

TEST_F(RestoredOffsetsTest, APartitionWithoutAClockHoldsNobodyBack) {
  Create("in", 1, 0, 10);
  ReadFrom("in", 1, {{Offset(4), "50;60"}, {Offset(3), kNone + ";" + kNone}, {kNoOffset, ""}}, false);
  EXPECT_THAT(Restored(), ElementsAre("4 50;60"));
}

struct Silent {
  const char* what;
  Offset offset;
  std::int64_t rows;  // of a step
  std::int64_t in_flight;
  bool from_start;
  bool begins_unknown;
};

TEST_F(RestoredOffsetsTest, APartitionWithoutAClockButWithRowsMakesAllBeginWithoutOne) {
  const Silent cases[] = {
      {"all was read, and there is no state", Offset(10), 0, 0, false, false},
      {"nothing was read, and the step has state of others", Offset(0), 7, 0, true, false},
      {"records are to be read", Offset(9), 0, 0, false, true},
      {"nothing was committed, and records are to be read", kNoOffset, 0, 0, false, true},
      {"another topic is read, and there is no state", Offset(9), 0, 0, true, false},
      {"it may have state", Offset(10), 7, 0, false, true},
      {"rows are on their way", Offset(10), 0, 1, false, true},
  };
  Create("in", 3, 0, 10);
  Create("moved", 3, 0, 10);
  for (const Silent& test : cases) {
    plan_ = {};
    saved_ = {};
    const bool moved = test.in_flight > 0;
    ReadFrom(moved ? "moved" : "in", 3, {{Offset(10), "50;60"}, {test.offset, kNone + ";" + kNone}}, false,
             moved ? 1 : 0);
    saved_.inputs[0].in_flight_data = test.in_flight;
    plan_.stages[0].inputs[0].from_start = test.from_start;
    saved_.steps.push_back({.name = "sums", .kind = "window", .layout = "", .place = {}});
    saved_.steps[0].rows.rows = test.rows;
    const TableSpec table;
    plan_.steps.push_back(
        {.stage = &saved_, .step = &saved_.steps[0], .sub = &sub_, .table = &table, .moves = true});
    const auto restored = Restored();
    ASSERT_EQ(restored.size(), 3U) << test.what << status_.message();
    const std::string clock = test.begins_unknown ? kNone + ";" + kNone : "50;60";
    for (const std::string& at : restored) EXPECT_THAT(at, HasSubstr(" " + clock)) << test.what;

    saved_.steps[0].rows.rows = 7;
    saved_.steps[0].windows = {1'000, 0};
    const bool ok = Restored().size() == 3;
    if (test.offset == Offset(0)) {
      EXPECT_TRUE(ok) << test.what << status_.message();
    } else {
      EXPECT_EQ(status_.code(), StatusCode::kInvalidArgument) << test.what;
      EXPECT_THAT(status_.message(), HasSubstr("step 'sums': its windows overlap")) << test.what;
      EXPECT_THAT(status_.message(), HasSubstr("partition 1 of topic")) << test.what;
    }
  }
}

TEST_F(RestoredOffsetsTest, AnotherTopicIsReadFromItsStart) {
  Create("in", 2, 1, 3);
  ReadFrom("in", 2, {{Offset(400), "50;60"}, {Offset(500), "70;80"}}, true);
  plan_.stages[0].inputs[0].from_start = true;
  EXPECT_THAT(Restored(), ElementsAre("1 50;60", "1 70;80"));
}

TEST_F(RestoredOffsetsTest, ARepartitionTopicGoesOnAtItsEndAndItsUpstreamsReportAnewWhenTheyAreOthers) {
  Create("moved", 2, 0, 3);
  ReadFrom("moved", 2, {{Offset(40), "50;60;80;a10i0"}, {Offset(50), "51;61;0;nn"}}, true, 2);
  EXPECT_THAT(Restored(), ElementsAre("3 50;60;80;a10i0", "3 51;61;0;nn"));
  plan_.stages.push_back({});  // another stage that is not the same
  plan_.stages.back().sub = &sub_;
  EXPECT_THAT(Restored(), ElementsAre("3 50;60;0;nn", "3 51;61;0;nn"));
}

TEST_F(RestoredOffsetsTest, AnOffsetThatTheLogHasNotReachedIsRefused) {
  Create("in", 1, 0, 3);
  ReadFrom("in", 1, {{Offset(4), "50;60"}}, true);
  Restored();
  EXPECT_THAT(status_.message(), HasSubstr("goes on at offset 4 of in[0], but that ends at 3"));
}

TEST_F(RestoredOffsetsTest, RecordsThatAreGoneAreWarnedOf) {
  Create("in", 1, 6, 9);
  ReadFrom("in", 1, {{Offset(4), "50;60"}}, true);
  EXPECT_THAT(Restored(), ElementsAre("4 50;60"));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("2 offsets are lost")));
}

TEST_F(RestoredOffsetsTest, WhatASinkHadStagedIsPublishedByTheTaskOfTheSameNumber) {
  Create("in", 2, 0, 9);
  context_.same_pipeline = true;
  ReadFrom("in", 2,
           {{Offset(4), "50;60|files=id 20"}, {Offset(4), "50;60"}, {Offset(4), "50;60|files=id 30"}}, false);
  EXPECT_THAT(Restored(), ElementsAre("4 50;60|files=id 20", "4 50;60"));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("what sink 'files' had staged on partition 2")));
}

TEST_F(RestoredOffsetsTest, WhatASinkHadStagedStaysWithAPipelineOfItsName) {
  Create("in", 1, 0, 9);
  ReadFrom("in", 1, {{Offset(4), "50;60|files=id 20"}}, true);
  EXPECT_THAT(Restored(), ElementsAre("4 50;60"));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("what sink 'files' had staged on partition 0")));
}

TEST_F(RestoredOffsetsTest, MetadataThatIsNotOursIsCorrupt) {
  Create("in", 1, 0, 9);
  ReadFrom("in", 1, {{Offset(4), "what"}}, false);
  Restored();
  EXPECT_EQ(status_.code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace millrace
