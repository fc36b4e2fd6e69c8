#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>
#include <yaml-cpp/yaml.h>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/ids.h"
#include "engine/yaml/document.h"
#include "engine/yaml/pipeline_schema.h"
#include "plan/plan.h"

namespace millrace {

/// Typed access to one mapping of a pipeline file, guided by its SectionSpec.
///
/// The constructor reports unknown, repeated, missing and contradicting keys; each getter reports a value
/// that is not of the key's kind and then returns the default. So reading goes on after an error and all of
/// them come together. Getters take a key of the section of the kind that their name says (checked). One
/// owner.
class SectionReader {
 public:
  /// `document` and `errors` must outlive the reader. `key`: the one that has the section as its value, if
  /// that is what messages should call it.
  SectionReader(const YamlDocument& document, Diagnostics& errors, const YAML::Node& node,
                const SectionSpec& spec, std::string_view key = "");

  bool Has(std::string_view key) const { return Find(key).has_value(); }
  /// Of the key, or of the section when the key is absent.
  SourceLocation LocationOf(std::string_view key) const;
  const SourceLocation& location() const { return location_; }
  /// The one key marked Presence::kOneOf that is there; "" after an error.
  std::string_view chosen() const { return chosen_; }
  /// Of the keys themselves; getters may find less.
  Understood understood() const { return understood_; }
  /// Adds the places of the keys and the words below them, also of those of nested sections.
  void AddPlaces(WordPlaces* places) const;

  std::string Text(std::string_view key) const;  ///< kText, kName, kTopic
  /// PATH when the value is written as ${file:PATH} and nothing else; "" when not.
  std::string FileOf(std::string_view key) const;
  std::string Choice(std::string_view key) const;
  bool Bool(std::string_view key) const;
  std::int64_t Integer(std::string_view key) const;
  Duration Time(std::string_view key) const;                         ///< kDuration
  std::optional<Duration> OptionalTime(std::string_view key) const;  ///< kDuration without a default
  std::optional<Duration> TimeOrNever(std::string_view key) const;   ///< nullopt: never
  EventTime Instant(std::string_view key) const;                     ///< kTime
  ByteCount Bytes(std::string_view key) const;
  std::vector<std::string> Columns(std::string_view key) const;
  std::vector<std::pair<std::string, std::string>> Texts(
      std::string_view key) const;  ///< kColumnTexts, kProperties
  std::optional<PlanExpr> Expression(std::string_view key) const;
  /// The name of one of `columns`, whatever it looks like, or an expression. `columns` may be null.
  std::optional<PlanExpr> ColumnOrExpression(std::string_view key, const arrow::Schema* columns) const;
  std::vector<PlanExpr> Expressions(std::string_view key) const;
  std::vector<std::pair<std::string, PlanExpr>> NamedExpressions(
      std::string_view key) const;  ///< also kSelection
  std::vector<WindowAggregateColumn> Aggregates(std::string_view key) const;
  /// Null pointer when absent.
  std::shared_ptr<arrow::Schema> Types(std::string_view key) const;
  /// A nested mapping or its shorthand; nullopt when absent or wrong.
  std::optional<SectionReader> Section(std::string_view key) const;
  std::vector<SectionReader> Sections(std::string_view key) const;
  /// The value as it is, for kAny*, kRowsBySink. Undefined node when absent.
  YAML::Node Raw(std::string_view key) const;

  const YamlDocument& document() const { return *document_; }
  Diagnostics& errors() const { return *errors_; }

 private:
  struct Entry {
    std::string key;
    SourceLocation location;
    YAML::Node value;
  };

  const KeySpec& Spec(std::string_view key) const;
  std::optional<YAML::Node> Find(std::string_view key) const;
  void ReadEntries(const YAML::Node& node);
  void CheckPresence();
  /// Of the keys of which exactly one must be there: returns it, "" after an error or when there are none.
  std::string_view CheckOneOf(Presence group) const;
  std::string InSection() const;
  /// An error about a value of `kind`: columns may be missing where it holds some.
  void AddAbout(ValueKind kind, SourceLocation location, std::string message) const;
  /// An error for a list or mapping that has no entry.
  void RequireColumns(std::string_view key, const YAML::Node& value) const;
  void AddWords(const std::string& key, const SourceLocation& location, const YAML::Node& value,
                WordPlaces* places) const;
  /// Text of a scalar value, else an error that says what was expected.
  std::optional<std::string> ScalarText(const YAML::Node& value, std::string_view expected) const;
  /// Text of the key's value, or of its default when it is absent; nullopt after an error.
  std::optional<std::string> ValueOrDefault(std::string_view key, std::string_view expected) const;
  /// PlanExpr::unread after an error.
  PlanExpr ParseExpression(const YAML::Node& value) const;
  /// (column name, value) pairs of a mapping, with repeats and wrong kinds reported.
  std::vector<Entry> Pairs(const YAML::Node& value, std::string_view expected) const;
  /// Adds an error whose message may end in " at character N" of the scalar's text.
  void AddAtCharacter(const YAML::Node& scalar, const std::string& message) const;

  const YamlDocument* document_;
  Diagnostics* errors_;
  const SectionSpec* spec_;
  std::string called_;
  SourceLocation location_;
  std::vector<Entry> entries_;
  bool has_unknown_key_ = false;
  std::string_view chosen_;
  Understood understood_ = Understood::kAll;
};

}  // namespace millrace
