#include "state/stored_state.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "env/file.h"
#include "state/text_rows.h"

namespace millrace {
namespace {

class StoredStateTest : public testing::Test {
 protected:
  void Open() {
    StateStoreOptions options;
    options.directory = directory.path();
    options.identity = "app/main_3";
    options.layout = "a=text\nb=other text\n";
    store = *StateStore::Open(options, *runtime);
    a = *store->AddTable("a", &rows_a);
    ASSERT_TRUE(store->AddTable("b", &rows_b).ok());
  }
  void Put(std::int64_t slice, const std::string& key, const std::string& value) {
    KeyList keys;
    keys.Add(key);
    std::uint32_t slot = 0;
    ASSERT_TRUE(a->Lookup({&slice, 1}, keys.column(), {&slot, 1}).ok());
    rows_a[slot] = value;
  }
  void Commit(std::int64_t offset) {
    ASSERT_TRUE(store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
    ASSERT_TRUE(store->CommitDirty({{"a", Offset(offset)}}).ok());
  }
  std::string Contents(StoredState& stored, const std::string& table) {
    std::string text;
    const Status scanned =
        stored.Scan(table, [&](std::int64_t slice, std::string_view key, std::string_view row) {
          text += std::to_string(slice) + ":" + std::string(key) + "=" + std::string(row) + " ";
          return Status::Ok();
        });
    EXPECT_TRUE(scanned.ok()) << scanned.ToString();
    return text;
  }

  ScratchDirectory directory{"stored"};
  std::unique_ptr<StateRuntime> runtime = *StateRuntime::Make(ByteCount(8 << 20));
  TextRows rows_a;
  TextRows rows_b;
  std::unique_ptr<StateStore> store;
  KeyedTable* a = nullptr;
};

TEST_F(StoredStateTest, WhatWasCommittedIsReadInKeyOrderWithItsOriginAndLayout) {
  Open();
  Put(20, "x", "1");
  Put(-10, "z", "2");
  Put(-10, "y", "3");
  Commit(7);
  Put(20, "never committed", "4");
  store.reset();
  auto stored = *StoredState::Open(directory.path());
  EXPECT_EQ(stored->identity(), "app/main_3");
  EXPECT_TRUE(stored->last_committed().has_value());
  ASSERT_EQ(stored->tables().size(), 2U);
  EXPECT_EQ(stored->tables()[0].name, "a");
  EXPECT_EQ(stored->tables()[0].layout, "text");
  EXPECT_EQ(stored->tables()[0].changelog_offset, Offset(7));
  EXPECT_FALSE(stored->tables()[1].changelog_offset.has_value());
  EXPECT_EQ(Contents(*stored, "a"), "-10:y=3 -10:z=2 20:x=1 ");
  EXPECT_EQ(Contents(*stored, "b"), "");
}

TEST_F(StoredStateTest, ADirectoryInUseIsRefusedAndOneBeingReadCannotBeOpened) {
  Open();
  const auto refused = StoredState::Open(directory.path());
  EXPECT_EQ(refused.status().code(), StatusCode::kAlreadyExists) << refused.status().ToString();
  EXPECT_NE(refused.status().message().find("running process"), std::string::npos);
  store.reset();
  const auto stored = *StoredState::Open(directory.path());
  StateStoreOptions options;
  options.directory = directory.path();
  EXPECT_EQ(StateStore::Open(options, *runtime).status().code(), StatusCode::kAlreadyExists);
}

TEST_F(StoredStateTest, ReadingChangesNothing) {
  Open();
  Put(1, "k", "v");
  Commit(1);
  store.reset();
  const auto names = [this] {
    std::string text;
    const std::vector<DirectoryEntry> entries = *ListDirectory(directory.path());
    for (const DirectoryEntry& entry : entries)
      text += entry.name + " " + std::to_string(entry.size.value()) + "\n";
    return text;
  };
  const std::string before = names();
  { auto stored = *StoredState::Open(directory.path()); }
  EXPECT_EQ(names(), before);
}

TEST_F(StoredStateTest, ADirectoryWithoutAnythingFlushedIsEmpty) {
  rocksdb::Options options;
  options.create_if_missing = true;
  ASSERT_TRUE(CreateDirectories(directory.path()).ok());
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, directory.path(), &db).ok());
  delete db;
  auto stored = *StoredState::Open(directory.path());
  EXPECT_EQ(stored->identity(), "");
  EXPECT_TRUE(stored->tables().empty());
}

TEST_F(StoredStateTest, AnotherDirectoryIsNone) {
  EXPECT_FALSE(StoredState::IsStateDirectory(directory.path()));
  EXPECT_EQ(StoredState::Open(directory.path()).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace millrace
