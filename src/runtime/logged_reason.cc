#include "runtime/logged_reason.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace millrace {
namespace {

constexpr std::size_t kMostDigits = 4;  // of what is no value: an error code, a bound

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string Left(std::size_t bytes) { return "<text of " + std::to_string(bytes) + " bytes>"; }

class Reader {
 public:
  explicit Reader(std::string_view reason) : reason_(reason) {}

  std::string Read() {
    while (at_ < reason_.size()) {
      const char c = reason_[at_];
      const bool begins = at_ == 0 || !IsWord(reason_[at_ - 1]);
      if ((c == '\'' || c == '"') && begins) {
        Quoted(c);
      } else if (begins && reason_.substr(at_).starts_with("found ")) {
        Found();
      } else if (IsDigit(c) && begins) {
        Number();
      } else if (begins && c != ' ') {
        Word();
      } else {
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  /// A value may have quotes of its own, so it reaches to the last one of the reason; the end may be cut off.
  void Quoted(char quote) {
    const bool name = out_.ends_with("column ") || out_.ends_with("columns ") || out_.ends_with("field ");
    const std::size_t last = name ? reason_.find(quote, at_ + 1) : reason_.rfind(quote);
    const bool closed = last != std::string_view::npos && last > at_;
    const std::size_t end = closed ? last : reason_.size();
    const std::size_t length = end - at_ - 1;
    if (name && closed) {
      out_ += reason_.substr(at_, length + 2);
    } else {
      out_ += Left(length);
    }
    at_ = closed ? end + 1 : end;
  }

  /// "found number 12": the kind stays, and what is neither a kind nor in quotes is a piece of the record.
  void Found() {
    constexpr std::array<std::string_view, 5> kKinds = {"string", "number", "object", "array", "the end"};
    out_ += "found ";
    at_ += std::string_view("found ").size();
    const std::string_view rest = reason_.substr(at_);
    if (rest.starts_with('\'') || rest.starts_with('"')) return;
    const auto* const kind = std::find_if(kKinds.begin(), kKinds.end(),
                                          [rest](std::string_view known) { return rest.starts_with(known); });
    if (kind == kKinds.end()) {
      out_ += Left(rest.size());
      at_ = reason_.size();
      return;
    }
    out_ += *kind;
    at_ += kind->size();
  }

  void Number() {
    const std::size_t begin = at_;
    while (at_ < reason_.size() && (IsWord(reason_[at_]) || reason_[at_] == '.')) ++at_;
    const std::string_view number = reason_.substr(begin, at_ - begin);
    const auto digits = static_cast<std::size_t>(std::count_if(number.begin(), number.end(), IsDigit));
    out_ += digits > kMostDigits ? "<" + std::to_string(digits) + " digits>" : std::string(number);
  }

  void Word() {
    const std::size_t begin = at_;
    while (at_ < reason_.size() && (IsWord(reason_[at_]) || at_ == begin)) ++at_;
    const std::size_t blank = std::min(reason_.find(' ', begin), reason_.size());
    if (reason_.substr(begin, blank - begin).find('@') != std::string_view::npos) {
      out_ += Left(blank - begin);
      at_ = blank;
    } else {
      out_ += reason_.substr(begin, at_ - begin);
    }
  }

  const std::string_view reason_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string LoggedReason(std::string_view reason) { return Reader(reason).Read(); }

}  // namespace millrace
