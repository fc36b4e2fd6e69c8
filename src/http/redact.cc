#include "http/redact.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace millrace {
namespace {

constexpr std::string_view kRedacted = "<redacted>";

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool IsUnreserved(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
}

/// Characters of a name before '=' or ':'.
bool IsNameByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
}

/// End of an unquoted value that begins at `begin`.
std::size_t ValueEnd(std::string_view text, std::size_t begin) {
  return std::min(text.find_first_of("&#\"'<> \t\r\n", begin), text.size());
}

/// End of the JSON string whose first byte is at `begin`, before its closing quote.
std::size_t StringEnd(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  return std::min(end, text.size());
}

std::size_t SkipSpaces(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  return at;
}

/// Where the value of a name that ends at `end` begins: after "=", ":" or "\":". npos when it has none.
std::size_t ValueBegin(std::string_view text, std::size_t end) {
  const bool quoted = end < text.size() && text[end] == '"';
  std::size_t at = quoted ? SkipSpaces(text, end + 1) : end;
  if (at >= text.size() || (text[at] != ':' && (quoted || text[at] != '='))) return std::string_view::npos;
  return text[at] == '=' ? at + 1 : SkipSpaces(text, at + 1);
}

/// Replaces values of fields with a secret's name.
std::string WithoutFields(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = at;
    while (end < text.size() && IsNameByte(text[end])) ++end;
    if (end == at) {
      out += text[at++];
      continue;
    }
    const std::string_view name = text.substr(at, end - at);
    const std::size_t value = ValueBegin(text, end);
    if (value == std::string_view::npos || value >= text.size() || !IsSecretField(name)) {
      out.append(name);
      at = end;
      continue;
    }
    const bool quoted = text[value] == '"';
    const std::size_t first = quoted ? value + 1 : value;
    // The header's value has spaces in it: a scheme, then what it is about.
    const bool line = Lower(name).ends_with("authorization");
    const std::size_t last = quoted ? StringEnd(text, first)
                             : line ? std::min(text.find_first_of("\r\n\"'", first), text.size())
                                    : ValueEnd(text, first);
    out.append(text.substr(at, first - at));
    if (last > first) out.append(kRedacted);
    at = last;
  }
  return out;
}

/// Shorter words after "bearer" and "basic" are language.
constexpr std::size_t kMinCredentials = 8;

/// Replaces what follows `scheme` and a space, in any case of its letters.
void RemoveCredentials(std::string_view scheme, std::string* text) {
  std::string lower = Lower(*text);
  for (std::size_t at = lower.find(scheme); at != std::string::npos; at = lower.find(scheme, at)) {
    const std::size_t begin = at + scheme.size();
    at = begin;
    const std::size_t end = ValueEnd(*text, begin);
    if (end - begin < kMinCredentials || text->compare(begin, kRedacted.size(), kRedacted) == 0) continue;
    text->replace(begin, end - begin, kRedacted);
    lower = Lower(*text);
  }
}

/// "https://user:password@host" without what is before the "@".
void RemoveUserInfo(std::string* text) {
  for (std::size_t at = text->find("://"); at != std::string::npos; at = text->find("://", at)) {
    at += 3;
    const std::size_t end = std::min(text->find_first_of("/?# \t\r\n\"'", at), text->size());
    const std::size_t sign = text->rfind('@', end);
    if (sign == std::string::npos || sign < at || sign >= end) continue;
    text->replace(at, sign - at, kRedacted);
  }
}

void RemoveAll(const std::string& secret, std::string* text) {
  for (std::size_t at = text->find(secret); at != std::string::npos; at = text->find(secret, at)) {
    text->replace(at, secret.size(), kRedacted);
    at += kRedacted.size();
  }
}

}  // namespace

bool IsSecretField(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kParts = {"token",  "secret",    "password",     "passwd",
                                                             "apikey", "signature", "authorization"};
  static constexpr std::array<std::string_view, 5> kNames = {"code", "key", "sig", "api-key", "assertion"};
  std::string lower = Lower(name);
  if (std::find(kNames.begin(), kNames.end(), lower) != kNames.end()) return true;
  lower.erase(std::remove(lower.begin(), lower.end(), '_'), lower.end());
  lower.erase(std::remove(lower.begin(), lower.end(), '-'), lower.end());
  return lower != "tokentype" && lower != "tokenurl" &&
         std::any_of(kParts.begin(), kParts.end(),
                     [&](std::string_view part) { return lower.find(part) != std::string::npos; });
}

std::string PercentEncoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

Redactor::Redactor(const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    if (secret.size() < kMinSecret) continue;
    const std::string encoded = PercentEncoded(secret);
    secrets_.push_back(secret);
    if (encoded != secret) secrets_.push_back(encoded);
  }
  std::sort(secrets_.begin(), secrets_.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string Redactor::operator()(std::string_view text) const {
  std::string out(text);
  for (const std::string& secret : secrets_) RemoveAll(secret, &out);
  RemoveUserInfo(&out);
  RemoveCredentials("bearer ", &out);
  RemoveCredentials("basic ", &out);
  return WithoutFields(out);
}

std::string Redactor::Excerpt(std::string_view text, std::size_t most_bytes) const {
  constexpr std::size_t kMostLookedAt = 64 << 10;  // far beyond what is shown, also where secrets shrink it
  std::string out = (*this)(text.substr(0, std::max(kMostLookedAt, 2 * most_bytes)));
  if (out.size() <= most_bytes) return out;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; };
  while (most_bytes > 0 && continues(out[most_bytes])) --most_bytes;
  out.resize(most_bytes);
  return out + "...";
}

}  // namespace millrace
