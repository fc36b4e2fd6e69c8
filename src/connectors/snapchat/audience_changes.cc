#include "connectors/snapchat/audience_changes.h"

#include <optional>

namespace millrace {
namespace {

/// -1 for what is no hexadecimal digit.
constexpr int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<AudienceChanges::Digest> Read(std::string_view sha256) {
  AudienceChanges::Digest digest;
  if (sha256.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = DigitOf(sha256[2 * i]);
    const int low = DigitOf(sha256[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<char>(high * 16 + low);
  }
  return digest;
}

}  // namespace

bool AudienceChanges::Put(std::string_view sha256, AudienceAction action, std::int64_t row) {
  const auto digest = Read(sha256);
  if (!digest) return false;
  const auto [found, added] = index_.emplace(*digest, changes_.size());
  if (added) changes_.push_back({.digest = *digest});
  Change& change = changes_[found->second];
  change.action = action;
  change.row = row;
  return true;
}

void AudienceChanges::Clear() {
  changes_.clear();
  index_.clear();
}

}  // namespace millrace
