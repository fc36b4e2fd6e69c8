#include "engine/commands/checkpoint_verification.h"

#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "state/store_key.h"

namespace millrace {
namespace {

constexpr Duration kPoll{500};
constexpr int kMostEmptyPolls = 60;  // an open transaction of a process that died ends sooner

/// The changelog as its reader would rebuild it.
struct Folded {
  std::unordered_map<std::string, std::string> rows;
  std::unordered_set<std::string> newer;  // keys written after what the disk has
};

void AddBlock(const RecordBlock& block, Offset on_disk, Folded* folded) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(block.num_records()); ++i) {
    std::string key(block.keys()[i].view());
    const BytesView value = block.values()[i];
    if (block.offsets()[i] >= on_disk.value()) folded->newer.insert(key);
    if (value.is_null()) {
      folded->rows.erase(key);
    } else {
      folded->rows.insert_or_assign(std::move(key), std::string(value.view()));
    }
  }
}

Result<Folded> Fold(const TopicPartition& changelog, std::pair<Offset, Offset> bounds, Offset on_disk,
                    ChangelogReader& reader) {
  Folded folded;
  MR_RETURN_IF_ERROR(reader.Add(changelog, bounds.first));
  int empty_polls = 0;
  while (reader.Position(changelog) < bounds.second) {
    const Offset before = reader.Position(changelog);
    MR_ASSIGN_OR_RETURN(const auto blocks, reader.Poll(kPoll));
    for (const auto& block : blocks) AddBlock(*block, on_disk, &folded);
    empty_polls = reader.Position(changelog) > before ? 0 : empty_polls + 1;
    if (empty_polls >= kMostEmptyPolls) {
      return Status::Timeout(changelog.ToString() + " cannot be read to its end; is a transaction open?");
    }
  }
  MR_RETURN_IF_ERROR(reader.Remove(changelog));
  return folded;
}

void Note(const std::string& key, std::int64_t* count, VerifiedTable* found) {
  ++*count;
  if (found->first_key.empty()) found->first_key = key;
}

}  // namespace

Result<VerifiedTable> VerifyTable(StoredState& state, const StoredState::Table& table,
                                  const TopicPartition& changelog, const std::string& topic_id,
                                  ChangelogReader& reader) {
  MR_ASSIGN_OR_RETURN(const auto bounds, reader.Bounds(changelog));
  VerifiedTable found;
  found.end = bounds.second;
  found.offset = table.changelog_offset.value_or(bounds.first);
  if (table.changelog_offset.has_value() && !table.changelog_id.empty() && table.changelog_id != topic_id) {
    found.problem = "it belongs to a topic that was deleted and made again";
  } else if (found.offset < bounds.first || found.offset > bounds.second) {
    found.problem = "its offset is outside of the changelog, which goes from " +
                    std::to_string(bounds.first.value()) + " to " + std::to_string(bounds.second.value());
  }
  if (!found.problem.empty()) return found;
  MR_ASSIGN_OR_RETURN(Folded folded, Fold(changelog, bounds, found.offset, reader));
  const auto compare = [&](std::int64_t slice, std::string_view key, std::string_view row) {
    ++found.rows;
    std::string changelog_key;
    AppendSlice(slice, &changelog_key);
    changelog_key.append(key);
    if (folded.newer.contains(changelog_key)) return Status::Ok();  // a restore would replace it
    const auto wanted = folded.rows.find(changelog_key);
    if (wanted == folded.rows.end()) {
      Note(changelog_key, &found.extra, &found);
    } else {
      if (wanted->second != row) Note(changelog_key, &found.different, &found);
      folded.rows.erase(wanted);
    }
    return Status::Ok();
  };
  MR_RETURN_IF_ERROR(state.Scan(table.name, compare));
  for (const auto& [key, row] : folded.rows) {
    if (!folded.newer.contains(key)) Note(key, &found.missing, &found);
  }
  return found;
}

}  // namespace millrace
