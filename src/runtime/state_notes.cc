#include "runtime/state_notes.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/check.h"
#include "connect/murmur2.h"
#include "state/layout.h"

namespace millrace {
namespace {

constexpr std::string_view kPrefix = "state:";  // no step's name has a colon

std::string Fingerprint(std::string_view text) {
  std::array<char, 9> fingerprint{};
  std::snprintf(fingerprint.data(), fingerprint.size(), "%08x", Murmur2(text));
  return fingerprint.data();
}

const TableSpec& TableOf(const SubTopology& sub, const std::string& name) {
  const auto found = std::find_if(sub.tables.begin(), sub.tables.end(),
                                  [&name](const TableSpec& table) { return table.table == name; });
  MR_CHECK(found != sub.tables.end()) << "no table " << name;
  return *found;
}

}  // namespace

std::string StateNote::ToText() const {
  return changelog_id + ":" + layout + (place.empty() ? "" : ":" + place);
}

StateNote StateNote::Parse(std::string_view text) {
  StateNote note;
  for (std::string* part : {&note.changelog_id, &note.layout, &note.place}) {
    const std::size_t colon = text.find(':');
    *part = text.substr(0, colon);
    text.remove_prefix(colon == std::string_view::npos ? text.size() : colon + 1);
  }
  return note;
}

std::map<std::string, StateNote> TakeStateNotes(std::map<std::string, std::string>* notes) {
  std::map<std::string, StateNote> taken;
  for (auto it = notes->lower_bound(std::string(kPrefix));
       it != notes->end() && it->first.starts_with(kPrefix);) {
    taken.insert_or_assign(it->first.substr(kPrefix.size()), StateNote::Parse(it->second));
    it = notes->erase(it);
  }
  return taken;
}

std::string PlaceFingerprint(const TableSpec& table, std::int32_t partitions) {
  if (partitions == 1 || table.place.by == KeyPlace::By::kNothing) return "";
  // Not the format of a message key: it says how its bytes are read, not where producers put them.
  std::string text = table.place.by == KeyPlace::By::kRepartition  ? "repartition"
                     : table.place.by == KeyPlace::By::kMessageKey ? "message key"
                                                                   : "record";
  for (const std::string& column : table.place.columns) text += std::string(1, '\0') + column;
  return Fingerprint(text);
}

Status RowsMoved(const TableSpec& table) {
  std::string columns;
  for (const std::string& column : table.place.columns)
    columns += (columns.empty() ? "'" : ", '") + column + "'";
  const std::string now = columns.empty() ? ""
                          : table.place.by == KeyPlace::By::kMessageKey
                              ? " (now by the message key, which is " + columns + ")"
                              : " (now by a repartition by " + columns + ")";
  return Status::InvalidArgument(
      "the rows of step '" + table.table + "' come into other partitions since the pipeline was edited" +
      now +
      ", and its state is where they were before; undo the change, carry the state "
      "over with millrace savepoint, or start the step empty with: millrace reset "
      "FILE --step " +
      table.table + " --yes");
}

StateNotes::StateNotes(const SubTopology& sub) : sub_(sub), rows_(ParseLayout(sub.state_layout)) {}

void StateNotes::Take(std::map<std::string, std::string>* notes) {
  for (auto& [table, note] : TakeStateNotes(notes)) committed_.insert_or_assign(table, std::move(note));
}

Status StateNotes::Check(const std::string& table, const std::string& changelog_id) const {
  const auto found = committed_.find(table);
  if (found == committed_.end() || found->second.changelog_id != changelog_id) return Status::Ok();
  const std::string& rows = rows_.at(table);
  if (found->second.layout != Fingerprint(rows)) {
    return Status::InvalidArgument(
        "the state of step '" + table +
        "' in its changelog was written by another definition of the step; it would now be " + rows +
        "; undo the change, or start the step empty with: millrace reset FILE --step " + table + " --yes");
  }
  const TableSpec& spec = TableOf(sub_, table);
  const std::string& place = found->second.place;
  return place.empty() || place == PlaceFingerprint(spec, sub_.partitions) ? Status::Ok() : RowsMoved(spec);
}

std::map<std::string, std::string> StateNotes::Others() const {
  std::map<std::string, std::string> ids;
  for (const auto& [table, note] : committed_) {
    if (!rows_.contains(table)) ids.emplace(table, note.changelog_id);
  }
  return ids;
}

void StateNotes::AddTo(const std::map<std::string, std::string>& changelog_ids,
                       std::map<std::string, std::string>* notes) const {
  for (const auto& [table, note] : committed_) {
    if (!rows_.contains(table)) notes->emplace(std::string(kPrefix) + table, note.ToText());
  }
  for (const auto& [table, id] : changelog_ids) {
    const StateNote note{.changelog_id = id,
                         .layout = Fingerprint(rows_.at(table)),
                         .place = PlaceFingerprint(TableOf(sub_, table), sub_.partitions)};
    notes->emplace(std::string(kPrefix) + table, note.ToText());
  }
}

}  // namespace millrace
