#include "golden_run.h"

#include <algorithm>

#include "engine/yaml/pipeline_file.h"
#include "env/environment.h"
#include "env/file.h"
#include "env/random.h"
#include "golden_files.h"

namespace millrace {
namespace {

/// The field that the source declares as its key, as key_format string writes it.
std::optional<std::string> DefaultKey(const KafkaSource& source, const GoldenRow& row) {
  for (const auto& [name, value] : row.fields) {
    if (name != source.key || value == "null") continue;
    return value.front() == '"' ? value.substr(1, value.size() - 2) : value;
  }
  return std::nullopt;
}

Result<TestInputRecord> ToRecord(const GoldenRow& row, const std::vector<KafkaSource>& sources) {
  const auto source = std::find_if(sources.begin(), sources.end(), [&](const KafkaSource& candidate) {
    return row.topic.empty() || candidate.topic == row.topic;
  });
  if (source == sources.end()) return Status::InvalidArgument("no source reads '" + row.topic + "'");
  TestInputRecord record;
  record.topic = source->topic;
  record.partition = Partition(row.partition.value_or(0));
  record.key = row.has_key ? row.key : DefaultKey(*source, row);
  record.value = row.Value();
  if (row.time) record.timestamp = EventTime(*row.time);
  record.headers = row.headers;
  return record;
}

/// The place of the files of one run. Removes it in the end.
class FileFolder {
 public:
  FileFolder() : path_(GetEnv("TMPDIR").value_or("/tmp") + "/millrace-golden-files-" + RandomId()) {}
  ~FileFolder() { static_cast<void>(RemoveAll(path_)); }
  FileFolder(const FileFolder&) = delete;
  FileFolder& operator=(const FileFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

Status Run(const GoldenCase& golden, const GoldenConfig& config, const std::string& folder,
           const MakeTestDriver& make, std::unique_ptr<TestDriver>* driver) {
  SubstitutionSources substituted;
  substituted.variable = [&folder](const std::string& name) {
    return name == "FILES" ? std::optional(folder) : std::nullopt;
  };
  MR_ASSIGN_OR_RETURN(PipelineFile file, ReadPipelineText(golden.path, golden.pipeline, substituted));
  std::vector<KafkaSource> sources;
  for (const PlanNode& node : file.plan.nodes) {
    if (const auto* source = std::get_if<KafkaSource>(&node.op)) sources.push_back(*source);
  }
  TestDriverOptions options;
  options.start = EventTime(golden.start_ms);
  options.first_run = golden.first_run;
  options.source_partitions = golden.partitions;
  options.workers = config.workers;
  options.batch_rows = config.batch_rows;
  options.restart = config.restart;
  options.max_rows_in_memory = config.max_rows_in_memory;
  options.file_sinks = !golden.files.empty();
  auto input = golden.input.begin();
  for (; input != golden.input.end() && std::holds_alternative<GoldenRow>(*input); ++input) {
    MR_ASSIGN_OR_RETURN(TestInputRecord record, ToRecord(std::get<GoldenRow>(*input), sources));
    options.waiting.push_back(std::move(record));
  }
  MR_ASSIGN_OR_RETURN(*driver, make(std::move(file.plan), std::move(options)));
  for (; input != golden.input.end(); ++input) {
    if (const auto* row = std::get_if<GoldenRow>(&*input)) {
      MR_ASSIGN_OR_RETURN(const TestInputRecord record, ToRecord(*row, sources));
      MR_RETURN_IF_ERROR((*driver)->Write(record));
      continue;
    }
    MR_RETURN_IF_ERROR((*driver)->RunUntilIdle());
    if (const auto* clock = std::get_if<GoldenClock>(&*input)) {
      (*driver)->AdvanceClock(clock->by);
      MR_RETURN_IF_ERROR((*driver)->RunUntilIdle());
    }
  }
  return (*driver)->RunUntilIdle();
}

}  // namespace

bool IsFor(const GoldenCase& golden, const std::string& config) {
  const auto& only = golden.configs;
  return only.empty() || std::find(only.begin(), only.end(), config) != only.end();
}

GoldenResult RunGoldenCase(const GoldenCase& golden, const GoldenConfig& config, const MakeTestDriver& make) {
  GoldenResult result;
  const FileFolder folder;
  std::unique_ptr<TestDriver> driver;
  result.status = Run(golden, config, folder.path(), make, &driver);
  if (!result.status.ok()) return result;
  for (const GoldenOutput& files : golden.files) {
    auto rows = FinishedRows(folder.path() + "/" + files.topic);
    if (!rows.ok()) {
      result.status = rows.status();
      return result;
    }
    result.files.emplace(files.topic, *std::move(rows));
  }
  result.counters = driver->counters();
  std::vector<std::string> names;
  for (const GoldenOutput& output : golden.outputs) names.push_back(output.topic);
  if (golden.dead_letters) names.emplace_back("dead");
  for (const auto& [topic, exists] : golden.topics) names.push_back(topic);
  for (const auto& [topic, keys] : golden.live) names.push_back(topic);
  for (const std::string& name : names) {
    if (result.topics.contains(name)) continue;
    auto records = driver->Read(name);
    // A late or dead-letter topic may not exist when nothing has to be in it.
    if (!records.ok() && records.status().code() == StatusCode::kNotFound) continue;
    if (!records.ok()) {
      result.status = records.status();
      return result;
    }
    result.topics.emplace(name, *std::move(records));
  }
  return result;
}

}  // namespace millrace
