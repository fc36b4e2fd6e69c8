#include "engine/yaml/flow_scalars.h"

#include <cctype>
#include <cstddef>
#include <vector>

namespace millrace {
namespace {

constexpr std::string_view kHidden = "[]{},:'\"#";
constexpr char kFirstPlaceholder = 0x0e;  // 0x0e..0x16: no meaning in YAML or in yaml-cpp

bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsBreak(char c) { return c == '\n' || c == '\r'; }

/// Walks over YAML text just closely enough to know where flow collections and their plain scalars are.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : out_(text) {}

  std::string Run() {
    while (at_ < out_.size()) {
      if (flow_depth_ > 0) {
        FlowToken();
      } else {
        BlockToken();
      }
    }
    return std::move(out_);
  }

 private:
  char Peek(std::size_t ahead = 0) const { return at_ + ahead < out_.size() ? out_[at_ + ahead] : '\n'; }
  bool AfterBlank() const { return at_ == 0 || IsBlank(out_[at_ - 1]) || IsBreak(out_[at_ - 1]); }

  void SkipLine() {
    while (at_ < out_.size() && !IsBreak(out_[at_])) ++at_;
  }

  /// Indentation of the line that holds `at_`; a "- " counts as indentation.
  std::size_t Indentation() const {
    std::size_t begin = at_;
    while (begin > 0 && !IsBreak(out_[begin - 1])) --begin;
    std::size_t indent = 0;
    while (begin + indent < out_.size() && out_[begin + indent] == ' ') ++indent;
    return indent;
  }

  void SkipQuoted() {
    const char quote = out_[at_++];
    while (at_ < out_.size() && out_[at_] != quote) at_ += quote == '"' && out_[at_] == '\\' ? 2 : 1;
    ++at_;
  }

  /// The lines of a block scalar are those indented more than the line that announced it.
  void SkipBlockScalar() {
    const std::size_t parent = Indentation();
    SkipLine();
    while (at_ < out_.size()) {
      std::size_t line = at_;
      while (line < out_.size() && IsBreak(out_[line])) ++line;
      std::size_t indent = 0;
      while (line + indent < out_.size() && out_[line + indent] == ' ') ++indent;
      if (line >= out_.size() || indent <= parent) return;
      at_ = line + indent;
      SkipLine();
    }
  }

  /// In block context: whitespace, an indicator, or one whole key or value.
  void BlockToken() {
    const char c = Peek();
    if (IsBlank(c) || IsBreak(c)) {
      ++at_;
    } else if (c == '#' && AfterBlank()) {
      SkipLine();
    } else if ((c == '-' || c == '?' || c == ':') && (IsBlank(Peek(1)) || IsBreak(Peek(1)))) {
      ++at_;
    } else if (c == '[' || c == '{') {
      ++flow_depth_;
      ++at_;
    } else if (c == '"' || c == '\'') {
      SkipQuoted();
    } else if (c == '|' || c == '>') {
      SkipBlockScalar();
    } else if (c == '&' || c == '!' || c == '*') {
      while (at_ < out_.size() && !IsBlank(out_[at_]) && !IsBreak(out_[at_])) ++at_;
    } else {
      BlockPlain();
    }
  }

  void BlockPlain() {
    while (at_ < out_.size() && !IsBreak(out_[at_])) {
      if (out_[at_] == ':' && (IsBlank(Peek(1)) || IsBreak(Peek(1)))) return;
      if (out_[at_] == '#' && AfterBlank()) return;
      ++at_;
    }
  }

  void FlowToken() {
    const char c = Peek();
    if (c == '#' && AfterBlank()) {
      SkipLine();
    } else if (c == '[' || c == '{') {
      ++flow_depth_;
      ++at_;
    } else if (c == ']' || c == '}') {
      --flow_depth_;
      ++at_;
    } else if (IsBlank(c) || IsBreak(c) || c == ',' || c == ':') {
      ++at_;
    } else if (c == '"' || c == '\'') {
      SkipQuoted();
    } else {
      FlowPlain();
    }
  }

  /// A plain scalar of a flow collection: hides what stands inside its own brackets and quotes.
  void FlowPlain() {
    const std::size_t begin = at_;
    while (at_ < out_.size() && !IsPlainEnd(out_[at_])) {
      const std::size_t end = CloserOf(at_, begin) != 0 ? GroupEnd(begin) : 0;
      if (end == 0) {
        ++at_;
      } else {
        for (; at_ < end; ++at_) Hide();
      }
    }
  }

  /// The closer of a bracket or quote that opens at `at` in the scalar that began at `begin`; 0 when none
  /// opens.
  char CloserOf(std::size_t at, std::size_t begin) const {
    const char c = out_[at];
    if (c == '(') return ')';
    if (c == '[' && at > begin) return ']';
    const bool in_word = at > begin && std::isalnum(static_cast<unsigned char>(out_[at - 1])) != 0;
    if (c == '\'' || c == '"') return in_word ? '\0' : c;  // not the apostrophe of "it's"
    if (c != '<') return 0;
    const std::string_view before = std::string_view(out_).substr(begin, at - begin);
    return before.ends_with("struct") || before.ends_with("list") || before.ends_with("map") ? '>' : '\0';
  }

  /// The position after the group that opens at at_, or 0 when it does not close on its line.
  std::size_t GroupEnd(std::size_t begin) const {
    std::vector<char> closers;
    for (std::size_t at = at_; at < out_.size() && !IsBreak(out_[at]); ++at) {
      const bool quoted = !closers.empty() && (closers.back() == '\'' || closers.back() == '"');
      if (!closers.empty() && out_[at] == closers.back()) {
        closers.pop_back();
        if (closers.empty()) return at + 1;
      } else if (const char closer = quoted ? '\0' : CloserOf(at, begin); closer != 0) {
        closers.push_back(closer);
      }
    }
    return 0;
  }

  bool IsPlainEnd(char c) const {
    if (c == ',' || c == ']' || c == '}' || c == '{' || IsBreak(c)) return true;
    if (c == ':')
      return IsBlank(Peek(1)) || IsBreak(Peek(1)) || Peek(1) == ',' || Peek(1) == '}' || Peek(1) == ']';
    return c == '#' && AfterBlank();
  }

  void Hide() {
    if (const std::size_t i = kHidden.find(out_[at_]); i != std::string_view::npos) {
      out_[at_] = static_cast<char>(kFirstPlaceholder + static_cast<char>(i));
    }
  }

  std::string out_;
  std::size_t at_ = 0;
  int flow_depth_ = 0;
};

}  // namespace

std::string HideFlowScalars(std::string_view text) { return Scanner(text).Run(); }

std::string ShowFlowScalars(std::string_view scalar) {
  std::string out(scalar);
  for (char& c : out) {
    if (IsFlowPlaceholder(c)) c = kHidden[static_cast<std::size_t>(c - kFirstPlaceholder)];
  }
  return out;
}

bool IsFlowPlaceholder(char c) {
  return c >= kFirstPlaceholder && c < kFirstPlaceholder + static_cast<char>(kHidden.size());
}

}  // namespace millrace
