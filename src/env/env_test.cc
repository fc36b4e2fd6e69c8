#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <set>
#include <stdexcept>
#include <system_error>

#include <gtest/gtest.h>

#include "env/clock.h"
#include "env/crash_point.h"
#include "env/environment.h"
#include "env/exhaustion.h"
#include "env/file.h"
#include "env/file_access.h"
#include "env/random.h"
#include "env/resource_usage.h"
#include "env/signals.h"
#include "env/thread.h"

namespace millrace {
namespace {

class FileTest : public ::testing::Test {
 protected:
  FileTest() : dir_(::testing::TempDir() + "/millrace-env-" + RandomId()) {
    if (!CreateDirectories(dir_).ok()) std::abort();
  }
  ~FileTest() override { EXPECT_TRUE(RemoveAll(dir_).ok()); }
  std::string Path(const std::string& name) const { return dir_ + "/" + name; }
  const std::string dir_;
};

TEST_F(FileTest, WritesAtomicallyAndReadsBack) {
  const std::string path = Path("f");
  const std::string content("a\0b\n", 4);
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  ASSERT_TRUE(WriteFileAtomically(path, content).ok());
  EXPECT_EQ(*ReadFile(path), content);
  EXPECT_EQ(ListDirectory(dir_)->size(), 1U) << "no temporary file is left";
}

TEST_F(FileTest, WhoWasRefusedAccessIsToldWhoHasIt) {
  ASSERT_EQ(::chmod(dir_.c_str(), 0500), 0);
  const std::string own = ExplainRefusedAccess(Path("none/of/these"));
  EXPECT_EQ(own.find(dir_ + " belongs to user "), 0U) << own;
  EXPECT_TRUE(own.ends_with(
      "(mode 0500) and this process runs as the same; make it writable (chmod) or choose another place"))
      << own;
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory to others";
  ASSERT_EQ(::chown(dir_.c_str(), 12'345, 12'345), 0);
  EXPECT_EQ(ExplainRefusedAccess(dir_),
            dir_ +
                " belongs to user 12345 (mode 0500) and this process runs as user 'root'; change its owner "
                "(chown), run as that user or choose another place");
}

TEST_F(FileTest, ReadsFilesLargerThanItsBuffer) {
  const std::string content(300'000, 'x');
  ASSERT_TRUE(WriteFileAtomically(Path("f"), content).ok());
  EXPECT_EQ(*ReadFile(Path("f")), content);
}

TEST_F(FileTest, ErrorsNameThePathAndTheCause) {
  const Status missing = ReadFile(Path("no")).status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_NE(missing.message().find(Path("no")), std::string::npos);
  EXPECT_EQ(WriteFileAtomically(Path("no/f"), "x").code(), StatusCode::kNotFound);
  EXPECT_EQ(ListDirectory(Path("no")).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "").ok());
  EXPECT_FALSE(CreateDirectories(Path("file")).ok());
  EXPECT_FALSE(CreateDirectories(Path("file/below")).ok());
}

TEST_F(FileTest, ListsSortedWithKindsAndSizes) {
  ASSERT_TRUE(WriteFileAtomically(Path("b"), "12345").ok());
  ASSERT_TRUE(CreateDirectories(Path("a/deep")).ok());
  const auto entries = *ListDirectory(dir_);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_TRUE(entries[0].is_directory);
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_EQ(entries[1].size, ByteCount(5));
}

TEST_F(FileTest, RenameReplacesAndRemoveAllIsIdempotent) {
  ASSERT_TRUE(WriteFileAtomically(Path("from"), "new").ok());
  ASSERT_TRUE(WriteFileAtomically(Path("to"), "old").ok());
  ASSERT_TRUE(Rename(Path("from"), Path("to")).ok());
  EXPECT_EQ(*ReadFile(Path("to")), "new");
  EXPECT_FALSE(PathExists(Path("from")));
  EXPECT_TRUE(RemoveAll(Path("to")).ok());
  EXPECT_TRUE(RemoveAll(Path("to")).ok());
}

TEST_F(FileTest, FreeSpaceIsPositive) { EXPECT_GT(FreeSpace(dir_)->value(), 0); }

TEST_F(FileTest, ASecondHolderOfALockIsToldWhoHoldsIt) {
  auto held = FileLock::Acquire(Path("lock"));
  ASSERT_TRUE(held.ok());
  const Status second = FileLock::Acquire(Path("lock")).status();
  EXPECT_EQ(second.code(), StatusCode::kAlreadyExists);
  EXPECT_NE(second.message().find("held by process " + std::to_string(ProcessId())), std::string::npos)
      << second.message();
  { const FileLock moved = *std::move(held); }
  EXPECT_TRUE(FileLock::Acquire(Path("lock")).ok());
}

TEST(Clock, ManualClockMovesOnlyWhenToldAndSystemClockIsNow) {
  ManualClock manual(EventTime(-5));
  manual.Advance(Duration(7));
  EXPECT_EQ(manual.Now(), EventTime(2));
  const SystemClock system;
  EXPECT_GT(system.Now(), EventTime(1'700'000'000'000));
  const auto before = system.Steady();
  EXPECT_GE(system.Steady(), before);
}

TEST(Random, TheSameSeedGivesTheSameNumbersEverywhere) {
  Random random(42);
  EXPECT_EQ(random.Next(), 0x15780b2e0c2ec716U);
  Random again(42);
  again.Next();
  EXPECT_EQ(random.Next(), again.Next());
  EXPECT_NE(Random(1).Next(), Random(2).Next());
}

TEST(Random, ValuesStayInTheirRangeAndReachItsEnds) {
  Random random(7);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(random.Between(-2, 2));
    const double fraction = random.Fraction();
    EXPECT_TRUE(fraction >= 0 && fraction < 1);
  }
  EXPECT_EQ(seen, (std::set<std::int64_t>{-2, -1, 0, 1, 2}));
  random.Between(INT64_MIN, INT64_MAX);
}

TEST(Random, IdsDiffer) {
  EXPECT_EQ(RandomId(8).size(), 16U);
  EXPECT_NE(RandomId(), RandomId());
  EXPECT_NE(Random::FromSystem().Next(), Random::FromSystem().Next());
}

TEST(Thread, RunsUntilTheStopTokenSaysSoAndIsJoined) {
  const StopToken stop;
  std::atomic<int> ended = 0;
  {
    const Thread a("a-very-long-thread-name", [&] {
      stop.Wait();
      ++ended;
    });
    const Thread b("b", [&] {
      EXPECT_TRUE(stop.WaitFor(Duration(60'000)));
      ++ended;
    });
    EXPECT_FALSE(stop.stop_requested());
    stop.RequestStop();
  }
  EXPECT_EQ(ended, 2);
  EXPECT_FALSE(StopToken().WaitFor(Duration(1)));
  EXPECT_GE(CpuCount(), 1);
  EXPECT_TRUE(CanStartThreads(3));
}

TEST(ThreadDeathTest, OneThatCannotBeHadEndsTheProcessWithAMessage) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        pthread_attr_t huge;
        pthread_attr_init(&huge);
        pthread_attr_setstacksize(&huge, std::size_t{1} << 50);
        pthread_setattr_default_np(&huge);
        if (CanStartThreads(2)) std::fputs("there is room\n", stderr);
        const Thread thread("reader", [] { std::fputs("it runs\n", stderr); });
      },
      ::testing::ExitedWithCode(1),
      "^millrace: cannot start thread 'reader': no more threads are allowed; raise");
}

/// What a library does: nobody catches it.
void ThrowInAThread(int kind) {
  EndWhenExhausted();
  const Thread thread("library", [kind] {
    if (kind == 0) throw std::bad_alloc();
    if (kind == 1) throw std::system_error(EAGAIN, std::generic_category());
    throw std::runtime_error("of a kind of its own");
  });
}

TEST(ExhaustionDeathTest, IsSaidWhereNobodyCatchesIt) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(ThrowInAThread(0), ::testing::ExitedWithCode(1),
              "millrace: out of memory: .*; raise it or lower");
  EXPECT_EXIT(ThrowInAThread(1), ::testing::ExitedWithCode(1),
              "millrace: cannot start a thread of a library: .*; raise");
  EXPECT_EXIT(ThrowInAThread(2), ::testing::KilledBySignal(SIGABRT), "of a kind of its own");
}

TEST(Environment, TellsUnsetFromEmpty) {
  EXPECT_EQ(GetEnv("MILLRACE_NO_SUCH_VARIABLE"), std::nullopt);
  ::setenv("MILLRACE_EMPTY_VARIABLE", "", 1);
  EXPECT_EQ(GetEnv("MILLRACE_EMPTY_VARIABLE"), "");
}

TEST(ResourceUsage, CountsCpuAndMemory) {
  const ResourceUsage usage = GetResourceUsage();
  EXPECT_GT(usage.cpu_s(), 0);
  EXPECT_GT(usage.resident.value(), 0);
  EXPECT_GE(usage.resident_peak.value(), usage.resident.value() / 2);
}

TEST(ShutdownSignalTest, TheFirstSignalAsksForAStop) {
  const ShutdownSignal shutdown;
  EXPECT_FALSE(shutdown.token().stop_requested());
  ::kill(::getpid(), SIGTERM);
  EXPECT_TRUE(shutdown.token().WaitFor(Duration(30'000)));
}

TEST(ShutdownSignalDeathTest, TheSecondSignalEndsTheProcessAtOnce) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        const ShutdownSignal shutdown;
        ::kill(::getpid(), SIGINT);
        shutdown.token().Wait();
        for (int i = 0; i < 600; ++i) {  // those within a second count as the first
          ::kill(::getpid(), SIGTERM);
          StopToken().WaitFor(Duration(50));
        }
      },
      ::testing::ExitedWithCode(130), "a second signal ends the process at once");
}

TEST(ShutdownSignalDeathTest, ASignalThatIsDeliveredTwiceIsOneRequest) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        const ShutdownSignal shutdown;
        ::kill(::getpid(), SIGTERM);
        shutdown.token().Wait();
        ::kill(::getpid(), SIGTERM);
        StopToken().WaitFor(Duration(300));
        ::_exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(ShutdownSignalDeathTest, AnEndThatTakesTooLongIsCutOffAndSaid) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        const ShutdownSignal shutdown({Duration(100), "the last batch was not written"});
        ::kill(::getpid(), SIGTERM);
        StopToken().WaitFor(Duration(30'000));
      },
      ::testing::ExitedWithCode(1), "the last batch was not written.*stop_timeout=100ms");
}

TEST(ShutdownSignalDeathTest, AnEndInTimeIsLeftAlone) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        {
          const ShutdownSignal shutdown({Duration(100), "too late"});
          ::kill(::getpid(), SIGTERM);
          shutdown.token().Wait();
        }
        StopToken().WaitFor(Duration(300));
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "stopping");
}

#ifdef MILLRACE_TEST_HOOKS
TEST(CrashPointDeathTest, KillsAtTheNamedPointTheNthTime) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        ::setenv("CRASH_AT", "here:2", 1);
        CrashPoint("elsewhere");
        CrashPoint("here");
        std::fputs("once\n", stderr);
        CrashPoint("here");
        std::fputs("twice\n", stderr);
        std::exit(0);
      },
      ::testing::KilledBySignal(SIGKILL), "once\n$");
}
#endif

TEST_F(FileTest, AnAbsolutePathHasNoDetours) {
  EXPECT_EQ(*AbsolutePath("/a/./b/../c//"), "/a/c");
  EXPECT_EQ(*AbsolutePath("/"), "/");
  EXPECT_EQ(*AbsolutePath("x/y"), *AbsolutePath(".") + "/x/y");
}

}  // namespace
}  // namespace millrace
