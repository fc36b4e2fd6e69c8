#include "engine/yaml/document.h"

#include <algorithm>
#include <utility>

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

bool IsContinuationByte(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

}  // namespace

Result<YamlDocument> YamlDocument::Parse(std::string file, std::string text, SubstitutionSources sources) {
  YamlDocument document;
  document.file_ = std::move(file);
  document.raw_ = std::move(text);
  document.sources_ = std::move(sources);
  const std::string& raw = document.raw_;
  const auto error = [&](std::size_t position, const std::string& message) {
    return Status::InvalidArgument(document.At(position).ToString() + ": " + message);
  };
  if (raw.size() > kLargestFile) return error(0, "the file is larger than 16 MiB");
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto c = static_cast<unsigned char>(raw[i]);
    if (c < 0x20 && !IsSpace(raw[i])) return error(i, "a control character; is this a text file?");
  }
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
  errors.Add(LocationOf(scalar), text.status().message());
  return "";
}

SourceLocation YamlDocument::LocationOf(const YAML::Node& node) const { return At(ContentBegin(node)); }

SourceLocation YamlDocument::LocationIn(const YAML::Node& scalar, std::size_t position) const {
  const Result<SubstitutedText> text = Substitute(ShowFlowScalars(scalar.Scalar()), sources_);
  return At(RawPosition(scalar, text.ok() ? text->OriginalPosition(position) : 0));
}

SourceLocation YamlDocument::At(std::size_t raw_position) const {
  const std::size_t end = std::min(raw_position, raw_.size());
  SourceLocation location{file_, 1, 1};
  for (std::size_t i = 0; i < end; ++i) {
    if (raw_[i] == '\n') {
      ++location.line;
      location.column = 1;
    } else if (!IsContinuationByte(raw_[i])) {
      ++location.column;
    }
  }
  return location;
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

/// Walks value and file side by side: escapes are several bytes of the file, folded lines one blank of the
/// value.
std::size_t YamlDocument::RawPosition(const YAML::Node& scalar, std::size_t position) const {
  const std::string value = ShowFlowScalars(scalar.Scalar());
  std::size_t at = ContentBegin(scalar);
  const char quote = at > 0 && at <= raw_.size() ? raw_[at - 1] : ' ';
  for (std::size_t i = 0; i < std::min(position, value.size()) && at < raw_.size(); ++i) {
    if (quote == '"' && raw_[at] == '\\') {
      at += EscapeLength(raw_, at);
      while (i + 1 < value.size() && IsContinuationByte(value[i + 1])) ++i;
    } else if (quote == '\'' && raw_[at] == '\'') {
      at += 2;
    } else if (IsSpace(value[i]) && raw_[at] == '\n') {
      while (at < raw_.size() && IsSpace(raw_[at])) ++at;
    } else {
      ++at;
    }
  }
  return at;
}

}  // namespace millrace
