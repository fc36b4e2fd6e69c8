// Runs every golden file: on the log in memory under every configuration, or with --kafka on a real broker.
// See README.md. The working directory is tests/golden.

#include <algorithm>
#include <atomic>
#include <cctype>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/mutex.h"
#include "env/environment.h"
#include "env/file.h"
#include "env/random.h"
#include "env/thread.h"
#include "expr/expr.h"
#include "golden_check.h"
#include "golden_run.h"
#include "kafka_place.h"

namespace millrace {
namespace {

constexpr GoldenConfig kMemoryConfigs[] = {
    {.name = "as_is"},
    {.name = "one_row", .batch_rows = 1},
    {.name = "restart", .restart = TestRestart::kKill},
    {.name = "stop", .restart = TestRestart::kStop},
    {.name = "two_workers", .workers = 2},
    {.name = "little_memory", .max_rows_in_memory = 1},
};
constexpr const char* kKafka = "kafka";
constexpr int kKafkaThreads = 16;

Result<GoldenCase> LoadCase(const std::string& path) {
  MR_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseGoldenCase(path, text);
}

class MemoryTest : public testing::Test {
 public:
  MemoryTest(std::string path, const GoldenConfig& config) : path_(std::move(path)), config_(config) {}
  void TestBody() override {
    const auto golden = LoadCase(path_);
    ASSERT_TRUE(golden.ok()) << golden.status().ToString();
    if (!IsFor(*golden, config_.name)) GTEST_SKIP() << "its # configs do not name " << config_.name;
    const GoldenResult result = RunGoldenCase(*golden, config_, TestDriver::Make);
    CheckGoldenResult(*golden, result, config_.restart != TestRestart::kKill);
  }

 private:
  const std::string path_;
  const GoldenConfig& config_;
};

/// Runs the selected cases on the broker, several at a time because most of a case is waiting, before the
/// first test asks for its result.
class KafkaRuns final : public testing::Environment {
 public:
  explicit KafkaRuns(std::string bootstrap) : bootstrap_(std::move(bootstrap)) {}

  void SetUp() override {
    const testing::UnitTest& all = *testing::UnitTest::GetInstance();
    for (int s = 0; s < all.total_test_suite_count(); ++s) {
      const testing::TestSuite& suite = *all.GetTestSuite(s);
      for (int t = 0; t < suite.total_test_count(); ++t) {
        const testing::TestInfo& info = *suite.GetTestInfo(t);
        if (info.should_run() && info.value_param() != nullptr) waiting_.emplace_back(info.value_param());
      }
    }
    const std::string run = "golden-" + RandomId().substr(0, 8) + "-";
    std::vector<Thread> threads;
    for (int i = 0; i < kKafkaThreads; ++i) {
      threads.emplace_back("golden-" + std::to_string(i),
                           [this, prefix = run + std::to_string(i) + "-"] { RunSome(prefix); });
    }
  }

  const GoldenResult& Of(const std::string& path) {
    MutexLock lock(mutex_);
    return results_[path];
  }

 private:
  void RunSome(const std::string& prefix) {
    const auto place = KafkaPlace::Make(bootstrap_, prefix);
    for (std::size_t i = next_++; i < waiting_.size(); i = next_++) {
      GoldenResult result;
      result.status = place.status();
      if (place.ok()) result = RunOne(waiting_[i], **place);
      MutexLock lock(mutex_);
      results_[waiting_[i]] = std::move(result);
    }
  }

  static GoldenResult RunOne(const std::string& path, KafkaPlace& place) {
    GoldenResult result;
    const auto golden = LoadCase(path);
    result.status = golden.status();
    if (!golden.ok() || !golden->not_on_kafka.empty()) return result;
    GoldenConfig config{.name = kKafka};
    if (!IsFor(*golden, "as_is")) config.batch_rows = 1;
    if (IsFor(*golden, "stop")) config.restart = TestRestart::kStop;
    return RunGoldenCase(*golden, config, [&](Plan plan, TestDriverOptions options) {
      return place.MakeDriver(std::move(plan), std::move(options));
    });
  }

  const std::string bootstrap_;
  std::vector<std::string> waiting_;  // constant once the threads run
  std::atomic<std::size_t> next_{0};
  Mutex mutex_;
  std::map<std::string, GoldenResult> results_;  // guarded by mutex_
};

class KafkaTest : public testing::Test {
 public:
  KafkaTest(std::string path, KafkaRuns* runs) : path_(std::move(path)), runs_(runs) {}
  void TestBody() override {
    if (runs_ == nullptr)
      GTEST_SKIP() << "needs a real Kafka: start one with ./dev kafka up and set MILLRACE_TEST_KAFKA";
    const auto golden = LoadCase(path_);
    ASSERT_TRUE(golden.ok()) << golden.status().ToString();
    if (!golden->not_on_kafka.empty()) GTEST_SKIP() << "not on Kafka: " << golden->not_on_kafka;
    CheckGoldenResult(*golden, runs_->Of(path_), true);
  }

 private:
  const std::string path_;
  KafkaRuns* const runs_;
};

std::vector<std::string> GoldenFiles(const std::string& directory) {
  std::vector<std::string> files;
  const auto entries = ListDirectory(directory);
  if (!entries.ok()) return files;
  for (const DirectoryEntry& entry : *entries) {
    const std::string path = directory == "." ? entry.name : directory + "/" + entry.name;
    if (entry.is_directory) {
      const auto inner = GoldenFiles(path);
      files.insert(files.end(), inner.begin(), inner.end());
    } else if (path.ends_with(".test")) {
      files.push_back(path);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// "window/open.test" as the name of a test: "window_open".
std::string TestName(const std::string& path) {
  std::string name = path.substr(0, path.size() - 5);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

template <typename MakeTest>
void Register(const std::string& config, const std::string& path, MakeTest make) {
  testing::RegisterTest(("Golden_" + config).c_str(), TestName(path).c_str(), nullptr, path.c_str(),
                        path.c_str(), 0, make);
}

void RegisterMemory(const std::vector<std::string>& files) {
  for (const GoldenConfig& config : kMemoryConfigs) {
    for (const std::string& path : files) {
      Register(config.name, path, [path, &config]() -> testing::Test* {
        return new MemoryTest(path, config);  // NOLINT: owned by GoogleTest
      });
    }
  }
}

void RegisterKafka(const std::vector<std::string>& files) {
  KafkaRuns* runs = nullptr;
  if (const auto bootstrap = GetEnv("MILLRACE_TEST_KAFKA"); bootstrap && !bootstrap->empty()) {
    runs = new KafkaRuns(*bootstrap);  // NOLINT: owned by GoogleTest
    testing::AddGlobalTestEnvironment(runs);
  }
  for (const std::string& path : files) {
    Register(kKafka, path, [path, runs]() -> testing::Test* {
      return new KafkaTest(path, runs);  // NOLINT: owned by GoogleTest
    });
  }
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!millrace::InitializeExpressions().ok()) return 1;
  const std::vector<std::string> files = millrace::GoldenFiles(".");
  MR_CHECK(!files.empty()) << "no golden files here; the working directory must be tests/golden";
  if (argc > 1 && std::string_view(argv[1]) == "--kafka") {
    millrace::RegisterKafka(files);
  } else {
    millrace::RegisterMemory(files);
  }
  return RUN_ALL_TESTS();
}
