#include "engine/yaml/document.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "columnar/utf8.h"
#include "engine/yaml/flow_scalars.h"

namespace millrace {
namespace {

constexpr std::size_t kLargestFile = std::size_t{16} << 20;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// What yaml-cpp means by some of its messages.
std::string Explain(const std::string& message) {
  if (message == "illegal map value") {
    return "a ': ' is not allowed inside an unquoted value, and tabs are not allowed as indentation; quote "
           "the value";
  }
  if (message == "end of map not found" || message == "end of sequence not found") {
    return message + "; check the indentation, and quote a value that goes on after a closing quote";
  }
  if (message == "illegal block entry")
    return "a list item cannot begin here; check the indentation, which takes no tabs";
  if (message == "bad file") return "lists and mappings are nested too deep";
  return message;
}

/// Bytes of an escape sequence that begins with a backslash at raw[at].
std::size_t EscapeLength(std::string_view raw, std::size_t at) {
  if (at + 1 >= raw.size()) return 1;
  switch (raw[at + 1]) {
    case 'x':
      return 4;
    case 'u':
      return 6;
    case 'U':
      return 10;
    default:
      return 2;
  }
}

/// Bytes between two places whose number of characters before them is kept.
constexpr std::size_t kStride = 256;

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsUtf8Continuation(c); }));
}

/// What is wrong with a file whose bytes are no YAML; empty when nothing is.
struct BadText {
  std::size_t position = 0;
  std::string message;
};

std::optional<BadText> FindBadText(std::string_view raw) {
  if (raw.size() > kLargestFile) return BadText{0, "the file is larger than 16 MiB"};
  if (raw.substr(0, 2) == "\xff\xfe" || raw.substr(0, 2) == "\xfe\xff")
    return BadText{0, "the file is UTF-16; save it as UTF-8"};
  if (const auto invalid = FirstInvalidUtf8(raw)) {
    return BadText{*invalid, "these bytes are not UTF-8; save the file as UTF-8"};
  }
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto c = static_cast<unsigned char>(raw[i]);
    if (c < 0x20 && !IsSpace(raw[i])) return BadText{i, "a control character; is this a text file?"};
  }
  return std::nullopt;
}

}  // namespace

Result<YamlDocument> YamlDocument::Parse(std::string file, std::string text, SubstitutionSources sources) {
  YamlDocument document;
  document.file_ = std::move(file);
  // YAML's marks do not count a byte order mark.
  document.raw_ = text.substr(0, 3) == "\xef\xbb\xbf" ? text.substr(3) : std::move(text);
  document.sources_ = std::move(sources);
  const std::string& raw = document.raw_;
  document.line_begins_ = {0};
  document.characters_before_ = {0};
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\n') document.line_begins_.push_back(i + 1);
  }
  for (std::size_t i = kStride; i <= raw.size(); i += kStride) {
    document.characters_before_.push_back(
        document.characters_before_.back() +
        CountCharacters(std::string_view(raw).substr(i - kStride, kStride)));
  }
  const auto error = [&](std::size_t position, const std::string& message) {
    return Status::InvalidArgument(document.At(position).ToString() + ": " + message);
  };
  if (const std::optional<BadText> bad = FindBadText(raw)) return error(bad->position, bad->message);
  try {
    std::vector<YAML::Node> documents = YAML::LoadAll(HideFlowScalars(raw));
    if (documents.size() > 1)
      return error(0, "a file must hold one pipeline, found several documents ('---')");
    if (!documents.empty()) document.root_.reset(documents[0]);
  } catch (const YAML::Exception& e) {
    if (e.mark.is_null()) return error(0, Explain(e.msg));
    return error(static_cast<std::size_t>(std::max(0, e.mark.pos)), Explain(e.msg));
  }
  return document;
}

std::string YamlDocument::Text(const YAML::Node& scalar, Diagnostics& errors) const {
  Result<SubstitutedText> text = Substitute(ShowFlowScalars(scalar.Scalar()), sources_);
  if (text.ok()) return std::move(text->text);
  errors.AddBeside(LocationOf(scalar), text.status().message());
  return "";
}

std::string YamlDocument::FileOf(const YAML::Node& scalar) const {
  return std::string(OnlyFile(ShowFlowScalars(scalar.Scalar())));
}

SourceLocation YamlDocument::LocationOf(const YAML::Node& node) const { return At(ContentBegin(node)); }

SourceLocation YamlDocument::LocationOfText(const YAML::Node& scalar) const {
  SourceLocation location = LocationOf(scalar);
  if (!scalar.IsScalar()) return location;
  const Result<SubstitutedText> text = Substitute(ShowFlowScalars(scalar.Scalar()), sources_);
  if (!text.ok()) return location;
  const std::vector<std::size_t> raw = RawPositions(scalar);
  std::vector<std::pair<int, int>> characters;
  for (std::size_t i = 0; i <= text->text.size(); ++i) {
    if (i < text->text.size() && IsUtf8Continuation(text->text[i])) continue;
    const SourceLocation at = At(raw[std::min(text->OriginalPosition(i), raw.size() - 1)]);
    characters.emplace_back(at.line, at.column);
  }
  location.characters = std::make_shared<const std::vector<std::pair<int, int>>>(std::move(characters));
  return location;
}

SourceLocation YamlDocument::At(std::size_t raw_position) const {
  const std::size_t end = std::min(raw_position, raw_.size());
  const auto line = std::upper_bound(line_begins_.begin(), line_begins_.end(), end);
  const std::size_t column = CharactersBefore(end) - CharactersBefore(*std::prev(line)) + 1;
  return SourceLocation{file_, static_cast<int>(line - line_begins_.begin()), static_cast<int>(column)};
}

std::size_t YamlDocument::CharactersBefore(std::size_t raw_position) const {
  return characters_before_[raw_position / kStride] +
         CountCharacters(
             std::string_view(raw_).substr(0, raw_position).substr(raw_position / kStride * kStride));
}

std::size_t YamlDocument::ContentBegin(const YAML::Node& node) const {
  const YAML::Mark mark = node.Mark();
  if (mark.is_null()) return 0;
  auto at = static_cast<std::size_t>(mark.pos);
  if (!node.IsScalar()) {
    // An empty value is marked at the next token: go back to the end of its key.
    while (node.IsNull() && at > 0 && (at >= raw_.size() || IsSpace(raw_[at]) || IsSpace(raw_[at - 1]))) --at;
    return at;
  }
  while (at < raw_.size() &&
         (raw_[at] == '!' || raw_[at] == '&')) {  // tags and anchors stand before the value
    while (at < raw_.size() && !IsSpace(raw_[at])) ++at;
    while (at < raw_.size() && IsSpace(raw_[at])) ++at;
  }
  if (at < raw_.size() && (raw_[at] == '"' || raw_[at] == '\'')) return at + 1;
  if (at < raw_.size() && (raw_[at] == '|' || raw_[at] == '>')) {
    while (at < raw_.size() && raw_[at] != '\n') ++at;
    while (at < raw_.size() && IsSpace(raw_[at])) ++at;
  }
  return at;
}

/// For each byte of the value, and for its end: where it stands in the file. Walks both side by side; white
/// space is skipped, because YAML folds and indents it, and escapes of quoted values are several bytes of the
/// file.
std::vector<std::size_t> YamlDocument::RawPositions(const YAML::Node& scalar) const {
  const std::string value = ShowFlowScalars(scalar.Scalar());
  std::size_t at = ContentBegin(scalar);
  const char quote = at > 0 && at <= raw_.size() ? raw_[at - 1] : ' ';
  const auto escaped = [&] { return quote == '"' && at < raw_.size() && raw_[at] == '\\'; };
  std::vector<std::size_t> positions;
  positions.reserve(value.size() + 1);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (IsSpace(value[i]) && !escaped()) {
      positions.push_back(at);
      continue;
    }
    while (at < raw_.size() && IsSpace(raw_[at])) ++at;
    while (escaped() && at + 1 < raw_.size() && raw_[at + 1] == '\n') {  // a line that goes on
      for (++at; at < raw_.size() && IsSpace(raw_[at]);) ++at;
    }
    positions.push_back(at);
    if (escaped()) {
      at += EscapeLength(raw_, at);
      for (; i + 1 < value.size() && IsUtf8Continuation(value[i + 1]); ++i)
        positions.push_back(positions.back());
    } else {
      at += quote == '\'' && at < raw_.size() && raw_[at] == '\'' ? 2 : 1;
    }
  }
  positions.push_back(at);
  return positions;
}

}  // namespace millrace
