// The JSON schema against real pipelines: what an editor shows for a file must be what Millrace says.
#include "engine/yaml/json_schema.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "engine/yaml/document.h"
#include "engine/yaml/json_value.h"

namespace millrace {
namespace {

/// The type of a JSON value that was read as YAML: quoted text is a string.
std::string TypeOf(const YAML::Node& value) {
  if (value.IsMap()) return "object";
  if (value.IsSequence()) return "array";
  if (value.Tag() == "!") return "string";
  if (value.Scalar() == "null" || value.IsNull()) return "null";
  if (value.Scalar() == "true" || value.Scalar() == "false") return "boolean";
  return value.Scalar().find_first_of(".eE") == std::string::npos ? "integer" : "number";
}

/// Of a scalar: equal for equal values.
std::string JsonText(const YAML::Node& value) {
  return TypeOf(value) + " " + (value.IsScalar() ? value.Scalar() : "");
}

/// Checks JSON values against a schema by the keywords that ours uses; others fail the test.
class Validator {
 public:
  explicit Validator(const std::string& schema) : root_(YAML::Load(schema)) {}

  /// "" or what is wrong, with its place.
  std::string Problem(const YAML::Node& value) const { return Check(root_, value, ""); }

 private:
  std::string Check(const YAML::Node& schema, const YAML::Node& value, const std::string& path) const {
    static const std::set<std::string> annotations = {
        "$schema", "title", "description", "default", "$defs", "examples", "properties", "patternProperties"};
    if (schema.IsScalar()) return schema.as<bool>() ? "" : path + ": is not allowed";
    for (const auto& entry : schema) {
      const auto keyword = entry.first.as<std::string>();
      if (annotations.contains(keyword)) continue;
      const std::string problem = CheckKeyword(keyword, schema, entry.second, value, path);
      if (!problem.empty()) return problem;
    }
    return CheckProperties(schema, value, path);
  }

  std::string CheckKeyword(const std::string& keyword, const YAML::Node& schema, const YAML::Node& wanted,
                           const YAML::Node& value, const std::string& path) const {
    const bool number = TypeOf(value) == "integer" || TypeOf(value) == "number";
    bool ok = true;
    if (keyword == "$ref") {
      const auto name = wanted.as<std::string>();
      EXPECT_TRUE(name.starts_with("#/$defs/") && root_["$defs"][name.substr(8)]) << name;
      return Check(root_["$defs"][name.substr(8)], value, path);
    }
    if (keyword == "additionalProperties" && value.IsMap()) return CheckAdditional(schema, value, path);
    if (keyword == "items" && value.IsSequence()) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (std::string problem = Check(wanted, value[i], path + "/" + std::to_string(i)); !problem.empty())
          return problem;
      }
    } else if (keyword == "type") {
      ok = HasType(wanted, TypeOf(value));
    } else if (keyword == "const") {
      ok = JsonText(wanted) == JsonText(value);
    } else if (keyword == "enum") {
      ok = std::any_of(wanted.begin(), wanted.end(),
                       [&](const YAML::Node& one) { return JsonText(one) == JsonText(value); });
    } else if (keyword == "allOf") {
      ok = std::all_of(wanted.begin(), wanted.end(),
                       [&](const YAML::Node& one) { return Check(one, value, path).empty(); });
    } else if (keyword == "anyOf" || keyword == "oneOf") {
      const auto fitting = std::count_if(wanted.begin(), wanted.end(), [&](const YAML::Node& one) {
        return Check(one, value, path).empty();
      });
      ok = fitting == 1 || (fitting > 1 && keyword == "anyOf");
    } else if (keyword == "required" && value.IsMap()) {
      ok = std::all_of(wanted.begin(), wanted.end(),
                       [&](const YAML::Node& key) { return value[key.as<std::string>()].IsDefined(); });
    } else if (keyword == "minItems" && value.IsSequence()) {
      ok = value.size() >= wanted.as<std::size_t>();
    } else if (keyword == "pattern" && TypeOf(value) == "string") {
      ok = std::regex_search(value.Scalar(), std::regex(wanted.as<std::string>()));
    } else if (keyword == "minimum" && number) {
      ok = value.as<double>() >= wanted.as<double>();
    } else if (keyword == "maximum" && number) {
      ok = value.as<double>() <= wanted.as<double>();
    } else {
      static const std::set<std::string> of_other_types = {
          "additionalProperties", "items", "required", "minItems", "pattern", "minimum", "maximum"};
      EXPECT_TRUE(of_other_types.contains(keyword)) << "this test does not know the keyword " << keyword;
    }
    return ok ? "" : path + ": breaks " + keyword;
  }

  static bool HasType(const YAML::Node& wanted, const std::string& type) {
    if (wanted.IsScalar())
      return wanted.Scalar() == type || (wanted.Scalar() == "number" && type == "integer");
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const YAML::Node& one) { return HasType(one, type); });
  }

  std::string CheckProperties(const YAML::Node& schema, const YAML::Node& value,
                              const std::string& path) const {
    if (!value.IsMap() || !schema["properties"]) return "";
    for (const auto& entry : value) {
      const auto key = entry.first.as<std::string>();
      const YAML::Node property = schema["properties"][key];
      if (!property.IsDefined()) continue;
      if (std::string problem = Check(property, entry.second, path + "/" + key); !problem.empty())
        return problem;
    }
    return "";
  }

  std::string CheckAdditional(const YAML::Node& schema, const YAML::Node& value,
                              const std::string& path) const {
    for (const auto& entry : value) {
      const auto key = entry.first.as<std::string>();
      if (schema["properties"] && schema["properties"][key].IsDefined()) continue;
      bool matches = false;
      for (const auto& pattern : schema["patternProperties"])
        matches = matches || std::regex_search(key, std::regex(pattern.first.as<std::string>()));
      if (matches) continue;
      const std::string problem = Check(schema["additionalProperties"], entry.second, path + "/" + key);
      if (!problem.empty()) return problem;
    }
    return "";
  }

  const YAML::Node root_;
};

/// "" or what the schema has against a pipeline, or that it is no YAML. Settings from the
/// environment have some text where the pipeline gives no default.
std::string Judge(const std::string& name, const std::string& pipeline) {
  static const Validator validator(PipelineJsonSchema());
  const SubstitutionSources some_text{
      [&pipeline](const std::string& variable) {
        const bool needed = pipeline.find("${" + variable + "}") != std::string::npos;
        return needed ? std::optional<std::string>("some text") : std::nullopt;
      },
      [](const std::string& path) { return Result<std::string>("of " + path); }};
  const Result<YamlDocument> document = YamlDocument::Parse(name, pipeline, some_text);
  if (!document.ok()) return "NOT YAML: " + document.status().message();
  Diagnostics errors;
  return validator.Problem(YAML::Load(JsonOf(*document, document->root(), errors)));
}

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

/// Files below a folder of the tree, by the end of their names. Tests run in the folder of their
/// CMakeLists.txt.
std::vector<std::filesystem::path> Files(const std::string& folder, const std::string& extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("../../../" + folder)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool HasKey(const std::string& text, const std::string& key) {
  return text.starts_with(key + ":") || text.find("\n" + key + ":") != std::string::npos;
}

/// A part of a pipeline with what it must have beside.
std::string Completed(std::string pipeline) {
  if (!HasKey(pipeline, "name")) pipeline += "name: p\n";
  if (!HasKey(pipeline, "source") && !HasKey(pipeline, "sources"))
    pipeline += "source: {topic: in, key: k}\n";
  if (!HasKey(pipeline, "sinks")) pipeline += "sinks: [{topic: out}]\n";
  return pipeline;
}

/// The blocks of a Markdown page that are a pipeline, or keys of one, or steps.
std::vector<std::string> PipelinesIn(const std::string& page) {
  const std::string fence = "```yaml\n";
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = page.find(fence, at)) != std::string::npos;) {
    at += fence.size();
    const std::string block = page.substr(at, page.find("\n```", at) + 1 - at);
    if (block.starts_with("window:") || block.starts_with("- ")) {
      std::string step = block.starts_with("- ") ? block : "- " + block;
      for (std::size_t end = 0; (end = step.find('\n', end)) + 1 < step.size();) step.insert(++end, "    ");
      found.push_back(Completed("steps:\n  " + step));
    } else {
      found.push_back(Completed(block));
    }
  }
  return found;
}

/// The pipeline of a golden case, completed as the golden tests do.
std::string GoldenPipeline(const std::string& text) {
  std::istringstream in(text);
  std::string pipeline;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] != ' ') inside = line.starts_with("pipeline:");
    if (inside && line.starts_with("  ")) pipeline += line.substr(2) + "\n";
  }
  return Completed(std::move(pipeline));
}

TEST(JsonSchema, AcceptsEveryPipelineOfExamplesDocsAndGoldenTests) {
  std::size_t examples = 0;
  for (const auto& path : Files("examples", ".yaml")) {
    EXPECT_EQ(Judge(path, ReadAll(path)), "") << path;
    ++examples;
  }
  std::size_t shown = 0;
  std::vector<std::filesystem::path> pages = Files("docs", ".md");
  pages.emplace_back("../../../README.md");
  for (const auto& path : pages) {
    for (const std::string& pipeline : PipelinesIn(ReadAll(path))) {
      EXPECT_EQ(Judge(path, pipeline), "") << path << "\n" << pipeline;
      ++shown;
    }
  }
  std::size_t golden = 0;
  for (const auto& path : Files("tests/golden", ".test")) {
    EXPECT_EQ(Judge(path, GoldenPipeline(ReadAll(path))), "") << path;
    ++golden;
  }
  EXPECT_GE(examples, 1U);
  EXPECT_GE(shown, 4U);
  EXPECT_GE(golden, 300U);
}

TEST(JsonSchema, RefusesWhatLintRefusesForItsShape) {
  const std::string good = "name: p\nsource: {topic: t}\nsinks: [{topic: o}]\n";
  ASSERT_EQ(Judge("p.yaml", good), "");
  EXPECT_EQ(Judge("p.yaml", good + "x-note: [anything]\n"), "");
  const std::pair<const char*, std::string> wrong[] = {
      {"/stps: is not allowed", good + "stps: []\n"},
      {": breaks required", "source: {topic: t}\nsinks: [{topic: o}]\n"},
      {": breaks required", "name: p\nsource: {topic: t}\n"},
      {": breaks oneOf", good + "sources: [{topic: u}]\n"},
      {": breaks oneOf", "name: p\nsinks: [{topic: o}]\n"},
      {"/guarantee: breaks anyOf", good + "guarantee: exactly_twice\n"},
      {"/workers: breaks anyOf", good + "workers: two\n"},
      {"/workers: breaks anyOf", good + "workers: 0\n"},
      {"/steps/0/filtre: is not allowed", good + "steps: [{filtre: a > 1}]\n"},
      {"/steps/0: breaks oneOf", good + "steps: [{filter: a > 1, drop: a}]\n"},
      {"/steps/0/filter: breaks type", good + "steps: [{filter: [a]}]\n"},
      {"/steps: breaks type", good + "steps: {filter: a > 1}\n"},
      {"/steps/0/window: breaks required", good + "steps: [{window: {by: k, tumbling: 1m}}]\n"},
      {"/sinks/0: breaks oneOf", "name: p\nsource: {topic: t}\nsinks: [{topic: o, parquet: {path: p}}]\n"},
      {"/sinks/0/snapchat.conversions: breaks allOf",
       "name: p\nsource: {topic: t}\nsinks: [{snapchat.conversions: {pixel_id: p}}]\n"},
      {"/sinks/0/snapchat.conversions: breaks allOf",
       "name: p\nsource: {topic: t}\nsinks: [{snapchat.conversions: {pixel_id: p, access_token: t, oauth: "
       "{client_id: a, client_secret: b, refresh_token: c}}}]\n"},
  };
  for (const auto& [problem, pipeline] : wrong) EXPECT_EQ(Judge("p.yaml", pipeline), problem) << pipeline;
}

}  // namespace
}  // namespace millrace
