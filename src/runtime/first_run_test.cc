#include "runtime/first_run.h"

#include <gtest/gtest.h>

#include "runtime/offset_metadata.h"

namespace millrace {
namespace {

constexpr EventTime kNow(5'000);

CommittedOffset At(std::int32_t partition, const std::string& metadata) {
  return {{"in", Partition(partition)}, metadata.empty() ? kNoOffset : Offset(7), metadata};
}

TEST(FirstRun, IsNotedAndTakenOut) {
  std::map<std::string, std::string> notes = {{"files", "id 20"}};
  AddFirstRun(EventTime(-3), &notes);
  EXPECT_EQ(FormatOffsetMetadata({.time = "1;2", .notes = notes}), "1;2|files=id 20|first-run:=-3");
  EXPECT_EQ(TakeFirstRun(&notes), EventTime(-3));
  EXPECT_EQ(TakeFirstRun(&notes), std::nullopt);
  EXPECT_EQ(notes.size(), 1U);
}

TEST(FirstRun, OffsetsThatAResetHasSetAreOfNoRun) {
  EXPECT_FALSE(ParseOffsetMetadata("")->has_run());
  EXPECT_TRUE(ParseOffsetMetadata("1;2")->has_run());
}

TEST(FirstRun, NotesOfATaskAreOfNoSink) {
  std::map<std::string, std::string> notes = {
      {"files", "id 20"}, {"first-run:", "3"}, {"of-a-later-version:x", "y"}};
  RemoveTaskNotes(&notes);
  EXPECT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes.begin()->first, "files");
}

TEST(FirstRun, IsTheFirstThatIsNotedOfAnyPartition) {
  struct Case {
    const char* what;
    std::vector<CommittedOffset> partitions;
    std::optional<EventTime> expected;
  };
  const Case cases[] = {
      {"nobody has run", {At(0, ""), At(1, "")}, kNow},
      {"after a reset", {{{"in", Partition(0)}, Offset(0), ""}}, kNow},
      {"a partition that never had a row", {At(0, "1;2|first-run:=900"), At(1, "")}, EventTime(900)},
      {"the first of several", {At(0, "1;2|first-run:=900"), At(1, "1;2|first-run:=700")}, EventTime(700)},
      {"the step is younger than what is committed", {At(0, "1;2"), At(1, "")}, std::nullopt},
      {"some are of an early version", {At(0, "1;2"), At(1, "1;2|first-run:=900")}, EventTime(900)},
  };
  for (const Case& test : cases) EXPECT_EQ(*FirstRunOf(test.partitions, kNow), test.expected) << test.what;
}

TEST(FirstRun, IsNotFoundBesideMetadataOfSomebodyElse) {
  EXPECT_EQ(FirstRunOf({At(3, "not ours\\")}, kNow).status().code(),
            ParseOffsetMetadata("not ours\\").status().code());
}

}  // namespace
}  // namespace millrace
