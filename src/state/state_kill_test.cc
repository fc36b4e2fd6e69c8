// Kills a process that commits as fast as it can, and looks at what is on disk.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include <gtest/gtest.h>

#include "env/file.h"
#include "state/state_store.h"
#include "state/text_rows.h"

namespace millrace {
namespace {

constexpr std::int64_t kKeys = 500;
constexpr std::int64_t kKeysPerCommit = 50;

StateStoreOptions Options() {
  StateStoreOptions options;
  options.directory = "state";
  options.layout = "table=text";
  options.max_rows_in_memory = kKeys / 2;
  return options;
}

// Commit n sets kKeysPerCommit keys to "n"; every tenth closes the slice that is ten commits old.
std::int64_t SliceOf(std::int64_t commit) { return commit / 20; }
std::string KeyOf(std::int64_t commit, std::int64_t i) {
  return "key number " + std::to_string((commit * 7 + i) % kKeys);
}

std::map<std::pair<std::int64_t, std::string>, std::string> RowsAfter(std::int64_t commits) {
  std::map<std::pair<std::int64_t, std::string>, std::string> rows;
  for (std::int64_t commit = 1; commit <= commits; ++commit) {
    for (std::int64_t i = 0; i < kKeysPerCommit; ++i) {
      rows[{SliceOf(commit), KeyOf(commit, i)}] = std::to_string(commit);
    }
    if (commit % 10 == 0)
      std::erase_if(rows, [&](const auto& row) { return row.first.first == SliceOf(commit) - 1; });
  }
  return rows;
}

void CommitOnce(StateStore& store, KeyedTable& table, TextRows& rows, std::int64_t commit) {
  KeyList keys;
  for (std::int64_t i = 0; i < kKeysPerCommit; ++i) keys.Add(KeyOf(commit, i));
  const std::vector<std::int64_t> slices(kKeysPerCommit, SliceOf(commit));
  std::vector<std::uint32_t> slots(kKeysPerCommit);
  ASSERT_TRUE(table.Lookup(slices, keys.column(), slots).ok());
  for (const std::uint32_t slot : slots) rows[slot] = std::to_string(commit);
  if (commit % 10 == 0) {
    ASSERT_TRUE(table.CloseSlice(SliceOf(commit) - 1, [](auto, auto) { return Status::Ok(); }).ok());
  }
  ASSERT_TRUE(store.CommitDirty({{"table", Offset(commit)}}).ok());
  if (commit % 17 != 0) return;
  ASSERT_TRUE(store.FinishRestore().ok());  // flushes
}

// The process that is killed: runs in the directory it is started in, writes one byte to stdout per commit.
TEST(StateKillChild, DISABLED_CommitsUntilKilled) {
  const auto runtime = *StateRuntime::Make(ByteCount(8 << 20));
  TextRows rows;
  auto store = *StateStore::Open(Options(), *runtime);
  KeyedTable* const table = *store->AddTable("table", &rows);
  std::int64_t commit = store->ChangelogOffset("table").value_or(Offset(0)).value();
  while (!HasFailure()) {
    CommitOnce(*store, *table, rows, ++commit);
    ASSERT_EQ(write(STDOUT_FILENO, ".", 1), 1);
  }
}

class Child {
 public:
  explicit Child(const std::string& directory) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    char program[4096] = {};
    EXPECT_GT(readlink("/proc/self/exe", program, sizeof(program) - 1), 0);
    pid_ = fork();
    if (pid_ == 0) {
      if (chdir(directory.c_str()) != 0) _exit(1);
      dup2(ends[1], STDOUT_FILENO);
      execl(program, program, "--gtest_also_run_disabled_tests",
            "--gtest_filter=StateKillChild.DISABLED_CommitsUntilKilled", nullptr);
      _exit(1);
    }
    close(ends[1]);
    output_ = ends[0];
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(output_);
  }

  /// Waits until the child has committed `n` times; false when it ended before.
  bool WaitForCommits(int n) {
    for (char byte; n > 0;) {
      if (read(output_, &byte, 1) != 1) return false;
      if (byte == '.') --n;
    }
    return true;
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

TEST(StateKillTest, KilledProcessLeavesAWholeCheckpointOnDisk) {
  const ScratchDirectory scratch("state-kill");
  ASSERT_TRUE(CreateDirectories(scratch.path()).ok());
  std::int64_t last = 0;
  for (const int commits : {1, 40, 25, 60, 33, 90}) {
    {
      Child child(scratch.path());
      ASSERT_TRUE(child.WaitForCommits(commits));
    }
    const auto runtime = *StateRuntime::Make(ByteCount(8 << 20));
    StateStoreOptions options = Options();
    options.directory = scratch.path() + "/state";
    TextRows rows;
    auto opened = StateStore::Open(options, *runtime);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    KeyedTable* const table = *(*opened)->AddTable("table", &rows);
    const std::int64_t on_disk = (*opened)->ChangelogOffset("table").value_or(Offset(0)).value();
    EXPECT_GE(on_disk, last);
    last = on_disk;
    std::map<std::pair<std::int64_t, std::string>, std::string> found;
    ASSERT_TRUE(table
                    ->Scan([&](std::int64_t slice, std::string_view key, std::uint32_t slot) {
                      found[{slice, std::string(key)}] = rows[slot];
                      return Status::Ok();
                    })
                    .ok());
    EXPECT_EQ(found, RowsAfter(on_disk)) << "after commit " << on_disk;
    EXPECT_EQ(table->num_rows(), static_cast<std::int64_t>(found.size()));
  }
  EXPECT_GT(last, 0);
}

}  // namespace
}  // namespace millrace
