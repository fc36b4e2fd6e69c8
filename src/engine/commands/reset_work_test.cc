#include "engine/commands/reset_work.h"

#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/commands/command_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Topics of which one may not be deleted, and a record of what happened in which order.
class Place final : public TopicAdmin {
 public:
  std::vector<std::string> events;
  std::string undeletable;
  bool offsets_fail = false;

  Status Set(const std::vector<CommittedOffset>& offsets) {
    if (offsets_fail) return Status::Unavailable("no coordinator");
    for (const CommittedOffset& at : offsets) events.push_back("set " + at.partition.ToString());
    return Status::Ok();
  }

 private:
  Status Delete(const std::string& topic) override {
    if (topic == undeletable) return Status::PermissionDenied("may not delete " + topic);
    if (topic == "gone") return Status::NotFound("no topic " + topic);
    events.push_back("delete " + topic);
    return Status::Ok();
  }
  Result<std::optional<TopicDescription>> Describe(const std::string& /*topic*/) override {
    return std::optional<TopicDescription>();
  }
  Result<std::vector<TopicDescription>> List() override { return std::vector<TopicDescription>(); }
  Status Create(const NewTopic& /*topic*/) override { return Status::Ok(); }
  Status DeleteRecords(const TopicPartition& /*partition*/, Offset /*before*/) override {
    return Status::Ok();
  }
};

class ResetWorkTest : public CommandTest {
 protected:
  ResetWorkTest() {
    Write("state", "rows");
    work_.state_folder = folder() + "/state";
    work_.topics_to_delete = {"p-a-changelog", "p-b-changelog"};
    work_.offsets = {{{"in", Partition(0)}, Offset(0), ""}, {{"in", Partition(1)}, Offset(7), ""}};
  }
  Status Run() {
    out_.str("");
    return CarryOut(
        work_, place_, [this](const std::vector<CommittedOffset>& offsets) { return place_.Set(offsets); },
        out_);
  }

  ResetWork work_;
  Place place_;
  std::ostringstream out_;
};

TEST_F(ResetWorkTest, StateGoesBeforeOffsetsMove) {
  ASSERT_TRUE(Run().ok());
  EXPECT_FALSE(PathExists(work_.state_folder));
  EXPECT_THAT(place_.events,
              ElementsAre("delete p-a-changelog", "delete p-b-changelog", "set in[0]", "set in[1]"));
  EXPECT_EQ(out_.str(), "folder " + work_.state_folder +
                            " deleted\ntopic p-a-changelog deleted\ntopic p-b-changelog deleted\n"
                            "offset of in[0] set to 0\noffset of in[1] set to 7\n");
}

TEST_F(ResetWorkTest, ATopicThatCannotBeDeletedLeavesTheOffsetsAndSaysWhatIsLeft) {
  place_.undeletable = "p-b-changelog";
  const Status failed = Run();
  EXPECT_EQ(failed.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(place_.events, ElementsAre("delete p-a-changelog"));
  EXPECT_THAT(failed.message(), HasSubstr("done: folder " + work_.state_folder +
                                          ", topic p-a-changelog; left: "
                                          "topic p-b-changelog, the offsets of 2 partitions; "));
  EXPECT_THAT(failed.message(), HasSubstr("run the same command again"));
  EXPECT_THAT(failed.message(), HasSubstr("may not delete p-b-changelog"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("offset")));

  place_.undeletable.clear();
  work_.topics_to_delete = {"p-b-changelog"};
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(place_.events,
              ElementsAre("delete p-a-changelog", "delete p-b-changelog", "set in[0]", "set in[1]"));
}

TEST_F(ResetWorkTest, OffsetsThatCannotBeSetAreLeftAndSetTheNextTime) {
  place_.offsets_fail = true;
  const Status failed = Run();
  EXPECT_EQ(failed.code(), StatusCode::kUnavailable);
  EXPECT_THAT(failed.message(), HasSubstr("topic p-b-changelog; left: the offsets of 2 partitions; "));
  EXPECT_THAT(out_.str(), HasSubstr("topic p-b-changelog deleted\n"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("offset of")));

  place_.offsets_fail = false;
  work_.topics_to_delete.clear();
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(place_.events, testing::Contains("set in[1]"));
}

TEST_F(ResetWorkTest, WhatIsGoneAlreadyIsDone) {
  work_.topics_to_delete = {"gone"};
  ASSERT_TRUE(RemoveAll(work_.state_folder).ok());
  EXPECT_TRUE(Run().ok());
}

}  // namespace
}  // namespace millrace
