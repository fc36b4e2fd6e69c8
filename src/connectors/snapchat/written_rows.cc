#include "connectors/snapchat/written_rows.h"

#include <functional>

namespace millrace {
namespace {

std::uint64_t HashOf(const FeedRecord& record) { return std::hash<std::string>()(*record.value); }

}  // namespace

bool WrittenRows::IsAnother(const FeedRecord& record) const {
  const auto found = hashes_.find(record.key);
  return found == hashes_.end() || found->second != HashOf(record);
}

void WrittenRows::Note(const FeedRecord& record) {
  if (hashes_.size() >= most_ && !hashes_.contains(record.key)) hashes_.clear();
  hashes_[record.key] = HashOf(record);
}

}  // namespace millrace
