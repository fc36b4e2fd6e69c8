#include <cstring>

#include "codec/json/json_number.h"
#include "codec/json/json_parser.h"

// The part of Parser that checks values without keeping them, and its messages.

namespace millrace::json {
namespace {

/// `text` for a message: printable ASCII, at most 40 bytes.
std::string Shown(std::string_view text) {
  constexpr std::size_t kMax = 40;
  std::string out;
  for (const char c : text.substr(0, kMax)) out.push_back(c >= ' ' && c <= '~' ? c : '?');
  if (text.size() > kMax) out.append("...");
  return out;
}

}  // namespace

const char* Parser::Skip(const char* p, int depth) {
  switch (*p) {
    case '"':
      return SkipString(p);
    case '{':
      return SkipObject(p, depth);
    case '[':
      return SkipList(p, depth);
    case 't':
      if (std::memcmp(p, "true", 4) == 0) return p + 4;
      break;
    case 'f':
      if (std::memcmp(p, "false", 5) == 0) return p + 5;
      break;
    case 'n':
      if (std::memcmp(p, "null", 4) == 0) return p + 4;
      break;
    default: {
      bool integer = false;
      if (const char* after = ScanNumber(p, end_, &integer); after != nullptr) return after;
    }
  }
  return Syntax(p, "a JSON value");
}

const char* Parser::SkipString(const char* p) {
  const char* stop = SkipPlain(p + 1, end_);
  if (stop < end_ && *stop == '"') return stop + 1;
  const RawString raw = ScanString(p + 1, end_);
  if (raw.close == nullptr) return StringFailure(p, raw.fault);
  const StringFault fault = raw.escaped ? CheckEscapes(raw.view()) : StringFault::kNone;
  return fault == StringFault::kNone ? raw.close + 1 : StringFailure(p, fault);
}

const char* Parser::SkipObject(const char* p, int depth) {
  if (depth >= options_.max_depth) return TooDeep(p);
  p = SkipSpace(p + 1);
  bool more = *p != '}';
  while (more) {
    if (*p != '"') return Syntax(p, "a key in quotes");
    p = SkipString(p);
    if (p == nullptr) return nullptr;
    p = SkipSpace(p);
    if (*p != ':') return Syntax(p, "':' after a key");
    p = Skip(SkipSpace(p + 1), depth + 1);
    if (p == nullptr) return nullptr;
    p = NextElement(p, '}', &more);
    if (p == nullptr) return nullptr;
  }
  return p + 1 == end_ ? Syntax(end_, "',' or '}'") : p + 1;
}

const char* Parser::SkipList(const char* p, int depth) {
  if (depth >= options_.max_depth) return TooDeep(p);
  p = SkipSpace(p + 1);
  bool more = *p != ']';
  while (more) {
    p = Skip(p, depth + 1);
    if (p == nullptr) return nullptr;
    p = NextElement(p, ']', &more);
    if (p == nullptr) return nullptr;
  }
  return p + 1;
}

/// What makes a record no object before its fields are looked at. True when the record may be parsed.
bool Parser::CheckEnvelope(std::string_view record) {
  if (record.empty()) {
    Fail(nullptr, "decode", "the value is empty; a JSON object was expected");
  } else if (record.starts_with("\xEF\xBB\xBF")) {
    Fail(nullptr, "decode", "the value begins with a byte order mark, which JSON does not allow");
  } else if (record.starts_with("\xFF\xFE") || record.starts_with("\xFE\xFF") ||
             record.substr(0, 2).find('\0') != std::string_view::npos) {
    Fail(nullptr, "decode", "the value looks like UTF-16 or binary data; JSON is UTF-8");
  } else {
    const std::size_t first = record.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || record[first] != '{') {
      Fail(nullptr, "decode", "the value is no JSON object: it begins with '" + Shown(record) + "'");
    } else if (record.back() != '}') {
      Fail(nullptr, "decode",
           "the JSON object is cut off or followed by something else: the value ends with '" +
               Shown(record.substr(record.size() < 20 ? 0 : record.size() - 20)) + "'");
    } else {
      return true;
    }
  }
  return false;
}

const char* Parser::Fail(const Column* column, std::string_view error_class, std::string text) {
  error_class_ = error_class;
  message_ =
      column == nullptr || column->path.empty() ? std::move(text) : "column '" + column->path + "': " + text;
  return nullptr;
}

const char* Parser::Syntax(const char* p, std::string_view expected) {
  std::string text =
      "bad JSON at byte " + std::to_string(p - begin_) + ": expected " + std::string(expected) + ", found ";
  const auto left = static_cast<std::size_t>(end_ - p);
  text += p >= end_ ? "the end" : "'" + Shown({p, left < 12 ? left : 12}) + "'";
  return Fail(context_, "decode", std::move(text));
}

const char* Parser::StringFailure(const char* p, StringFault fault) {
  return Fail(context_, "decode",
              "bad JSON at byte " + std::to_string(p - begin_) + ": " + std::string(StringFaultText(fault)));
}

const char* Parser::TooDeep(const char* p) {
  return Fail(context_, "decode",
              "nested deeper than " + std::to_string(options_.max_depth) + " levels at byte " +
                  std::to_string(p - begin_));
}

const char* Parser::Mismatch(const Column& column, const char* p) {
  context_ = &column;
  std::string found;
  if (*p == '{') {
    found = "object";
  } else if (*p == '[') {
    found = "array";
  } else if (std::memchr("}],:", *p, 4) != nullptr) {
    return Syntax(p, "a JSON value");
  } else {
    const char* after = p;
    if (*p == '"') {
      after = SkipString(p);
      if (after == nullptr) return nullptr;
      found = "string ";
    } else {
      bool integer = false;
      const char* number = ScanNumber(p, end_, &integer);
      found = number == nullptr ? "" : "number ";
      while (after < end_ && std::memchr(" \t\r\n,}]:", *after, 8) == nullptr) ++after;
    }
    found += Shown({p, static_cast<std::size_t>(after - p)});
  }
  return Fail(&column, "decode", "expected " + column.type_text + ", found " + found);
}

const char* Parser::OutOfRange(const Column& column, const char* p) {
  const char* after = p;
  while (after < end_ && std::memchr(" \t\r\n,}]:", *after, 8) == nullptr) ++after;
  return Fail(
      &column, "decode",
      "the number " + Shown({p, static_cast<std::size_t>(after - p)}) + " is beyond " + column.type_text);
}

}  // namespace millrace::json
