#include "engine/commands/test_command.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/log.h"
#include "engine/commands/pipeline_loading.h"
#include "engine/test_driver.h"
#include "engine/yaml/json_value.h"

namespace millrace {
namespace {

/// How a test is run.
struct Variant {
  const char* name;
  std::int64_t batch_rows;
  bool restart;
};
constexpr std::array<Variant, 3> kVariants{{
    {"as is", 0, false},
    {"batches of one row", 1, false},
    {"a restart after every batch", 1, true},
}};

/// Rows in the form in which they are compared.
Result<std::vector<std::string>> Canonical(const std::vector<std::string>& rows) {
  std::vector<std::string> out;
  for (const std::string& row : rows) {
    MR_ASSIGN_OR_RETURN(std::string canonical, CanonicalJson(row));
    out.push_back(std::move(canonical));
  }
  return out;
}

/// What differs between the rows expected and those that came, as lines of a diff; "" when nothing does.
std::string Compare(const ExpectedSink& expected, std::vector<std::string> got, bool ordered) {
  std::vector<std::string> want;
  for (const ExpectedRow& row : expected.rows) want.push_back(row.json);
  Result<std::vector<std::string>> want_canonical = Canonical(want);
  Result<std::vector<std::string>> got_canonical = Canonical(got);
  if (!want_canonical.ok()) return want_canonical.status().message();
  if (!got_canonical.ok()) return got_canonical.status().message();
  if (!ordered) {
    std::sort(want_canonical->begin(), want_canonical->end());
    std::sort(got_canonical->begin(), got_canonical->end());
  }
  if (*want_canonical == *got_canonical) return "";
  std::string out;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const auto& all = *got_canonical;
    const bool found = ordered ? i < all.size() && all[i] == (*want_canonical)[i]
                               : std::find(all.begin(), all.end(), (*want_canonical)[i]) != all.end();
    if (!found) out += "      expected " + (ordered ? want[i] : (*want_canonical)[i]) + "\n";
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto& all = *want_canonical;
    const bool found = ordered ? i < all.size() && all[i] == (*got_canonical)[i]
                               : std::find(all.begin(), all.end(), (*got_canonical)[i]) != all.end();
    if (!found) out += "      got      " + (ordered ? got[i] : (*got_canonical)[i]) + "\n";
  }
  if (out.empty()) out = "      the same rows, but some of them came more or less often\n";
  return out;
}

std::string SinkNodeName(const Plan& plan, const std::string& sink) {
  for (const PlanNode& node : plan.nodes) {
    const auto* op = std::get_if<SinkNode>(&node.op);
    if (op == nullptr) continue;
    const auto* kafka = std::get_if<KafkaSink>(&op->sink);
    if (sink.empty() || node.name == sink || (kafka != nullptr && kafka->topic == sink)) return node.name;
  }
  return sink;
}

/// Moves the clock in steps, as it would pass: partitions become idle on the way.
Status Advance(Duration by, TestDriver& driver) {
  constexpr std::int64_t kMostSteps = 60;
  constexpr Duration kShortestStep{1'000};
  const Duration step = std::max(kShortestStep, by / kMostSteps);
  MR_RETURN_IF_ERROR(driver.RunUntilIdle());
  for (Duration left = by; left.count() > 0; left -= step) {
    driver.AdvanceClock(std::min(step, left));
    MR_RETURN_IF_ERROR(driver.RunUntilIdle());
  }
  return Status::Ok();
}

Status Feed(const PipelineTest& test, TestDriver& driver) {
  for (const auto& step : test.input) {
    if (const auto* advance = std::get_if<TestAdvance>(&step)) {
      MR_RETURN_IF_ERROR(Advance(advance->by, driver));
      continue;
    }
    const auto& record = std::get<TestRecord>(step);
    MR_RETURN_IF_ERROR(driver.Write(
        {record.topic, record.partition, record.key, record.value, record.timestamp, record.headers}));
  }
  return driver.RunUntilIdle();
}

/// Lines that say what is wrong; "" when the test passes.
Result<std::string> RunVariant(const PipelineFile& file, const PipelineTest& test, const Variant& variant) {
  TestDriverOptions options;
  options.start = test.start;
  options.source_partitions = test.partitions;
  options.batch_rows = variant.batch_rows;
  options.restart = variant.restart ? TestRestart::kKill : TestRestart::kNever;
  MR_ASSIGN_OR_RETURN(const std::unique_ptr<TestDriver> driver, TestDriver::Make(file.plan, options));
  MR_RETURN_IF_ERROR(Feed(test, *driver));
  std::string problems;
  for (const ExpectedSink& expected : test.output) {
    const std::string name = SinkNodeName(file.plan, expected.sink);
    MR_ASSIGN_OR_RETURN(std::vector<std::string> got, driver->ReadSinkRows(name));
    if (const std::string diff = Compare(expected, std::move(got), test.partitions == 1); !diff.empty()) {
      problems += "    " + expected.location.ToString() + ": rows of " + name + " differ\n" + diff;
    }
  }
  const TestCounters counters = driver->counters();
  const auto check = [&](const char* what, std::optional<std::int64_t> want, std::int64_t got) {
    if (!want || *want == got) return;
    problems += "    " + test.location.ToString() + ": expected " + std::to_string(*want) + " " + what +
                ", got " + std::to_string(got) + "\n";
  };
  if (!variant.restart) {  // counters count work, and a restart repeats some
    check("late rows", test.late, counters.rows_late);
    check("dead letters", test.dead_letters, counters.dead_letters);
  }
  return problems;
}

/// "" when the test passes under every variant.
std::string RunTest(const PipelineFile& file, const PipelineTest& test) {
  for (const Variant& variant : kVariants) {
    const Result<std::string> problems = RunVariant(file, test, variant);
    const std::string text = problems.ok() ? *problems : "    " + problems.status().message() + "\n";
    if (text.empty()) continue;
    return (variant.batch_rows == 0 ? "" : "    with " + std::string(variant.name) + ":\n") + text;
  }
  return "";
}

}  // namespace

Exit TestCommand(const TestOptions& options, CommandIo& io) {
  ConfigureLog(LogFormat::kText, LogLevel::kError);  // what the pipelines say is tested, not news
  int passed = 0;
  int failed = 0;
  for (const std::string& path : options.files) {
    const Result<PipelineFile> file = LoadPipeline(path);
    if (!file.ok()) return Report(io, file.status(), Exit::kUsage);
    for (const PipelineTest& test : file->tests) {
      if (test.name.find(options.filter) == std::string::npos) continue;
      const std::string problems = RunTest(*file, test);
      ++(problems.empty() ? passed : failed);
      if (options.json) {
        io.out << "{\"file\":" << JsonString(path) << ",\"test\":" << JsonString(test.name)
               << ",\"ok\":" << (problems.empty() ? "true" : "false")
               << ",\"problems\":" << JsonString(problems) << "}\n";
      } else {
        io.out << (problems.empty() ? "ok      " : "FAILED  ") << path << ": " << test.name << "\n"
               << problems;
      }
    }
  }
  if (!options.json) io.out << passed << " passed, " << failed << " failed\n";
  if (passed + failed == 0) {
    io.err << "millrace: no tests found; write them under 'tests:' (see docs/yaml-reference.md)\n";
    return Exit::kUsage;
  }
  return failed == 0 ? Exit::kOk : Exit::kFailed;
}

}  // namespace millrace
