#include "golden_row.h"

#include <cctype>
#include <charconv>

namespace millrace {
namespace {

/// One `name=value` of a line.
struct Token {
  std::string name;
  std::string value;  // as written
  bool has_value = false;
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Walks over one line.
class Scanner {
 public:
  explicit Scanner(std::string_view line) : line_(line) {}

  void SkipSpace() {
    while (at_ < line_.size() && line_[at_] == ' ') ++at_;
  }
  bool AtEnd() const { return at_ >= line_.size() || line_[at_] == '#'; }
  std::string Rest() {
    const std::string rest(line_.substr(std::min(at_ + 1, line_.size())));
    at_ = line_.size();
    return rest;
  }

  Result<Token> Next() {
    Token token;
    MR_ASSIGN_OR_RETURN(token.name, Name());
    if (at_ < line_.size() && line_[at_] == '=') {
      ++at_;
      token.has_value = true;
      MR_ASSIGN_OR_RETURN(token.value, Value());
    }
    return token;
  }

 private:
  Result<std::string> Name() {
    if (line_[at_] == '"') {
      MR_ASSIGN_OR_RETURN(const std::string quoted, Quoted());
      return quoted.substr(1, quoted.size() - 2);
    }
    const std::size_t begin = at_;
    while (at_ < line_.size() && line_[at_] != '=' && line_[at_] != ' ') ++at_;
    if (at_ == begin)
      return Status::InvalidArgument("expected name=value at '" + std::string(line_.substr(at_)) + "'");
    return std::string(line_.substr(begin, at_ - begin));
  }

  /// Up to the next space outside quotes and brackets.
  Result<std::string> Value() {
    const std::size_t begin = at_;
    int depth = 0;
    while (at_ < line_.size() && (depth > 0 || line_[at_] != ' ')) {
      const char c = line_[at_];
      if (c == '"') {
        MR_ASSIGN_OR_RETURN([[maybe_unused]] const std::string quoted, Quoted());
        continue;
      }
      if (c == '[' || c == '{') ++depth;
      if (c == ']' || c == '}') --depth;
      ++at_;
    }
    return std::string(line_.substr(begin, at_ - begin));
  }

  Result<std::string> Quoted() {
    const std::size_t begin = at_++;
    while (at_ < line_.size() && line_[at_] != '"') at_ += line_[at_] == '\\' ? 2 : 1;
    if (at_ >= line_.size()) return Status::InvalidArgument("a quote is not closed");
    ++at_;
    return std::string(line_.substr(begin, at_ - begin));
  }

  const std::string_view line_;
  std::size_t at_ = 0;
};

/// True for what stays as it is in JSON: literals, numbers, quoted text, lists and objects.
bool IsJson(std::string_view value) {
  if (value.empty()) return false;
  if (value == "null" || value == "true" || value == "false") return true;
  if (value.front() == '"' || value.front() == '[' || value.front() == '{') return true;
  if (!IsDigit(value.front()) && !(value.size() > 1 && value.front() == '-' && IsDigit(value[1])))
    return false;
  return value.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
}

/// A word, or quoted text with \" and \\ undone.
std::string Unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return std::string(value);
  std::string text;
  for (std::size_t i = 1; i + 1 < value.size(); ++i) {
    if (value[i] == '\\') ++i;
    text += value[i];
  }
  return text;
}

template <typename Int>
Status ReadInt(const Token& token, std::optional<Int>* out) {
  Int value = 0;
  const char* end = token.value.data() + token.value.size();
  const auto [at, error] = std::from_chars(token.value.data(), end, value);
  if (error != std::errc() || at != end) return Status::InvalidArgument(token.name + " needs an integer");
  *out = value;
  return Status::Ok();
}

Result<std::string> FromHex(std::string_view text) {
  std::string bytes;
  int digits = 0;
  unsigned int value = 0;
  for (const char c : text) {
    if (c == ' ') continue;
    const auto* const found = std::string_view("0123456789abcdef").data();
    const std::size_t digit = std::string_view(found, 16).find(c);
    if (digit == std::string_view::npos) return Status::InvalidArgument("@hex needs pairs of 0-9 and a-f");
    value = value * 16 + static_cast<unsigned int>(digit);
    if (++digits % 2 != 0) continue;
    bytes += static_cast<char>(value);
    value = 0;
  }
  if (digits % 2 != 0) return Status::InvalidArgument("@hex needs pairs of digits");
  return bytes;
}

Status ReadMeta(const Token& token, Scanner* scanner, GoldenRow* row) {
  const std::string_view name = std::string_view(token.name).substr(1);
  if (name == "tombstone") {
    row->tombstone = true;
  } else if (name == "raw") {
    row->raw = scanner->Rest();
  } else if (name == "hex") {
    MR_ASSIGN_OR_RETURN(row->raw, FromHex(scanner->Rest()));
  } else if (name == "key") {
    row->has_key = true;
    if (token.value != "null") row->key = Unquoted(token.value);
  } else if (name == "time") {
    return ReadInt(token, &row->time);
  } else if (name == "partition") {
    return ReadInt(token, &row->partition);
  } else if (name == "topic") {
    row->topic = token.value;
  } else if (name.starts_with("header.")) {
    row->headers.emplace_back(name.substr(7), Unquoted(token.value));
  } else {
    return Status::InvalidArgument("there is no " + token.name);
  }
  return Status::Ok();
}

}  // namespace

std::optional<std::string> GoldenRow::Value() const {
  if (tombstone) return std::nullopt;
  if (raw.has_value()) return raw;
  std::string json = "{";
  for (const auto& [name, value] : fields) {
    if (json.size() > 1) json += ',';
    json += '"' + name + "\":" + value;
  }
  return json + "}";
}

Result<GoldenRow> ParseGoldenRow(std::string_view line) {
  GoldenRow row;
  row.text = line;
  Scanner scanner(line);
  for (scanner.SkipSpace(); !scanner.AtEnd(); scanner.SkipSpace()) {
    MR_ASSIGN_OR_RETURN(const Token token, scanner.Next());
    if (token.name.starts_with('@')) {
      MR_RETURN_IF_ERROR(ReadMeta(token, &scanner, &row));
      continue;
    }
    if (!token.has_value) return Status::InvalidArgument("'" + token.name + "' has no value");
    row.fields.emplace_back(token.name, IsJson(token.value) ? token.value : '"' + token.value + '"');
  }
  return row;
}

Result<std::vector<std::pair<std::string, std::string>>> ParseParts(std::string_view line) {
  std::vector<std::pair<std::string, std::string>> parts;
  Scanner scanner(line);
  for (scanner.SkipSpace(); !scanner.AtEnd(); scanner.SkipSpace()) {
    MR_ASSIGN_OR_RETURN(const Token token, scanner.Next());
    if (!token.has_value) return Status::InvalidArgument("'" + token.name + "' has no value");
    parts.emplace_back(token.name, Unquoted(token.value));
  }
  return parts;
}

}  // namespace millrace
