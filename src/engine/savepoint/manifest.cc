#include "engine/savepoint/manifest.h"

#include <algorithm>
#include <cctype>
#include <set>

#include <yaml-cpp/yaml.h>

#include "engine/savepoint/sha256.h"
#include "engine/yaml/json_value.h"

namespace millrace {
namespace {

constexpr int kFormat = 1;
constexpr std::string_view kChecksum = ",\n\"manifest_sha256\":\"";
constexpr std::string_view kEnd = "\"}\n";

std::string_view NameOf(KeyPlace::By by) {
  switch (by) {
    case KeyPlace::By::kNothing:
      return "nothing";
    case KeyPlace::By::kRepartition:
      return "repartition";
    case KeyPlace::By::kMessageKey:
      return "message_key";
    case KeyPlace::By::kRecord:
      return "record";
  }
  return "nothing";
}

KeyPlace::By ByNamed(const std::string& name) {
  using enum KeyPlace::By;
  for (const auto by : {kNothing, kRepartition, kMessageKey, kRecord}) {
    if (name == NameOf(by)) return by;
  }
  throw YAML::Exception(YAML::Mark::null_mark(), "rows are placed by '" + name + "'");
}

/// `[a,b]` of what `write` makes of each item.
template <typename Items, typename Write>
std::string List(const Items& items, Write write) {
  std::string out = "[";
  for (const auto& item : items) out += (out.size() > 1 ? "," : "") + write(item);
  return out + "]";
}

std::string FileJson(const SavepointFile& file) {
  return "{\"name\":" + JsonString(file.name) + ",\"rows\":" + std::to_string(file.rows) +
         ",\"bytes\":" + std::to_string(file.bytes) + ",\"sha256\":" + JsonString(file.sha256) + "}";
}

std::string InputJson(const SavepointInput& input) {
  std::int32_t number = 0;
  return "\n   {\"topic\":" + JsonString(input.topic) + ",\"topic_id\":" + JsonString(input.topic_id) +
         ",\"repartition_of\":" + (input.step.empty() ? "null" : JsonString(input.step)) +
         ",\"partitions\":" +
         List(input.partitions,
              [&number](const SavepointInput::At& at) {
                return "\n    {\"partition\":" + std::to_string(number++) + ",\"offset\":" +
                       (at.offset == kNoOffset ? "null" : std::to_string(at.offset.value())) +
                       ",\"metadata\":" + JsonString(at.metadata) + "}";
              }) +
         (input.step.empty() ? ""
                             : ",\n    \"in_flight_data\":" + std::to_string(input.in_flight_data) +
                                   ",\"in_flight\":" + FileJson(input.in_flight)) +
         "}";
}

std::string StepJson(const SavepointStep& step) {
  return "\n   {\"name\":" + JsonString(step.name) + ",\"kind\":" + JsonString(step.kind) +
         ",\"layout\":" + JsonString(step.layout) +
         ",\n    \"placed_by\":{\"by\":" + JsonString(NameOf(step.place.by)) +
         ",\"columns\":" + List(step.place.columns, JsonString) +
         ",\"key_format\":" + JsonString(step.place.key_format) +
         "},\"shared_windows\":{\"close_every_ms\":" + std::to_string(step.windows.every_ms) +
         ",\"close_at_ms\":" + std::to_string(step.windows.at_ms) +
         "},\n    \"state\":" + FileJson(step.rows) + "}";
}

std::string StageJson(const SavepointStage& stage) {
  return "\n  {\"name\":" + JsonString(stage.name) + ",\"partitions\":" + std::to_string(stage.partitions) +
         ",\"inputs\":" + List(stage.inputs, InputJson) + ",\"steps\":" + List(stage.steps, StepJson) + "}";
}

SavepointFile ReadFile(const YAML::Node& node) {
  return {.name = node["name"].as<std::string>(),
          .rows = node["rows"].as<std::int64_t>(),
          .bytes = node["bytes"].as<std::int64_t>(),
          .sha256 = node["sha256"].as<std::string>()};
}

SavepointInput ReadInput(const YAML::Node& node) {
  SavepointInput input;
  input.topic = node["topic"].as<std::string>();
  input.topic_id = node["topic_id"].as<std::string>();
  for (const YAML::Node& at : node["partitions"]) {
    if (at["partition"].as<std::size_t>() != input.partitions.size())
      throw YAML::Exception(YAML::Mark::null_mark(),
                            "the partitions of " + input.topic + " are out of order");
    const YAML::Node offset = at["offset"];
    input.partitions.push_back(
        {offset.IsNull() ? kNoOffset : Offset(offset.as<std::int64_t>()), at["metadata"].as<std::string>()});
  }
  if (node["repartition_of"].IsNull()) return input;
  input.step = node["repartition_of"].as<std::string>();
  input.in_flight_data = node["in_flight_data"].as<std::int64_t>();
  input.in_flight = ReadFile(node["in_flight"]);
  return input;
}

SavepointStep ReadStep(const YAML::Node& node) {
  SavepointStep step;
  step.name = node["name"].as<std::string>();
  step.kind = node["kind"].as<std::string>();
  step.layout = node["layout"].as<std::string>();
  const YAML::Node place = node["placed_by"];
  step.place = {.by = ByNamed(place["by"].as<std::string>()),
                .columns = place["columns"].as<std::vector<std::string>>(),
                .key_format = place["key_format"].as<std::string>()};
  const YAML::Node windows = node["shared_windows"];
  step.windows = {.every_ms = windows["close_every_ms"].as<std::int64_t>(),
                  .at_ms = windows["close_at_ms"].as<std::int64_t>()};
  step.rows = ReadFile(node["state"]);
  return step;
}

SavepointManifest ReadManifest(const YAML::Node& root) {
  SavepointManifest manifest;
  manifest.pipeline = root["pipeline"].as<std::string>();
  manifest.millrace = root["millrace"].as<std::string>();
  manifest.created = EventTime(root["created_ms"].as<std::int64_t>());
  for (const YAML::Node& node : root["stages"]) {
    SavepointStage& stage = manifest.stages.emplace_back();
    stage.name = node["name"].as<std::string>();
    stage.partitions = node["partitions"].as<std::int32_t>();
    for (const YAML::Node& input : node["inputs"]) stage.inputs.push_back(ReadInput(input));
    for (const YAML::Node& step : node["steps"]) stage.steps.push_back(ReadStep(step));
  }
  return manifest;
}

/// A manifest that was made by hand may name other files of the machine, or partitions that are not there.
class ContentCheck {
 public:
  Status Check(const SavepointManifest& manifest) {
    if (manifest.stages.empty()) return Wrong("it has no stages");
    for (const SavepointStage& stage : manifest.stages)
      MR_RETURN_IF_ERROR(CheckStage(stage).WithContext("stage '" + stage.name + "'"));
    return Status::Ok();
  }

 private:
  static Status Wrong(const std::string& what) {
    return Status::Corrupt(what + ": no savepoint has that, use one that 'millrace savepoint create' wrote");
  }

  Status CheckStage(const SavepointStage& stage) {
    if (stage.partitions < 1) return Wrong("it has " + std::to_string(stage.partitions) + " partitions");
    if (stage.inputs.empty()) return Wrong("it reads no topic");
    for (const SavepointInput& input : stage.inputs) {
      MR_RETURN_IF_ERROR(CheckInput(stage, input).WithContext("topic '" + input.topic + "'"));
    }
    for (const SavepointStep& step : stage.steps)
      MR_RETURN_IF_ERROR(CheckStep(step).WithContext("step '" + step.name + "'"));
    return Status::Ok();
  }

  Status CheckInput(const SavepointStage& stage, const SavepointInput& input) {
    if (input.partitions.size() != static_cast<std::size_t>(stage.partitions)) {
      return Wrong("it lists " + std::to_string(input.partitions.size()) + " partitions of " +
                   std::to_string(stage.partitions));
    }
    for (const SavepointInput::At& at : input.partitions) {
      if (at.offset != kNoOffset && at.offset.value() < 0)
        return Wrong("it goes on at offset " + std::to_string(at.offset.value()));
    }
    if (input.step.empty()) return Status::Ok();
    MR_RETURN_IF_ERROR(CheckFile(input.in_flight));
    if (input.in_flight_data >= 0 && input.in_flight_data <= input.in_flight.rows) return Status::Ok();
    return Wrong(std::to_string(input.in_flight_data) + " of its " + std::to_string(input.in_flight.rows) +
                 " records have rows");
  }

  Status CheckStep(const SavepointStep& step) {
    if (step.windows.every_ms < 0)
      return Wrong("its windows close every " + std::to_string(step.windows.every_ms) + " ms");
    return CheckFile(step.rows);
  }

  Status CheckFile(const SavepointFile& file) {
    const bool inside = !file.name.empty() && file.name.find('/') == std::string::npos &&
                        file.name.find("..") == std::string::npos && file.name != "." &&
                        file.name.find('\0') == std::string::npos;
    if (!inside) return Wrong("the file name '" + file.name + "' is not one in the savepoint's folder");
    if (!files_.insert(file.name).second) return Wrong("file '" + file.name + "' is named twice");
    if (file.rows >= 0 && file.bytes >= 0) return Status::Ok();
    return Wrong("file '" + file.name + "' has " + std::to_string(file.rows) + " rows and " +
                 std::to_string(file.bytes) + " bytes");
  }

  std::set<std::string> files_;
};

/// The text is as it was written.
bool IsWhole(std::string_view text) {
  const std::size_t at = text.rfind(kChecksum);
  if (at == std::string_view::npos || !text.ends_with(kEnd)) return false;
  std::string_view sum = text.substr(at + kChecksum.size());
  sum.remove_suffix(std::min(sum.size(), kEnd.size()));
  return sum == Sha256Of(text.substr(0, at));
}

}  // namespace

std::vector<SavepointFile> FilesOf(const SavepointManifest& manifest) {
  std::vector<SavepointFile> files;
  for (const SavepointStage& stage : manifest.stages) {
    for (const SavepointInput& input : stage.inputs) {
      if (!input.step.empty()) files.push_back(input.in_flight);
    }
    for (const SavepointStep& step : stage.steps) files.push_back(step.rows);
  }
  return files;
}

std::string SavepointFileName(std::string_view what, std::size_t number, std::string_view step) {
  std::string name = std::string(what) + "-" + std::to_string(number) + "-" + std::string(step);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_') c = '_';
  }
  return name + ".parquet";
}

std::string FormatManifest(const SavepointManifest& manifest) {
  std::string text = "{\"format\":" + std::to_string(kFormat) +
                     ",\n\"pipeline\":" + JsonString(manifest.pipeline) +
                     ",\n\"millrace\":" + JsonString(manifest.millrace) +
                     ",\n\"created_ms\":" + std::to_string(manifest.created.value()) +
                     ",\n\"stages\":" + List(manifest.stages, StageJson);
  const std::string sum = Sha256Of(text);
  return text + std::string(kChecksum) + sum + std::string(kEnd);
}

Result<SavepointManifest> ParseManifest(std::string_view text) {
  if (!IsWhole(text)) return Status::Corrupt("it is cut off, or was changed after it was written");
  try {
    // JSON as we write it is a subset of YAML, whose parser is at hand.
    const YAML::Node root = YAML::Load(std::string(text));
    if (const int format = root["format"].as<int>(); format != kFormat) {
      return Status::InvalidArgument("its format is " + std::to_string(format) + ", this version reads " +
                                     std::to_string(kFormat) + "; use the millrace that wrote it");
    }
    SavepointManifest manifest = ReadManifest(root);
    MR_RETURN_IF_ERROR(ContentCheck().Check(manifest));
    return manifest;
  } catch (const YAML::Exception& e) {
    return Status::Corrupt("it is no manifest of a savepoint: " + e.msg);
  }
}

}  // namespace millrace
