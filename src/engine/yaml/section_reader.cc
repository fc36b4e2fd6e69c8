#include "engine/yaml/section_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.h"
#include "base/suggest.h"
#include "engine/yaml/rfc3339.h"

namespace millrace {
namespace {

std::string_view NodeKind(const YAML::Node& node) {
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a mapping";
  if (node.IsScalar()) return "a single value";
  return "nothing";
}

/// How messages call one such mapping: "a step".
std::string CalledOf(const SectionSpec& spec) {
  if (spec.name == "pipeline") return "the pipeline";
  if (spec.name == "test_input") return "an input";
  for (const std::string_view one : {"step", "sink", "test"}) {
    if (spec.name == one) return "a " + std::string(one);
  }
  return std::string(spec.title);
}

/// Whether what the rows have for columns depends on values of this kind.
bool HoldsColumns(ValueKind kind) {
  using enum ValueKind;
  for (const ValueKind columns :
       {kColumns, kColumnTexts, kExpression, kNamedExpressions, kSelection, kAggregates, kTypes}) {
    if (kind == columns) return true;
  }
  return false;
}

std::string FirstAt(const SourceLocation& location) { return " (first at " + location.ToString() + ")"; }

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string Joined(const std::vector<std::string>& words, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? last : ", ";
    out += words[i];
  }
  return out;
}

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "" when `text` can be (part of) the name of a topic or group, else what is wrong with it.
std::string NameProblem(std::string_view text, ValueKind kind) {
  const std::size_t longest = kind == ValueKind::kTopic ? 249 : 100;
  if (text.empty()) return "must not be empty";
  if (text == "." || text == "..") return "must not be '.' or '..'";
  if (text.size() > longest) return "is longer than " + std::to_string(longest) + " characters";
  for (const char c : text) {
    const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!legal) return std::string("contains '") + c + "'; use letters, digits, '.', '_' and '-'";
  }
  return "";
}

}  // namespace

SectionReader::SectionReader(const YamlDocument& document, Diagnostics& errors, const YAML::Node& node,
                             const SectionSpec& spec, std::string_view key)
    : document_(&document),
      errors_(&errors),
      spec_(&spec),
      called_(key.empty() ? CalledOf(spec) : key),
      location_(document.LocationOf(node)) {
  const Diagnostics::Mark begin = errors.Now();
  ReadEntries(node);
  if (!entries_.empty() || node.IsMap()) CheckPresence();
  understood_ = errors.Since(begin);
}

std::string SectionReader::InSection() const {
  return spec_->name == "pipeline" ? "at the top level" : "in " + called_;
}

void SectionReader::AddAbout(ValueKind kind, SourceLocation location, std::string message) const {
  if (HoldsColumns(kind)) errors_->MarkIncomplete();
  errors_->AddBeside(std::move(location), std::move(message));
}

void SectionReader::ReadEntries(const YAML::Node& node) {
  if (!node.IsMap()) {
    if (!spec_->shorthand.empty() && (node.IsScalar() || node.IsSequence())) {
      entries_.push_back({std::string(spec_->shorthand), location_, node});
    } else {
      errors_->Add(location_, "expected a mapping with the keys of " + called_ + ", found " +
                                  std::string(NodeKind(node)));
    }
    return;
  }
  std::vector<std::string> known;
  for (const KeySpec& key : spec_->keys) known.emplace_back(key.key);
  for (const auto& pair : node) {
    const SourceLocation location = document_->LocationOf(pair.first);
    const std::string key = pair.first.IsScalar() ? document_->Text(pair.first, *errors_) : "";
    const auto first =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
    if (spec_->name == "pipeline" && key.starts_with("x-")) continue;  // a place for anchors
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      errors_->AddBeside(location, "unknown key '" + key + "' " + InSection() + DidYouMean(key, known));
      has_unknown_key_ = true;
    } else if (first != entries_.end()) {
      AddAbout(Spec(key).kind, location, "'" + key + "' is given twice" + FirstAt(first->location));
    } else {
      entries_.push_back({key, location, pair.second});
    }
  }
}

void SectionReader::CheckPresence() {
  for (const KeySpec& key : spec_->keys) {
    if (key.presence == Presence::kRequired && !Has(key.key))
      AddAbout(key.kind, location_, "'" + std::string(key.key) + "' is missing " + InSection());
  }
  chosen_ = CheckOneOf(Presence::kOneOf);
  (void)CheckOneOf(Presence::kOneOfAccess);
}

std::string_view SectionReader::CheckOneOf(Presence group) const {
  std::vector<std::string> alternatives;
  std::vector<std::string> found;
  std::string_view chosen;
  ValueKind holds = ValueKind::kText;
  for (const KeySpec& key : spec_->keys) {
    if (key.presence != group) continue;
    alternatives.emplace_back(key.key);
    if (HoldsColumns(key.kind)) holds = key.kind;
    if (!Has(key.key)) continue;
    found.emplace_back(key.key);
    if (chosen.empty()) chosen = key.key;
  }
  if (alternatives.empty() || found.size() == 1) return chosen;
  if (found.size() > 1) {
    AddAbout(holds, LocationOf(found[1]),
             Joined(found, " and ") + " cannot stand together " + InSection() +
                 (spec_->name == "step" ? "; begin a new step" : ""));
  } else if (!has_unknown_key_) {
    AddAbout(holds, location_,
             called_ + " needs " + (alternatives.size() > 1 ? "one of " : "") + Joined(alternatives, " or "));
  } else if (HoldsColumns(holds)) {
    errors_->MarkIncomplete();  // the unknown key was meant to be one of them
  }
  return chosen;
}

const KeySpec& SectionReader::Spec(std::string_view key) const {
  const auto found =
      std::find_if(spec_->keys.begin(), spec_->keys.end(), [&](const KeySpec& k) { return k.key == key; });
  MR_CHECK(found != spec_->keys.end())
      << "section " << std::string(spec_->name) << " has no key " << std::string(key);
  return *found;
}

/// An empty value ("key:" and nothing) counts as absent where a value is optional, so that keys can be
/// commented out.
std::optional<YAML::Node> SectionReader::Find(std::string_view key) const {
  const KeySpec& spec = Spec(key);
  for (const Entry& entry : entries_) {
    if (entry.key != key) continue;
    if (entry.value.IsNull() && spec.kind != ValueKind::kAny && spec.presence == Presence::kOptional)
      return std::nullopt;
    return entry.value;
  }
  return std::nullopt;
}

SourceLocation SectionReader::LocationOf(std::string_view key) const {
  for (const Entry& entry : entries_) {
    if (entry.key == key) return entry.value.IsNull() ? entry.location : document_->LocationOf(entry.value);
  }
  return location_;
}

std::optional<std::string> SectionReader::ScalarText(const YAML::Node& value,
                                                     std::string_view expected) const {
  const std::size_t errors_before = errors_->size();
  if (value.IsScalar()) {
    std::string text = document_->Text(value, *errors_);
    return errors_->size() == errors_before ? std::optional(std::move(text)) : std::nullopt;
  }
  errors_->AddBeside(document_->LocationOf(value),
                     "expected " + std::string(expected) + ", found " + std::string(NodeKind(value)));
  return std::nullopt;
}

std::optional<std::string> SectionReader::ValueOrDefault(std::string_view key,
                                                         std::string_view expected) const {
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return std::string(Spec(key).default_text);
  return ScalarText(*value, "'" + std::string(key) + "' to be " + std::string(expected));
}

std::string SectionReader::Text(std::string_view key) const {
  const ValueKind kind = Spec(key).kind;
  const std::optional<std::string> text =
      ValueOrDefault(key, kind == ValueKind::kTopic ? "a topic name" : "text");
  if (!text) return "";
  if (kind != ValueKind::kText && Has(key)) {
    if (const std::string problem = NameProblem(*text, kind); !problem.empty()) {
      errors_->AddBeside(LocationOf(key), "'" + std::string(key) + "' " + problem);
      return "";
    }
  }
  return *text;
}

std::string SectionReader::FileOf(std::string_view key) const {
  const std::optional<YAML::Node> value = Find(key);
  return value && value->IsScalar() ? document_->FileOf(*value) : "";
}

std::string SectionReader::Choice(std::string_view key) const {
  const std::vector<std::string> choices = Split(Spec(key).detail, '|');
  const std::optional<std::string> text = ValueOrDefault(key, Joined(choices, " or "));
  if (!text || !Has(key)) return std::string(Spec(key).default_text);
  if (std::find(choices.begin(), choices.end(), *text) != choices.end()) return *text;
  const std::string near = DidYouMean(*text, choices);
  errors_->AddBeside(LocationOf(key), "'" + std::string(key) + "' must be " + Joined(choices, " or ") +
                                          ", not '" + *text + "'" +
                                          (near.starts_with(" (did you mean") ? near : ""));
  return std::string(Spec(key).default_text);
}

bool SectionReader::Bool(std::string_view key) const {
  const std::optional<std::string> text = ValueOrDefault(key, "true or false");
  if (text && *text != "true" && *text != "false") {
    errors_->AddBeside(LocationOf(key),
                       "'" + std::string(key) + "' must be true or false, not '" + *text + "'");
  }
  return text.value_or(std::string(Spec(key).default_text)) == "true";
}

std::int64_t SectionReader::Integer(std::string_view key) const {
  const KeySpec& spec = Spec(key);
  const std::size_t dots = spec.detail.find("..");
  const std::int64_t lowest = *ParseInteger(spec.detail.substr(0, dots));
  const std::int64_t highest = *ParseInteger(spec.detail.substr(dots + 2));
  const std::optional<std::string> text = ValueOrDefault(key, "an integer");
  const std::int64_t fallback = ParseInteger(spec.default_text).value_or(lowest);
  if (!text || (text->empty() && !Has(key))) return fallback;
  const std::optional<std::int64_t> value = ParseInteger(*text);
  if (value && *value >= lowest && *value <= highest) return *value;
  const bool bounded = highest != std::numeric_limits<std::int64_t>::max();
  errors_->AddBeside(LocationOf(key),
                     "'" + std::string(key) + "' must be an integer from " + std::to_string(lowest) +
                         (bounded ? " to " + std::to_string(highest) : " up") + ", not '" + *text + "'");
  return fallback;
}

Duration SectionReader::Time(std::string_view key) const { return OptionalTime(key).value_or(Duration(0)); }

std::optional<Duration> SectionReader::OptionalTime(std::string_view key) const {
  const std::optional<std::string> text = ValueOrDefault(key, "a duration such as 250ms, 10s or 1m");
  if (!text || (text->empty() && !Has(key))) return std::nullopt;
  const Result<Duration> duration = ParseDuration(*text);
  if (duration.ok()) return *duration;
  errors_->AddBeside(LocationOf(key), "'" + std::string(key) + "': " + duration.status().message());
  return std::nullopt;
}

std::optional<Duration> SectionReader::TimeOrNever(std::string_view key) const {
  const std::optional<YAML::Node> value = Find(key);
  if (value && value->IsScalar() && value->Scalar() == "never") return std::nullopt;
  return OptionalTime(key);
}

EventTime SectionReader::Instant(std::string_view key) const {
  const std::optional<std::string> text =
      ValueOrDefault(key, "milliseconds since the epoch, or RFC 3339 text");
  if (!text || text->empty()) return EventTime(0);
  if (const std::optional<std::int64_t> ms = ParseInteger(*text)) return EventTime(*ms);
  const Result<EventTime> time = ParseRfc3339(*text);
  if (time.ok()) return *time;
  errors_->AddBeside(LocationOf(key), "'" + std::string(key) + "': " + time.status().message());
  return EventTime(0);
}

ByteCount SectionReader::Bytes(std::string_view key) const {
  const std::optional<std::string> text = ValueOrDefault(key, "a size such as 64KiB or 128MiB");
  const Result<ByteCount> bytes = ParseByteSize(text.value_or(std::string(Spec(key).default_text)));
  if (bytes.ok()) return *bytes;
  errors_->AddBeside(LocationOf(key), "'" + std::string(key) + "': " + bytes.status().message());
  return ByteCount(0);
}

YAML::Node SectionReader::Raw(std::string_view key) const {
  return Find(key).value_or(YAML::Node(YAML::NodeType::Undefined));
}

std::optional<SectionReader> SectionReader::Section(std::string_view key) const {
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return std::nullopt;
  return SectionReader(*document_, *errors_, *value, PipelineSection(Spec(key).detail), key);
}

std::vector<SectionReader> SectionReader::Sections(std::string_view key) const {
  std::vector<SectionReader> sections;
  const std::optional<YAML::Node> value = Find(key);
  if (!value) return sections;
  if (!value->IsSequence()) {
    errors_->AddBeside(LocationOf(key), "expected '" + std::string(key) +
                                            "' to be a list, each entry after a '- ', found " +
                                            std::string(NodeKind(*value)));
    return sections;
  }
  for (const auto& item : *value) {
    sections.emplace_back(*document_, *errors_, item, PipelineSection(Spec(key).detail));
  }
  return sections;
}

}  // namespace millrace
