// Runs the cases of oracle.py on the log in memory: reads them from standard input, writes what came out to
// standard output. Lines of fields between tabs; \N is null.
//
//   in:   case ID PARTITIONS BATCH_ROWS WORKERS RESTART    RESTART: never, kill or stop
//         yaml LINE                                        the pipeline, line by line
//         edited LINE                                      and as it is after an edit
//         row PARTITION TIME KEY VALUE                     a record of the topic `in`
//         run                                              process what is there
//         edit                                             that, then start again with the edited pipeline
//         end
//   out:  case ID
//         error MESSAGE                                    in place of all below
//         out TOPIC KEY VALUE                              in the order of topic, partition and offset
//         dead PARTITION OFFSET CLASS
//         counters IN OUT FILTERED LATE DEAD
//         end

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/test_driver.h"
#include "engine/yaml/pipeline_file.h"
#include "expr/expr.h"

namespace millrace {
namespace {

constexpr EventTime kStart{1'000'000'000};
constexpr std::array kTopics = {"out", "out2", "late"};
constexpr const char* kErrorHeader = "__connect.errors.";

struct Run {};
struct Edit {};

struct OracleCase {
  std::string id;
  std::string pipeline;
  std::string edited;
  TestDriverOptions options;
  std::vector<std::variant<TestInputRecord, Run, Edit>> input;
};

std::vector<std::string> Fields(const std::string& line) {
  std::vector<std::string> fields;
  std::size_t begin = 0;
  for (std::size_t end = line.find('\t'); end != std::string::npos; end = line.find('\t', begin)) {
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  fields.push_back(line.substr(begin));
  return fields;
}

std::optional<std::string> Nullable(const std::string& field) {
  return field == "\\N" ? std::nullopt : std::optional(field);
}

/// Keys in canonical form have any bytes: what would end a field or a line is written as a letter.
std::string Shown(const std::optional<std::string>& bytes) {
  if (!bytes.has_value()) return "\\N";
  std::string out;
  for (const char c : *bytes) {
    if (c == '\n' || c == '\t') {
      out += c == '\n' ? "\\n" : "\\t";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

OracleCase StartCase(const std::vector<std::string>& fields) {
  OracleCase out;
  out.id = fields.at(1);
  out.options.start = kStart;
  out.options.source_partitions = std::stoi(fields.at(2));
  out.options.batch_rows = std::stoll(fields.at(3));
  out.options.workers = std::stoi(fields.at(4));
  out.options.restart = fields.at(5) == "kill"   ? TestRestart::kKill
                        : fields.at(5) == "stop" ? TestRestart::kStop
                                                 : TestRestart::kNever;
  return out;
}

TestInputRecord ReadRow(const std::vector<std::string>& fields) {
  TestInputRecord record;
  record.topic = "in";
  record.partition = Partition(std::stoi(fields.at(1)));
  record.timestamp = EventTime(std::stoll(fields.at(2)));
  record.key = Nullable(fields.at(3));
  record.value = Nullable(fields.at(4));
  return record;
}

void AppendRecords(TestDriver& driver, std::ostream& out) {
  for (const char* topic : kTopics) {
    const auto records = driver.Read(topic);
    if (!records.ok()) continue;  // the pipeline does not have it
    for (const TestOutputRecord& record : *records) {
      out << "out\t" << topic << '\t' << Shown(record.key) << '\t' << Shown(record.value) << '\n';
    }
  }
  const auto dead = driver.Read("dead");
  if (!dead.ok()) return;
  for (const TestOutputRecord& record : *dead) {
    std::map<std::string, std::string> headers(record.headers.begin(), record.headers.end());
    const auto part = [&](const char* name) { return headers[std::string(kErrorHeader) + name]; };
    out << "dead\t" << part("partition") << '\t' << part("offset") << '\t' << part("class.name") << '\n';
  }
}

Status RunCase(const OracleCase& oracle, std::ostream& out) {
  MR_ASSIGN_OR_RETURN(PipelineFile file, ReadPipelineText("case.yaml", oracle.pipeline, {}));
  MR_ASSIGN_OR_RETURN(const auto driver, TestDriver::Make(std::move(file.plan), oracle.options));
  for (const auto& step : oracle.input) {
    const auto* const record = std::get_if<TestInputRecord>(&step);
    MR_RETURN_IF_ERROR(record != nullptr ? driver->Write(*record) : driver->RunUntilIdle());
    if (!std::holds_alternative<Edit>(step)) continue;
    MR_ASSIGN_OR_RETURN(PipelineFile edited, ReadPipelineText("case.yaml", oracle.edited, {}));
    MR_RETURN_IF_ERROR(driver->Edit(std::move(edited.plan)).WithContext("the edit"));
  }
  MR_RETURN_IF_ERROR(driver->RunUntilIdle());
  AppendRecords(*driver, out);
  const TestCounters counters = driver->counters();
  out << "counters\t" << counters.records_in << '\t' << counters.rows_out << '\t' << counters.rows_filtered
      << '\t' << counters.rows_late << '\t' << counters.dead_letters << '\n';
  return Status::Ok();
}

void Print(const OracleCase& oracle) {
  std::ostringstream out;
  const Status status = RunCase(oracle, out);
  std::string text = "case\t" + oracle.id + "\n";
  if (status.ok()) {
    text += out.str();
  } else {
    std::string message = status.ToString();
    for (char& c : message) c = c == '\n' || c == '\t' ? ' ' : c;
    text += "error\t" + message + "\n";
  }
  text += "end\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void RunAll() {
  OracleCase oracle;
  for (std::string line; std::getline(std::cin, line);) {
    const std::vector<std::string> fields = Fields(line);
    if (fields[0] == "case") {
      oracle = StartCase(fields);
    } else if (fields[0] == "yaml") {
      oracle.pipeline += line.substr(std::min<std::size_t>(line.size(), 5)) + "\n";
    } else if (fields[0] == "edited") {
      oracle.edited += line.substr(std::min<std::size_t>(line.size(), 7)) + "\n";
    } else if (fields[0] == "row") {
      oracle.input.emplace_back(ReadRow(fields));
    } else if (fields[0] == "run") {
      oracle.input.emplace_back(Run());
    } else if (fields[0] == "edit") {
      oracle.input.emplace_back(Edit());
    } else if (fields[0] == "end") {
      Print(oracle);
    }
  }
}

}  // namespace
}  // namespace millrace

int main() {
  if (!millrace::InitializeExpressions().ok()) return 1;
  millrace::RunAll();
  return 0;
}
