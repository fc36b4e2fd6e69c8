#include "engine/yaml/json_schema.h"

#include <string_view>

#include "engine/yaml/json_value.h"
#include "engine/yaml/pipeline_schema.h"

namespace millrace {
namespace {

constexpr std::string_view kColumns =
    R"("anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}])";
constexpr std::string_view kScalar = R"("type": ["string", "number", "boolean", "null"])";
constexpr std::string_view kExpression = R"("type": ["string", "number", "boolean"])";

std::string Reference(std::string_view section) {
  return R"({"$ref": "#/$defs/)" + std::string(section) + R"("})";
}

std::string MapOf(std::string_view value) {
  return R"("type": "object", "additionalProperties": {)" + std::string(value) + "}";
}

std::string ListOf(std::string_view value) { return R"("type": "array", "items": )" + std::string(value); }

/// A typed scalar or a text with a ${reference}.
std::string OrReference(std::string_view type) {
  return R"("anyOf": [{)" + std::string(type) + R"(}, {"type": "string", "pattern": "\\$\\{"}])";
}

std::string Choices(std::string_view detail) {
  std::string out = R"("enum": [)";
  while (true) {
    const std::size_t bar = detail.find('|');
    out += JsonString(detail.substr(0, bar));
    if (bar == std::string_view::npos) return OrReference(out + "]");
    out += ", ";
    detail.remove_prefix(bar + 1);
  }
}

std::string IntegerRange(std::string_view detail) {
  const std::size_t dots = detail.find("..");
  return OrReference(R"("type": "integer", "minimum": )" + std::string(detail.substr(0, dots)) +
                     R"(, "maximum": )" + std::string(detail.substr(dots + 2)));
}

/// The keywords of a value's schema, without braces.
std::string ValueKeywords(const KeySpec& key) {
  switch (key.kind) {
    case ValueKind::kText:
    case ValueKind::kName:
    case ValueKind::kTopic:
      return R"("type": ["string", "number"])";
    case ValueKind::kBool:
      return OrReference(R"("type": "boolean")");
    case ValueKind::kInteger:
      return IntegerRange(key.detail);
    case ValueKind::kDuration:
    case ValueKind::kDurationOrNever:
      return R"("anyOf": [{"const": 0}, {"type": "string"}], "examples": ["250ms", "10s", "1m", "1h30m"])";
    case ValueKind::kByteSize:
      return R"("type": ["string", "integer"], "examples": ["64KiB", "128MiB"])";
    case ValueKind::kChoice:
      return Choices(key.detail);
    case ValueKind::kColumns:
      return std::string(kColumns);
    case ValueKind::kColumnTexts:
      return MapOf(R"("type": "string")");
    case ValueKind::kExpression:
      return std::string(kExpression);
    case ValueKind::kExpressions:
      return ListOf("{" + std::string(kExpression) + "}");
    case ValueKind::kNamedExpressions:
    case ValueKind::kAggregates:
      return MapOf(kExpression);
    case ValueKind::kSelection:
      return R"("anyOf": [{"type": "string"}, {)" + MapOf(kExpression) +
             R"(}, {"type": "array", "items": {"anyOf": )" + R"([{"type": "string"}, {)" +
             MapOf(kExpression) + "}]}}]";
    case ValueKind::kTypes:
      return MapOf(R"("type": ["string", "object", "array"])");
    case ValueKind::kProperties:
      return MapOf(kScalar);
    case ValueKind::kTime:
      return R"("type": ["integer", "string"])";
    case ValueKind::kSection:
      return R"("$ref": "#/$defs/)" + std::string(key.detail) + R"(")";
    case ValueKind::kSections:
      return ListOf(Reference(key.detail));
    case ValueKind::kAnyRows:
      return ListOf(R"({"type": "object"})");
    case ValueKind::kRowsBySink:
      return R"("anyOf": [{"type": "array", "items": {"type": ["object", "null"]}}, {)" +
             MapOf(R"("type": "array", "items": {"type": ["object", "null"]})") + "}]";
    case ValueKind::kAny:
      break;
  }
  return "";
}

std::string PropertyOf(const KeySpec& key) {
  std::string out = R"({"description": )" + JsonString(key.doc);
  if (!key.default_text.empty()) out += R"(, "default": )" + JsonString(key.default_text);
  const std::string keywords = ValueKeywords(key);
  return out + (keywords.empty() ? "" : ", " + keywords) + "}";
}

/// The keys of which exactly one must be there, as alternatives; "" when there are none.
std::string OneOf(const SectionSpec& section, Presence group) {
  std::string out;
  for (const KeySpec& key : section.keys) {
    if (key.presence != group) continue;
    out += (out.empty() ? "" : ", ") + std::string(R"({"required": [)") + JsonString(key.key) + "]}";
  }
  return out.empty() ? "" : R"("oneOf": [)" + out + "]";
}

std::string RequiredOf(const SectionSpec& section) {
  std::string required;
  for (const KeySpec& key : section.keys) {
    if (key.presence == Presence::kRequired) required += (required.empty() ? "" : ", ") + JsonString(key.key);
  }
  const std::string one_of = OneOf(section, Presence::kOneOf);
  const std::string access = OneOf(section, Presence::kOneOfAccess);
  std::string out;
  if (!required.empty()) out += R"(, "required": [)" + required + "]";
  if (!one_of.empty()) out += ", " + one_of;
  if (!access.empty()) out += R"(, "allOf": [{)" + access + "}]";
  return out;
}

/// The schema of a mapping, `indent` before each property.
std::string ObjectOf(const SectionSpec& section, const std::string& indent) {
  std::string out = R"("type": "object", "description": )" + JsonString(section.doc) +
                    ", \"additionalProperties\": false" + RequiredOf(section);
  if (section.name == "pipeline") out += R"(, "patternProperties": {"^x-": {}})";
  out += ", \"properties\": {";
  for (std::size_t i = 0; i < section.keys.size(); ++i) {
    out += (i == 0 ? "\n" : ",\n") + indent + JsonString(section.keys[i].key) + ": " +
           PropertyOf(section.keys[i]);
  }
  return out + "\n" + indent.substr(2) + "}";
}

std::string DefinitionOf(const SectionSpec& section) {
  const std::string object = ObjectOf(section, "      ");
  if (section.shorthand.empty()) return "{" + object + "}";
  for (const KeySpec& key : section.keys) {
    if (key.key == section.shorthand) return R"({"anyOf": [{)" + ValueKeywords(key) + "}, {" + object + "}]}";
  }
  return "{" + object + "}";
}

}  // namespace

std::string PipelineJsonSchema() {
  std::string out =
      "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
      "  \"title\": \"Millrace pipeline\",\n  ";
  out += ObjectOf(PipelineSection("pipeline"), "    ") + ",\n  \"$defs\": {";
  bool first = true;
  for (const SectionSpec& section : PipelineSections()) {
    if (section.name == "pipeline") continue;
    out += (first ? "\n    " : ",\n    ") + JsonString(section.name) + ": " + DefinitionOf(section);
    first = false;
  }
  return out + "\n  }\n}\n";
}

}  // namespace millrace
