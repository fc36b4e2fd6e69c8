#include "engine/yaml/substitution.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace millrace {
namespace {

bool IsVariableName(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) return false;
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

Result<std::string> FileContent(std::string_view path, const SubstitutionSources& sources) {
  const std::string name(path);
  if (name.empty())
    return Status::InvalidArgument("${file:} needs a path, as in ${file:/run/secrets/password}");
  if (!sources.read_file) return Status::InvalidArgument("${file:" + name + "} cannot be read here");
  Result<std::string> content = sources.read_file(name);
  if (!content.ok()) return std::move(content).WithContext("${file:" + name + "}");
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  return content;
}

/// Value of what stands between "${" and "}".
Result<std::string> Resolve(std::string_view reference, const SubstitutionSources& sources) {
  if (reference.starts_with("file:")) return FileContent(reference.substr(5), sources);
  const std::size_t dash = reference.find(":-");
  const std::string name(reference.substr(0, dash));
  if (!IsVariableName(name)) {
    return Status::InvalidArgument(
        "${" + std::string(reference) +
        "} is no reference; write ${VAR}, ${VAR:-default}, ${file:PATH}, or $${ for a plain ${");
  }
  const std::optional<std::string> value = sources.variable ? sources.variable(name) : std::nullopt;
  if (value && !(value->empty() && dash != std::string_view::npos)) return *value;
  if (dash != std::string_view::npos) return std::string(reference.substr(dash + 2));
  return Status::InvalidArgument("environment variable " + name + " is not set; set it, or write ${" + name +
                                 ":-default}");
}

}  // namespace

std::size_t SubstitutedText::OriginalPosition(std::size_t position) const {
  const auto after = std::upper_bound(pieces.begin(), pieces.end(), position,
                                      [](std::size_t p, const Piece& piece) { return p < piece.to; });
  if (after == pieces.begin()) return position;
  const Piece& piece = *std::prev(after);
  return piece.replaced ? piece.from : piece.from + (position - piece.to);
}

Result<SubstitutedText> Substitute(std::string_view text, const SubstitutionSources& sources) {
  SubstitutedText out;
  std::size_t at = 0;
  while (true) {
    const std::size_t dollar = text.find("${", at);
    out.pieces.push_back({out.text.size(), at, false});
    if (dollar == std::string_view::npos) break;
    if (dollar > at && text[dollar - 1] == '$') {
      out.text += text.substr(at, dollar - 1 - at);
      out.pieces.push_back({out.text.size(), dollar, false});
      out.text += "${";
      at = dollar + 2;
      continue;
    }
    const std::size_t close = text.find('}', dollar);
    if (close == std::string_view::npos) return Status::InvalidArgument("'${' without its '}'");
    if (text.substr(dollar + 2, close - dollar - 2).find("${") != std::string_view::npos) {
      return Status::InvalidArgument("'" + std::string(text.substr(dollar, close - dollar + 1)) +
                                     "': a default is plain text, with no ${} inside");
    }
    out.text += text.substr(at, dollar - at);
    MR_ASSIGN_OR_RETURN(const std::string value,
                        Resolve(text.substr(dollar + 2, close - dollar - 2), sources));
    out.pieces.push_back({out.text.size(), dollar, true});
    out.text += value;
    at = close + 1;
  }
  out.text += text.substr(at);
  return out;
}

std::string_view OnlyFile(std::string_view text) {
  constexpr std::string_view kBegin = "${file:";
  if (!text.starts_with(kBegin) || text.find('}') != text.size() - 1) return "";
  return text.substr(kBegin.size(), text.size() - 1 - kBegin.size());
}

}  // namespace millrace
