#include "engine/commands/checkpoint_verification.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/memory/memory_changelog_reader.h"
#include "connectors/memory/memory_log.h"
#include "env/clock.h"
#include "env/file.h"
#include "env/random.h"
#include "ops/bytes_rows.h"
#include "state/state_store.h"
#include "state/store_key.h"

namespace millrace {
namespace {

const TopicPartition kChangelog{"changelog", Partition(1)};

/// A state that was restored from a changelog in memory, and what VerifyTable says of it.
class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    NewTopic topic;
    topic.name = kChangelog.topic;
    topic.partitions = 2;
    EXPECT_TRUE(log_.CreateTopic(topic).ok());
  }
  ~VerifyTest() override { EXPECT_TRUE(RemoveAll(folder_).ok()); }

  static std::string KeyOf(std::int64_t slice, const std::string& key) {
    std::string bytes;
    AppendSlice(slice, &bytes);
    return bytes + key;
  }

  void Log(std::int64_t slice, const std::string& key, std::optional<std::string> value) {
    MemoryRecord record;
    record.key = KeyOf(slice, key);
    record.value = std::move(value);
    ASSERT_TRUE(log_.Append(kChangelog, record).ok());
  }

  /// Puts `entries` on disk as far as the changelog goes now.
  void Store(const std::vector<std::pair<std::string, std::string>>& entries) {
    const auto runtime = *StateRuntime::Make(ByteCount(8 << 20));
    StateStoreOptions options;
    options.directory = folder_;
    options.identity = "app/main_1";
    options.layout = "counts=text\n";
    BytesRows rows;  // a restore does not read them
    const auto store = *StateStore::Open(options, *runtime);
    ASSERT_TRUE(store->AddTable("counts", &rows).ok());
    std::vector<std::pair<std::string_view, std::optional<std::string_view>>> views;
    for (const auto& [key, row] : entries) views.emplace_back(key, row);
    ASSERT_TRUE(store->ApplyChangelog("counts", "id", views, log_.Bounds(kChangelog)->high).ok());
    ASSERT_TRUE(store->FinishRestore().ok());
  }

  VerifiedTable Verify(const std::string& topic_id = "id") {
    const auto state = StoredState::Open(folder_);
    EXPECT_TRUE(state.ok()) << state.status().ToString();
    const auto reader = MakeMemoryChangelogReader(&log_);
    const auto found = VerifyTable(**state, (*state)->tables().at(0), kChangelog, topic_id, *reader);
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return *found;
  }

  ManualClock clock_{EventTime(0)};
  MemoryLog log_{&clock_};
  const std::string folder_ = testing::TempDir() + "/verify-" + RandomId();
};

TEST_F(VerifyTest, TheLastRowOfEachKeyIsWhatMustBeOnDisk) {
  Log(0, "a", "1");
  Log(0, "b", "2");
  Log(5, "a", "3");
  Log(0, "a", "4");
  Log(0, "b", std::nullopt);
  Store({{KeyOf(0, "a"), "4"}, {KeyOf(5, "a"), "3"}});
  const VerifiedTable found = Verify();
  EXPECT_TRUE(found.ok()) << found.problem;
  EXPECT_EQ(found.rows, 2);
  EXPECT_EQ(found.offset, found.end);
}

TEST_F(VerifyTest, WhatCameAfterTheDisksOffsetIsNoDifference) {
  Log(0, "a", "1");
  Log(0, "b", "1");
  Store({{KeyOf(0, "a"), "1"}, {KeyOf(0, "b"), "1"}});
  Log(0, "a", "2");
  Log(0, "b", std::nullopt);
  Log(0, "c", "3");
  ASSERT_TRUE(log_.Compact(kChangelog.topic).ok());  // the older rows are gone from the log
  const VerifiedTable found = Verify();
  EXPECT_TRUE(found.ok()) << found.missing << found.extra << found.different;
  EXPECT_LT(found.offset, found.end);
}

TEST_F(VerifyTest, EveryDifferenceIsCounted) {
  Log(0, "missing", "1");
  Log(0, "different", "1");
  Log(0, "same", "1");
  Store({{KeyOf(0, "extra"), "1"}, {KeyOf(0, "different"), "2"}, {KeyOf(0, "same"), "1"}});
  const VerifiedTable found = Verify();
  EXPECT_FALSE(found.ok());
  EXPECT_EQ(found.missing, 1);
  EXPECT_EQ(found.extra, 1);
  EXPECT_EQ(found.different, 1);
  EXPECT_EQ(found.first_key, KeyOf(0, "different"));
}

TEST_F(VerifyTest, AStateOfAnotherLogIsAProblem) {
  Log(0, "a", "1");
  Store({{KeyOf(0, "a"), "1"}});
  EXPECT_THAT(Verify("another").problem, testing::HasSubstr("deleted and made again"));
  Log(0, "a", "2");
  Log(0, "a", "3");
  ASSERT_TRUE(log_.DeleteRecords(kChangelog, Offset(2)).ok());
  EXPECT_THAT(Verify().problem, testing::HasSubstr("outside of the changelog"));
}

}  // namespace
}  // namespace millrace
