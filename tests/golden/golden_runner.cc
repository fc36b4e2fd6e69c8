#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "engine/test_driver.h"
#include "engine/yaml/pipeline_file.h"
#include "env/file.h"
#include "expr/expr.h"
#include "golden_case.h"

// Runs every golden file under every configuration: see README.md. The working directory is tests/golden.
namespace millrace {
namespace {

struct Config {
  const char* name;
  std::int64_t batch_rows;
  bool restart;
  int workers;
};

constexpr Config kConfigs[] = {
    {"as_is", 0, false, 1},
    {"one_row", 1, false, 1},
    {"restart", 0, true, 1},
    {"two_workers", 0, false, 2},
};

std::string Shown(const std::optional<std::string>& bytes) { return bytes ? "'" + *bytes + "'" : "null"; }

std::string Shown(const TestOutputRecord& record) {
  std::string text = "[" + std::to_string(record.partition.value()) + "] key=" + Shown(record.key) + " " +
                     Shown(record.value) + " @time=" + std::to_string(record.timestamp.value());
  for (const auto& [name, value] : record.headers) text += " " + name + "=" + value;
  return text;
}

std::optional<std::string> HeaderOf(const TestOutputRecord& record, const std::string& name) {
  for (const auto& [header, value] : record.headers) {
    if (header == name) return value;
  }
  return std::nullopt;
}

bool Matches(const GoldenRow& row, const TestOutputRecord& record) {
  if (row.Value() != record.value) return false;
  if (row.has_key && row.key != record.key) return false;
  if (row.time && *row.time != record.timestamp.value()) return false;
  if (row.partition && *row.partition != record.partition.value()) return false;
  return std::all_of(row.headers.begin(), row.headers.end(),
                     [&](const auto& header) { return HeaderOf(record, header.first) == header.second; });
}

/// One file under one configuration.
class CaseRun {
 public:
  CaseRun(const GoldenCase& golden, const Config& config) : case_(golden), config_(config) {}

  void Run() {
    const Status status = RunPipeline();
    if (!case_.error.empty()) {
      ASSERT_FALSE(status.ok()) << "the pipeline must fail";
      for (const std::string& part : case_.error) {
        EXPECT_NE(status.message().find(part), std::string::npos) << "no '" << part << "' in the error:\n"
                                                                  << status.ToString();
      }
      return;
    }
    ASSERT_TRUE(status.ok()) << status.ToString();
    for (const GoldenOutput& output : case_.outputs) CheckOutput(output);
    if (case_.dead_letters) CheckDeadLetters(*case_.dead_letters);
    if (!config_.restart) CheckCounters();
    for (const auto& [topic, exists] : case_.topics) {
      EXPECT_EQ(driver_->Read(topic).ok(), exists) << "topic " << topic;
    }
    for (const auto& [topic, keys] : case_.live) CheckLive(topic, keys);
  }

 private:
  Status RunPipeline() {
    MR_ASSIGN_OR_RETURN(PipelineFile file, ReadPipelineText(case_.path, case_.pipeline, {}));
    for (const PlanNode& node : file.plan.nodes) {
      if (const auto* source = std::get_if<KafkaSource>(&node.op)) sources_.push_back(*source);
    }
    TestDriverOptions options;
    options.start = EventTime(case_.start_ms);
    options.source_partitions = case_.partitions;
    options.workers = config_.workers;
    options.batch_rows = config_.batch_rows;
    options.restart_after_every_batch = config_.restart;
    MR_ASSIGN_OR_RETURN(driver_, TestDriver::Make(std::move(file.plan), options));
    for (const GoldenInput& input : case_.input) {
      if (const auto* row = std::get_if<GoldenRow>(&input)) {
        MR_RETURN_IF_ERROR(Write(*row));
        continue;
      }
      MR_RETURN_IF_ERROR(driver_->RunUntilIdle());
      if (const auto* clock = std::get_if<GoldenClock>(&input)) {
        driver_->AdvanceClock(clock->by);
        MR_RETURN_IF_ERROR(driver_->RunUntilIdle());
      }
    }
    return driver_->RunUntilIdle();
  }

  Status Write(const GoldenRow& row) {
    const auto source = std::find_if(sources_.begin(), sources_.end(), [&](const KafkaSource& candidate) {
      return row.topic.empty() || candidate.topic == row.topic;
    });
    if (source == sources_.end()) return Status::InvalidArgument("no source reads '" + row.topic + "'");
    TestInputRecord record;
    record.topic = source->topic;
    record.partition = Partition(row.partition.value_or(0));
    record.key = row.has_key ? row.key : DefaultKey(*source, row);
    record.value = row.Value();
    if (row.time) record.timestamp = EventTime(*row.time);
    record.headers = row.headers;
    return driver_->Write(record);
  }

  /// The field that the source declares as its key, as key_format string writes it.
  static std::optional<std::string> DefaultKey(const KafkaSource& source, const GoldenRow& row) {
    for (const auto& [name, value] : row.fields) {
      if (name != source.key || value == "null") continue;
      return value.front() == '"' ? value.substr(1, value.size() - 2) : value;
    }
    return std::nullopt;
  }

  std::vector<TestOutputRecord> Read(const std::string& topic) {
    auto records = driver_->Read(topic);
    if (!records.ok()) {
      // A late or dead-letter topic may not exist when nothing has to be in it.
      return {};
    }
    return *std::move(records);
  }

  static std::string List(const std::vector<TestOutputRecord>& records) {
    std::string text;
    for (const TestOutputRecord& record : records) text += "\n  " + Shown(record);
    return records.empty() ? "\n  (nothing)" : text;
  }

  void CheckOutput(const GoldenOutput& output) {
    const std::vector<TestOutputRecord> records = Read(output.topic);
    std::vector<bool> used(output.rows.size());
    std::map<std::string, std::size_t> next;  // by what must stay in order: the first row that may come
    for (const TestOutputRecord& record : records) {
      const std::string order =
          case_.partitions == 1 ? "" : std::to_string(record.partition.value()) + Shown(record.key);
      std::size_t at = next[order];
      while (at < output.rows.size() && (used[at] || !Matches(output.rows[at], record))) {
        at = case_.partitions == 1 && !used[at] ? output.rows.size() : at + 1;
      }
      if (at >= output.rows.size()) {
        ADD_FAILURE() << "topic " << output.topic << ": not expected here: " << Shown(record)
                      << "\nall of it:" << List(records);
        return;
      }
      used[at] = true;
      next[order] = at + 1;
    }
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (used[i]) continue;
      ADD_FAILURE() << case_.path << ":" << output.rows[i].line << ": topic " << output.topic
                    << " lacks: " << output.rows[i].text << "\nit has:" << List(records);
      return;
    }
  }

  static std::optional<std::string> PartOf(const TestOutputRecord& record, const std::string& name) {
    static const std::map<std::string, std::string> kHeaders = {
        {"topic", "__connect.errors.topic"},      {"partition", "__connect.errors.partition"},
        {"offset", "__connect.errors.offset"},    {"stage", "__connect.errors.stage"},
        {"class", "__connect.errors.class.name"}, {"message", "__connect.errors.exception.message"}};
    if (name == "key") return record.key;
    if (name == "value") return record.value;
    if (name.starts_with("header.")) return HeaderOf(record, name.substr(7));
    const auto header = kHeaders.find(name);
    return header == kHeaders.end() ? std::nullopt : HeaderOf(record, header->second);
  }

  /// Topic, partition and offset of the record that a dead letter came from.
  static std::tuple<std::string, std::int64_t, std::int64_t> SourceOf(const TestOutputRecord& letter) {
    const auto number = [&](const char* part) { return std::stoll(PartOf(letter, part).value_or("-1")); };
    return {PartOf(letter, "topic").value_or(""), number("partition"), number("offset")};
  }

  void CheckDeadLetters(const std::vector<GoldenDeadLetter>& expected) {
    std::vector<TestOutputRecord> records = Read("dead");
    // Within a batch a failing source record is written before what failed in later steps.
    std::stable_sort(records.begin(), records.end(),
                     [](const auto& a, const auto& b) { return SourceOf(a) < SourceOf(b); });
    ASSERT_EQ(records.size(), expected.size()) << "dead letters:" << List(records);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      for (const auto& [name, text] : expected[i].parts) {
        const std::optional<std::string> part = PartOf(records[i], name);
        const bool equal = name == "message" ? part && part->find(text) != std::string::npos : part == text;
        EXPECT_TRUE(equal) << "dead letter " << i << ": " << name << " is " << Shown(part)
                           << ", expected: " << expected[i].text;
      }
    }
  }

  void CheckCounters() {
    const TestCounters counters = driver_->counters();
    const std::map<std::string, std::int64_t> values = {{"in", counters.records_in},
                                                        {"out", counters.rows_out},
                                                        {"filtered", counters.rows_filtered},
                                                        {"late", counters.rows_late},
                                                        {"dead_letters", counters.dead_letters}};
    for (const auto& [name, expected] : case_.counters) {
      const auto value = values.find(name);
      ASSERT_NE(value, values.end()) << "there is no counter " << name;
      EXPECT_EQ(value->second, expected) << "counter " << name;
    }
  }

  void CheckLive(const std::string& topic, std::int64_t expected) {
    std::map<std::pair<std::int32_t, std::string>, bool> last;  // by partition and key: has a value
    for (const TestOutputRecord& record : Read(topic)) {
      last[{record.partition.value(), record.key.value_or("")}] = record.value.has_value();
    }
    const auto live = std::count_if(last.begin(), last.end(), [](const auto& entry) { return entry.second; });
    EXPECT_EQ(live, expected) << "keys that live in " << topic;
  }

  const GoldenCase& case_;
  const Config& config_;
  std::vector<KafkaSource> sources_;
  std::unique_ptr<TestDriver> driver_;
};

class GoldenTest : public testing::Test {
 public:
  GoldenTest(std::string path, const Config& config) : path_(std::move(path)), config_(config) {}
  void TestBody() override {
    const auto text = ReadFile(path_);
    ASSERT_TRUE(text.ok()) << text.status().ToString();
    const auto golden = ParseGoldenCase(path_, *text);
    ASSERT_TRUE(golden.ok()) << golden.status().ToString();
    const auto& only = golden->configs;
    if (!only.empty() && std::find(only.begin(), only.end(), config_.name) == only.end()) return;
    CaseRun(*golden, config_).Run();
  }

 private:
  const std::string path_;
  const Config& config_;
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
  return files;
}

/// "window/open.test" as the name of a test: "window_open".
std::string TestName(const std::string& path) {
  std::string name = path.substr(0, path.size() - 5);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!millrace::InitializeExpressions().ok()) return 1;
  const std::vector<std::string> files = millrace::GoldenFiles(".");
  for (const millrace::Config& config : millrace::kConfigs) {
    for (const std::string& path : files) {
      testing::RegisterTest((std::string("Golden_") + config.name).c_str(), millrace::TestName(path).c_str(),
                            nullptr, nullptr, path.c_str(), 0, [path, &config]() -> testing::Test* {
                              return new millrace::GoldenTest(path, config);  // NOLINT: owned by GoogleTest
                            });
    }
  }
  MR_CHECK(!files.empty()) << "no golden files here; the working directory must be tests/golden";
  return RUN_ALL_TESTS();
}
