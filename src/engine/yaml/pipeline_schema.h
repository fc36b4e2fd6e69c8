#pragma once

#include <span>
#include <string_view>

namespace millrace {

/// What a YAML value must look like. `detail` of the key says more where the comment says so.
enum class ValueKind {
  kText,
  kName,              ///< letters, digits, '.', '_' and '-': ends up in names of topics and groups
  kTopic,             ///< a legal Kafka topic name
  kBool,              ///< true | false
  kInteger,           ///< detail: "min..max"
  kDuration,          ///< 250ms, 10s, 1h30m
  kDurationOrNever,   ///< a duration, or the word never
  kByteSize,          ///< 64KiB, 128MiB
  kChoice,            ///< detail: "a|b|c"
  kColumns,           ///< a column name or a list of them
  kColumnTexts,       ///< a mapping of column name to column name
  kExpression,        ///< SQL expression text
  kExpressions,       ///< a list of expressions
  kNamedExpressions,  ///< a mapping of column name to expression
  kSelection,         ///< a list of column names and of mappings (name: expression), or one such mapping
  kAggregates,        ///< a mapping of column name to aggregate call
  kTypes,             ///< a mapping of column name to type text
  kProperties,        ///< a mapping of text to scalar
  kTime,              ///< milliseconds since the epoch, or RFC 3339
  kSection,           ///< a mapping; detail: name of its section
  kSections,          ///< a list of mappings; detail: name of their section
  kAnyRows,           ///< a list of mappings of anything
  kRowsBySink,        ///< a list of rows, or a mapping of sink to list of rows
  kAny,               ///< any YAML value
};

enum class Presence {
  kOptional,
  kRequired,
  kOneOf,        ///< exactly one key of the section that is marked so must be there
  kOneOfAccess,  ///< exactly one of these, too: how a sink is let in
};

/// One key of a section.
struct KeySpec {
  std::string_view key;
  ValueKind kind;
  std::string_view detail;
  std::string_view default_text;  ///< as it would be written; "" when the default is "nothing"
  std::string_view doc;           ///< one sentence or two
  Presence presence = Presence::kOptional;
};

/// One kind of mapping in a pipeline file.
struct SectionSpec {
  std::string_view name;
  std::string_view title;
  std::string_view doc;
  std::span<const KeySpec> keys;
  /// A scalar or list in place of the mapping sets this key; "" when only a mapping is accepted.
  std::string_view shorthand;
};

/// Everything a pipeline file may contain, top level first: the reader, the JSON Schema and the reference
/// page are made from this one table.
std::span<const SectionSpec> PipelineSections();

/// Precondition: there is such a section.
const SectionSpec& PipelineSection(std::string_view name);

}  // namespace millrace
