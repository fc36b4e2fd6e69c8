#include "codec/json/json_string.h"

#include <simdjson.h>

#include <cstring>

namespace millrace::json {
namespace {

/// The value of four hex digits, or -1.
int ReadHex4(const char* p, const char* end) {
  if (end - p < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    int digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = (c | 0x20) - 'a' + 10;
    } else {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

char* WriteUtf8(int code, char* to) {
  const auto put = [&to](int byte) { *to++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
  return to;
}

/// What the one-letter escape `c` stands for, or 0.
char SimpleEscape(char c) {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '/':
      return '/';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

/// Reads the escape whose backslash is at `p`; sets its code point. Returns what follows, or null with a
/// fault.
const char* ReadEscape(const char* p, const char* end, int* code, StringFault* fault) {
  *fault = StringFault::kEscape;
  if (end - p < 2) return nullptr;
  if (const char simple = SimpleEscape(p[1]); simple != 0) {
    *code = simple;
    *fault = StringFault::kNone;
    return p + 2;
  }
  *code = p[1] == 'u' ? ReadHex4(p + 2, end) : -1;
  if (*code < 0) return nullptr;
  p += 6;
  if (*code >= 0xD800 && *code < 0xE000) {
    *fault = StringFault::kSurrogate;
    if (*code >= 0xDC00 || end - p < 6 || p[0] != '\\' || p[1] != 'u') return nullptr;
    const int low = ReadHex4(p + 2, end);
    if (low < 0xDC00 || low >= 0xE000) return nullptr;
    *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    p += 6;
  }
  *fault = StringFault::kNone;
  return p;
}

}  // namespace

std::string_view StringFaultText(StringFault fault) {
  switch (fault) {
    case StringFault::kUnterminated:
      return "a string that does not end";
    case StringFault::kControlCharacter:
      return "an unescaped control character in a string";
    case StringFault::kEscape:
      return "a bad escape in a string";
    case StringFault::kSurrogate:
      return "a lone surrogate in a \\u escape";
    case StringFault::kUtf8:
      return "a string that is not UTF-8";
    case StringFault::kNone:
      break;
  }
  return "a bad string";
}

RawString ScanString(const char* p, const char* end) {
  RawString raw{.begin = p};
  bool ascii = true;
  while (true) {
    p = SkipPlain(p, end);
    if (p >= end) break;
    if (*p == '"') {
      raw.close = p;
      if (!ascii && !IsUtf8(raw.view())) {
        raw.close = nullptr;
        raw.fault = StringFault::kUtf8;
      }
      return raw;
    }
    if (*p == '\\') {
      raw.escaped = true;
      p += 2;
    } else if (static_cast<unsigned char>(*p) < 0x20) {
      raw.fault = StringFault::kControlCharacter;
      return raw;
    } else {
      ascii = false;
      ++p;
      while (p<end&& static_cast<unsigned char>(*p)> 0x7F) ++p;
    }
  }
  raw.fault = StringFault::kUnterminated;
  return raw;
}

std::int64_t Unescape(std::string_view raw, char* to, StringFault* fault) {
  const char* p = raw.data();
  const char* end = p + raw.size();
  char* const start = to;
  *fault = StringFault::kNone;
  while (p < end) {
    const void* found = std::memchr(p, '\\', static_cast<std::size_t>(end - p));
    const char* stop = found == nullptr ? end : static_cast<const char*>(found);
    std::memcpy(to, p, static_cast<std::size_t>(stop - p));
    to += stop - p;
    if (stop == end) break;
    int code = 0;
    p = ReadEscape(stop, end, &code, fault);
    if (p == nullptr) return 0;
    to = WriteUtf8(code, to);
  }
  return to - start;
}

StringFault CheckEscapes(std::string_view raw) {
  const char* p = raw.data();
  const char* end = p + raw.size();
  StringFault fault = StringFault::kNone;
  while (p < end) {
    const void* found = std::memchr(p, '\\', static_cast<std::size_t>(end - p));
    if (found == nullptr) break;
    int code = 0;
    p = ReadEscape(static_cast<const char*>(found), end, &code, &fault);
    if (p == nullptr) return fault;
  }
  return StringFault::kNone;
}

bool IsUtf8(std::string_view bytes) { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

}  // namespace millrace::json
