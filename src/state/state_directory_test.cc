// What StateStore::Open takes and what it refuses, and what lies in the directory.

#include <memory>

#include <gmock/gmock.h>
#include <rocksdb/db.h>

#include "state/state_store.h"
#include "state/state_store_harness.h"
#include "state/store_key.h"

namespace millrace {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(StateStoreTest, LayoutThatChangedIsRefusedNamingTheStep) {
  struct Case {
    std::string now;
    std::string error;  // "" = accepted
  };
  const std::vector<Case> cases{
      {"counts=text\n", ""},
      {"counts=text\nmore=int\n", ""},
      {"counts=other\nmore=int\n", "millrace reset FILE --step counts"},
      {"counts=text\n", "step 'more' has state but is not in the pipeline"},
  };
  Open();
  for (const Case& tried : cases) {
    store_.reset();
    options_.layout = tried.now;
    const Status status = OpenError();
    if (tried.error.empty()) {
      EXPECT_TRUE(status.ok()) << status.ToString();
    } else {
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
      EXPECT_THAT(status.message(), HasSubstr(tried.error));
      EXPECT_THAT(status.message(), HasSubstr(options_.directory));
    }
  }
}

TEST_F(StateStoreTest, DirectoryOfAnotherTaskIsCorrupt) {
  Open();
  store_.reset();
  options_.identity = "app/task_1";
  const Status status = OpenError();
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_THAT(status.message(), HasSubstr("'app/task_0', not of 'app/task_1'"));
}

TEST_F(StateStoreTest, DirectoryOfAnotherFormatIsCorruptAndNamesBoth) {
  Open();
  Put(0, "a", "1");
  Commit(1);
  store_.reset();
  {
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), options_.directory, &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), ReservedKey(Reserved::kFormat), "2").ok());
  }
  const Status status = OpenError();
  EXPECT_EQ(status.code(), StatusCode::kCorrupt) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("has format 2, not 1"));
  ASSERT_TRUE(StateStore::SetAside(options_.directory).ok());
  Open();
  EXPECT_THAT(Rows(), IsEmpty());
}

TEST_F(StateStoreTest, NoLogFileGrowsBesideTheState) {
  Open();
  Put(0, "a", "1");
  Commit(1);
  store_.reset();
  const std::vector<DirectoryEntry> entries = *ListDirectory(options_.directory);
  for (const DirectoryEntry& entry : entries) {
    EXPECT_FALSE(entry.name.starts_with("LOG")) << entry.name << ": on a full disk RocksDB's own log aborts";
  }
}

TEST_F(StateStoreTest, DirectoryInUseAlreadyExists) {
  Open();
  const Status status = OpenError();
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr(options_.directory));
}

TEST_F(StateStoreTest, DamagedDirectoryIsCorruptAndCanBeSetAside) {
  struct Case {
    std::string name;
    std::function<void(const std::string& directory, const std::string& file)> damage;
    std::string prefix;
  };
  const auto truncate = [](const std::string& directory, const std::string& file) {
    ASSERT_TRUE(WriteFileAtomically(directory + "/" + file, "").ok());
  };
  const auto remove = [](const std::string& directory, const std::string& file) {
    ASSERT_TRUE(RemoveAll(directory + "/" + file).ok());
  };
  const std::vector<Case> cases{{"empty CURRENT", truncate, "CURRENT"},
                                {"no MANIFEST", remove, "MANIFEST"},
                                {"empty MANIFEST", truncate, "MANIFEST"},
                                {"rows missing", remove, "0"}};
  int set_aside = 0;
  for (const Case& tried : cases) {
    SCOPED_TRACE(tried.name);
    Open();
    Put(0, "a", "1");
    Commit(1);
    ASSERT_TRUE(store_->FinishRestore().ok());
    store_.reset();
    bool damaged = false;
    const std::vector<DirectoryEntry> entries = *ListDirectory(options_.directory);
    for (const DirectoryEntry& entry : entries) {
      const bool rows = tried.prefix == "0" && entry.name.ends_with(".sst");
      if (!rows && (tried.prefix == "0" || !entry.name.starts_with(tried.prefix))) continue;
      tried.damage(options_.directory, entry.name);
      damaged = true;
    }
    ASSERT_TRUE(damaged);
    const Status status = OpenError();
    EXPECT_EQ(status.code(), StatusCode::kCorrupt) << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr(options_.directory));
    ASSERT_TRUE(StateStore::SetAside(options_.directory).ok());
    EXPECT_TRUE(PathExists(options_.directory + ".corrupt-" + std::to_string(++set_aside)));
  }
  Open();
  EXPECT_THAT(Rows(), IsEmpty());
}

TEST_F(StateStoreTest, DirectoryThatCannotBeMadeIsAnIoErrorThatSaysWhatToDo) {
  ASSERT_TRUE(CreateDirectories(scratch_.path()).ok());
  ASSERT_TRUE(WriteFileAtomically(scratch_.path() + "/app", "a file").ok());
  const Status status = OpenError();
  EXPECT_EQ(status.code(), StatusCode::kIo) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr(options_.directory));
}

TEST_F(StateStoreTest, TooLittleMemoryIsRefused) {
  const Status status = StateRuntime::Make(ByteCount(1)).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("8.0 MiB"));
}

}  // namespace
}  // namespace millrace
