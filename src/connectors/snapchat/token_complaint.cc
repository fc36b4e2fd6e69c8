#include "connectors/snapchat/token_complaint.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace millrace {
namespace {

/// What may stand before the sentence: "error: ...".
constexpr std::array<std::string_view, 10> kIntroductions = {
    "authentication", "authorization", "denied",          "error",        "failed",
    "failure",        "request",       "unauthenticated", "unauthorized", "oauth"};
constexpr std::array<std::string_view, 7> kTroubles = {"expired", "invalid", "missing", "not",
                                                       "revoked", "unknown", "wrong"};
constexpr std::array<std::string_view, 17> kOthers = {
    "a",  "access", "already",  "an",  "been",  "bearer", "has",  "is",      "it",
    "no", "or",     "provided", "the", "valid", "was",    "your", "supplied"};
constexpr std::string_view kToken = "token";

template <typename Words>
bool Has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// The words before the first sign that is none of a word, in lower case; the sentence goes on behind it.
std::vector<std::string> TakeClause(std::string_view* sentence) {
  std::vector<std::string> words(1);
  while (!sentence->empty()) {
    const char c = sentence->front();
    sentence->remove_prefix(1);
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower >= 'a' && lower <= 'z') {
      words.back() += lower;
    } else if (c == ' ' || c == '_' || c == '-') {
      if (!words.back().empty()) words.emplace_back();
    } else {
      break;
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

}  // namespace

bool IsAboutToken(std::string_view sentence) {
  for (;;) {
    const std::vector<std::string> clause = TakeClause(&sentence);
    if (clause.empty()) return false;
    const auto is_introduction = [](const std::string& word) { return Has(kIntroductions, word); };
    if (std::all_of(clause.begin(), clause.end(), is_introduction)) continue;
    const auto is_trouble = [](const std::string& word) { return Has(kTroubles, word); };
    return Has(clause, kToken) && std::any_of(clause.begin(), clause.end(), is_trouble) &&
           std::all_of(clause.begin(), clause.end(), [&](const std::string& word) {
             return word == kToken || is_trouble(word) || is_introduction(word) || Has(kOthers, word);
           });
  }
}

}  // namespace millrace
