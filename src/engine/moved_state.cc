#include "engine/moved_state.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/offset_metadata.h"
#include "runtime/state_notes.h"

namespace millrace {
namespace {

/// What was noted of a table beside the offset of some topic.
struct Noted {
  std::string topic;
  StateNote note;
};
using NotedByTable = std::map<std::string, std::vector<Noted>>;

NotedByTable NotesOn(const std::vector<CommittedOffset>& offsets) {
  NotedByTable noted;
  for (const CommittedOffset& at : offsets) {
    auto metadata = ParseOffsetMetadata(at.metadata);
    if (!metadata.ok()) continue;  // no task of ours; who reads that topic says what is wrong with it
    for (auto& [table, note] : TakeStateNotes(&metadata->notes))
      noted[table].push_back({at.partition.topic, std::move(note)});
  }
  return noted;
}

bool Reads(const SubTopology& sub, const std::string& topic) {
  return std::find(sub.input_topics.begin(), sub.input_topics.end(), topic) != sub.input_topics.end();
}

bool IsRepartition(const std::string& topic, const std::string& app) {
  return topic.starts_with(app + "-") && topic.ends_with("-repartition");
}

/// Rows of `table` that came through a topic which it does not read any more.
Status CheckWay(const Topology& topology, const SubTopology& sub, const TableSpec& table,
                const Noted& before) {
  const std::string place = PlaceFingerprint(table, sub.partitions);
  const bool read_elsewhere =
      std::any_of(topology.sub_topologies.begin(), topology.sub_topologies.end(),
                  [&before](const SubTopology& other) { return Reads(other, before.topic); });
  const bool repartition = IsRepartition(before.topic, topology.app);
  const bool same_place = before.note.place.empty() ? !repartition : before.note.place == place;
  if (!same_place || read_elsewhere) return RowsMoved(table);
  if (!repartition) return Status::Ok();  // another source, written by the same key
  return Status::InvalidArgument(
      "the rows of step '" + table.table + "' came through the topic '" + before.topic +
      "', which the edited pipeline does not read, so those on their way there would be lost, and the step "
      "would not know how far its time had come; undo the change, carry the state over with millrace "
      "savepoint, or start the step empty with: millrace reset FILE --step " +
      table.table + " --yes");
}

Status CheckTable(const Topology& topology, const SubTopology& sub, const TableSpec& table,
                  const std::vector<Noted>& noted, TopicAdmin& admin) {
  std::vector<const Noted*> elsewhere;
  std::vector<const Noted*> here;
  for (const Noted& one : noted) (Reads(sub, one.topic) ? here : elsewhere).push_back(&one);
  if (elsewhere.empty()) return Status::Ok();  // its tasks compare their own notes
  MR_ASSIGN_OR_RETURN(const auto changelog, admin.Describe(table.changelog_topic));
  if (!changelog.has_value()) return Status::Ok();
  const auto is_of_it = [&](const Noted* one) { return one->note.changelog_id == changelog->topic_id; };
  // It went on after an edit that an earlier version let pass.
  if (std::any_of(here.begin(), here.end(), is_of_it)) return Status::Ok();
  for (const Noted* one : elsewhere) {
    if (is_of_it(one)) MR_RETURN_IF_ERROR(CheckWay(topology, sub, table, *one));
  }
  return Status::Ok();
}

}  // namespace

Status CheckNoStateMoved(const Topology& topology, const std::vector<CommittedOffset>& offsets,
                         TopicAdmin& topics) {
  const NotedByTable noted = NotesOn(offsets);
  for (const SubTopology& sub : topology.sub_topologies) {
    for (const TableSpec& table : sub.tables) {
      const auto found = noted.find(table.table);
      if (found == noted.end()) continue;
      MR_RETURN_IF_ERROR(CheckTable(topology, sub, table, found->second, topics));
    }
  }
  return Status::Ok();
}

}  // namespace millrace
