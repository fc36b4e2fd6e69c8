#include "engine/commands/test_command.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <utility>

#include "base/counted.h"
#include "base/log.h"
#include "engine/commands/pipeline_loading.h"
#include "engine/commands/row_diff.h"
#include "engine/test_driver.h"
#include "engine/yaml/json_value.h"
#include "env/clock.h"

namespace millrace {
namespace {

/// How a test is run.
struct Variant {
  const char* name;
  std::int64_t batch_rows;
  bool restart;
};
constexpr std::size_t kMostNamed = 20;  // tests, where none matches a filter

constexpr std::array<Variant, 3> kVariants{{
    {"as is", 0, false},
    {"batches of one row", 1, false},
    {"a restart after every batch", 1, true},
}};

Result<std::vector<DiffRow>> ToDiffRows(const std::vector<std::string>& rows, bool ordered) {
  std::vector<DiffRow> out;
  for (const std::string& row : rows) {
    MR_ASSIGN_OR_RETURN(std::string canonical, CanonicalJson(row));
    out.push_back({std::move(canonical), row});
  }
  if (!ordered) {
    std::sort(out.begin(), out.end(),
              [](const DiffRow& a, const DiffRow& b) { return a.compared < b.compared; });
  }
  return out;
}

/// The difference between the rows expected and those that came; "" when there is none.
Result<std::string> Compare(const ExpectedSink& expected, const std::vector<std::string>& got, bool ordered,
                            bool colour) {
  std::vector<std::string> want;
  for (const ExpectedRow& row : expected.rows) want.push_back(row.json);
  MR_ASSIGN_OR_RETURN(const std::vector<DiffRow> want_rows, ToDiffRows(want, ordered));
  MR_ASSIGN_OR_RETURN(const std::vector<DiffRow> got_rows, ToDiffRows(got, ordered));
  return DiffOfRows(want_rows, got_rows, "      ", colour);
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

Status Feed(const PipelineTest& test, TestDriver& driver) {
  for (const auto& step : test.input) {
    if (const auto* advance = std::get_if<TestAdvance>(&step)) {
      MR_RETURN_IF_ERROR(PassTime(advance->by, driver));
      continue;
    }
    MR_RETURN_IF_ERROR(driver.Write(std::get<TestInputRecord>(step)));
  }
  return driver.RunUntilIdle();
}

/// A line that says how many rows failed and why the first did: mostly what is missing among the results. ""
/// when there are none, or as many as expected.
std::string DeadLettersOf(const Plan& plan, TestDriver& driver, const PipelineTest& test) {
  const auto found = driver.Read(plan.dead_letter_topic);
  if (!found.ok() || found->empty()) return "";
  const auto count = static_cast<std::int64_t>(found->size());
  if (test.dead_letters == count) return "";
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : found->front().headers) headers.emplace(name, value);
  const auto part = [&](const char* name) { return headers["__connect.errors." + std::string(name)]; };
  const std::string topic = part("topic");
  const std::string where =
      topic.empty() ? "" : topic + "[" + part("partition") + "] offset " + part("offset") + ", ";
  return "    " + Counted(count, "row") + " became " +
         (count == 1 ? "a dead letter: " : "dead letters, the first: ") + where + "step " + part("stage") +
         ": " + part("exception.message") + "\n";
}

/// Lines that say what is wrong; "" when the test passes.
Result<std::string> RunVariant(const PipelineFile& file, const PipelineTest& test, const Variant& variant,
                               bool colour) {
  TestDriverOptions options;
  options.start = test.start;
  options.first_run = test.first_run;
  options.source_partitions = test.partitions;
  options.batch_rows = variant.batch_rows;
  // What comes again after a kill is right under at_least_once (D2): there the workers stop in good order.
  const TestRestart restart =
      file.plan.guarantee == Guarantee::kExactlyOnce ? TestRestart::kKill : TestRestart::kStop;
  options.restart = variant.restart ? restart : TestRestart::kNever;
  MR_ASSIGN_OR_RETURN(const std::unique_ptr<TestDriver> driver, TestDriver::Make(file.plan, options));
  MR_RETURN_IF_ERROR(Feed(test, *driver));
  std::string problems;
  for (const ExpectedSink& expected : test.output) {
    const std::string name = SinkNodeName(file.plan, expected.sink);
    MR_ASSIGN_OR_RETURN(const std::vector<std::string> got, driver->ReadSinkRows(name));
    MR_ASSIGN_OR_RETURN(const std::string diff, Compare(expected, got, test.partitions == 1, colour));
    if (diff.empty()) continue;
    problems += "    " + expected.location.ToString() + ": rows of " + name + " (- expected, + got)\n" + diff;
  }
  const TestCounters counters = driver->counters();
  const auto check = [&](const char* what, std::optional<std::int64_t> want, std::int64_t got) {
    if (!want || *want == got) return;
    problems += "    " + test.location.ToString() + ": expected " + std::to_string(*want) + " " + what +
                ", got " + std::to_string(got) + "\n";
  };
  if (!problems.empty()) problems += DeadLettersOf(file.plan, *driver, test);
  if (!variant.restart) {  // counters count work, and a restart repeats some
    check("late rows", test.late, counters.rows_late);
    check("dead letters", test.dead_letters, counters.dead_letters);
  }
  return problems;
}

/// "" when the test passes under every variant.
std::string RunTest(const PipelineFile& file, const PipelineTest& test, bool colour) {
  for (const Variant& variant : kVariants) {
    const Result<std::string> problems = RunVariant(file, test, variant, colour);
    const std::string text = problems.ok() ? *problems : "    " + problems.status().message() + "\n";
    if (text.empty()) continue;
    return (variant.batch_rows == 0 ? "" : "    with " + std::string(variant.name) + ":\n") + text;
  }
  return "";
}

struct Counts {
  int passed = 0;
  int failed = 0;
};

/// One line per test, each failure followed by what is wrong.
class Reporter {
 public:
  Reporter(CommandIo& io, bool json) : io_(io), json_(json), colour_(io.out_is_terminal && !json) {}

  bool colour() const { return colour_; }

  void Add(const std::string& path, const PipelineTest& test, const std::string& problems) {
    ++(problems.empty() ? counts_.passed : counts_.failed);
    if (json_) {
      io_.out << "{\"file\":" << JsonString(path) << ",\"test\":" << JsonString(test.name)
              << ",\"ok\":" << (problems.empty() ? "true" : "false")
              << ",\"problems\":" << JsonString(problems) << "}\n";
      return;
    }
    io_.out << (problems.empty() ? Green("ok      ") : Red("FAILED  ")) << path << ": " << test.name << "\n"
            << problems;
    io_.out.flush();
  }

  Counts Finish(double seconds) {
    if (json_) return counts_;
    char time[32];
    std::snprintf(time, sizeof(time), " in %.1f s", seconds);
    const std::string failed = std::to_string(counts_.failed) + " failed";
    io_.out << "\n"
            << counts_.passed << " passed, " << (counts_.failed > 0 ? Red(failed) : failed) << time << "\n";
    return counts_;
  }

 private:
  std::string Green(const std::string& text) const { return colour_ ? "\x1b[32m" + text + "\x1b[0m" : text; }
  std::string Red(const std::string& text) const { return colour_ ? "\x1b[31m" + text + "\x1b[0m" : text; }

  CommandIo& io_;
  const bool json_;
  const bool colour_;
  Counts counts_;
};

std::string NoneMatches(const std::string& filter, const std::vector<std::string>& names) {
  std::string text = "millrace: no test has '" + filter + "' in its name; there is: ";
  for (std::size_t i = 0; i < std::min(names.size(), kMostNamed); ++i)
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  if (names.size() > kMostNamed) text += ", and " + std::to_string(names.size() - kMostNamed) + " more";
  return text + "\n";
}

}  // namespace

Exit TestCommand(const TestOptions& options, CommandIo& io) {
  // What the pipelines say is tested and no news, unless it is asked for.
  if (!io.log_is_chosen) ConfigureLog(LogFormat::kText, LogLevel::kError);
  const SystemClock clock;
  const auto begin = clock.Steady();
  Reporter reporter(io, options.json);
  std::vector<std::string> left_out;
  for (const std::string& path : options.files) {
    const Result<PipelineFile> file = LoadPipeline(path);
    if (!file.ok()) return Report(io, file.status(), Exit::kUsage);
    for (const PipelineTest& test : file->tests) {
      if (test.name.find(options.filter) == std::string::npos) {
        left_out.push_back(test.name);
        continue;
      }
      reporter.Add(path, test, RunTest(*file, test, reporter.colour()));
    }
  }
  const Counts counts = reporter.Finish(std::chrono::duration<double>(clock.Steady() - begin).count());
  if (counts.passed + counts.failed == 0) {
    io.err << (left_out.empty()
                   ? "millrace: no tests found; write them under 'tests:' (see docs/yaml-reference.md)\n"
                   : NoneMatches(options.filter, left_out));
    return Exit::kUsage;
  }
  return counts.failed == 0 ? Exit::kOk : Exit::kFailed;
}

}  // namespace millrace
