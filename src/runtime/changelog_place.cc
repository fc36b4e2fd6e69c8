#include "runtime/changelog_place.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"

namespace millrace {
namespace {

constexpr std::int64_t kDefaultDeleteRetentionMs = 86'400'000;  // Kafka's

/// How long the log keeps tombstones.
std::int64_t DeleteRetentionMs(const TopicDescription& topic) {
  const auto found = topic.config.find("delete.retention.ms");
  if (found == topic.config.end()) return kDefaultDeleteRetentionMs;
  std::int64_t retention = kDefaultDeleteRetentionMs;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), retention);
  return error == std::errc() && end == text.data() + text.size() ? retention : kDefaultDeleteRetentionMs;
}

/// Whether what the disk has of it may be built on; says why not.
bool IsTrusted(const ChangelogPlace& place, const StateStore& store, const Clock& clock,
               std::int64_t delete_retention_ms) {
  const std::optional<Offset> from = store.ChangelogOffset(place.table);
  if (!from.has_value()) return true;  // nothing is on disk
  const std::string known_id = store.ChangelogId(place.table);
  const bool other_topic = !known_id.empty() && known_id != place.changelog_id;
  if (*from < place.first || *from > place.end || other_topic) {
    Log(LogLevel::kWarning, "state on disk does not match its changelog; it is rebuilt",
        {{"changelog", place.changelog.ToString()},
         {"state_offset", from->value()},
         {"first", place.first.value()},
         {"end", place.end.value()}});
    return false;
  }
  const std::optional<EventTime> written = store.LastCommitted();
  const std::int64_t age_ms = written.has_value() ? clock.Now().value() - written->value() : 0;
  // Rows whose tombstones the log has forgotten would stay for ever. Half: the rest is for the reading.
  if (age_ms <= delete_retention_ms / 2) return true;
  Log(LogLevel::kWarning, "state on disk is older than the changelog keeps tombstones; it is rebuilt",
      {{"changelog", place.changelog.ToString()},
       {"age_s", age_ms / 1000},
       {"delete_retention_ms", delete_retention_ms}});
  return false;
}

}  // namespace

std::vector<std::pair<std::string, TopicPartition>> ChangelogsOf(const SubTopology& sub,
                                                                 Partition partition) {
  std::vector<std::pair<std::string, TopicPartition>> out;
  for (const TableSpec& table : sub.tables)
    out.emplace_back(table.table, TopicPartition{table.changelog_topic, partition});
  return out;
}

Status ApplyChangelog(const RecordBlock& block, StateStore& store, ChangelogPlace* place) {
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> entries;
  entries.reserve(static_cast<std::size_t>(block.num_records()));
  for (std::size_t i = 0; i < static_cast<std::size_t>(block.num_records()); ++i) {
    const BytesView value = block.values()[i];
    entries.emplace_back(block.keys()[i].view(),
                         value.is_null() ? std::nullopt : std::optional(value.view()));
  }
  MR_RETURN_IF_ERROR(store.ApplyChangelog(place->table, place->changelog_id, entries, block.next_offset()));
  place->applied = block.next_offset();
  return Status::Ok();
}

Result<std::vector<ChangelogPlace>> FindChangelogPlaces(const StateOnDisk& state, ChangelogReader& reader,
                                                        TopicAdmin& admin, const Clock& clock) {
  StateStore& store = *state.store;
  std::vector<ChangelogPlace> places;
  bool trusted = true;
  bool any_offset = false;
  for (const auto& [table, changelog] : ChangelogsOf(*state.sub, state.partition)) {
    MR_ASSIGN_OR_RETURN(const auto topic, admin.Describe(changelog.topic));
    if (!topic.has_value()) {
      return Status::NotFound("the changelog topic '" + changelog.topic +
                              "' does not exist any more; reset the pipeline's state");
    }
    MR_RETURN_IF_ERROR(state.notes->Check(table, topic->topic_id));
    MR_ASSIGN_OR_RETURN(const auto bounds, reader.Bounds(changelog));
    ChangelogPlace& place = places.emplace_back(ChangelogPlace{.table = table,
                                                               .changelog = changelog,
                                                               .changelog_id = topic->topic_id,
                                                               .first = bounds.first,
                                                               .end = bounds.second,
                                                               .applied = bounds.first});
    place.trusted = IsTrusted(place, store, clock, DeleteRetentionMs(*topic));
    place.applied = std::max(store.ChangelogOffset(table).value_or(place.first), place.first);
    trusted = trusted && place.trusted;
    any_offset = any_offset || store.ChangelogOffset(table).has_value();
  }
  // Rows without any offset can only come from a store that was cut off before its first commit.
  if (trusted && (any_offset || store.num_rows() == 0)) return places;
  MR_RETURN_IF_ERROR(store.Wipe());
  for (ChangelogPlace& place : places) place.applied = place.first;
  return places;
}

}  // namespace millrace
