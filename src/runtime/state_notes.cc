#include "runtime/state_notes.h"

#include <array>
#include <cstdio>

#include "connect/murmur2.h"
#include "state/layout.h"

namespace millrace {
namespace {

constexpr std::string_view kPrefix = "state:";  // no step's name has a colon

std::string Note(const std::string& changelog_id, std::string_view rows) {
  std::array<char, 9> fingerprint{};
  std::snprintf(fingerprint.data(), fingerprint.size(), "%08x", Murmur2(rows));
  return changelog_id + ":" + fingerprint.data();
}

}  // namespace

StateNotes::StateNotes(std::string_view layout) : rows_(ParseLayout(layout)) {}

void StateNotes::Take(std::map<std::string, std::string>* notes) {
  for (auto it = notes->lower_bound(std::string(kPrefix));
       it != notes->end() && it->first.starts_with(kPrefix);) {
    committed_.insert_or_assign(it->first.substr(kPrefix.size()), it->second);
    it = notes->erase(it);
  }
}

Status StateNotes::Check(const std::string& table, const std::string& changelog_id) const {
  const auto found = committed_.find(table);
  if (found == committed_.end() || !found->second.starts_with(changelog_id + ":")) return Status::Ok();
  const std::string& rows = rows_.at(table);
  if (found->second == Note(changelog_id, rows)) return Status::Ok();
  return Status::InvalidArgument(
      "the state of step '" + table +
      "' in its changelog was written by another definition of the step; it would now be " + rows +
      "; undo the change, or start the step empty with: millrace reset FILE --step " + table + " --yes");
}

std::map<std::string, std::string> StateNotes::Others() const {
  std::map<std::string, std::string> ids;
  for (const auto& [table, note] : committed_) {
    if (!rows_.contains(table)) ids.emplace(table, note.substr(0, note.rfind(':')));
  }
  return ids;
}

void StateNotes::AddTo(const std::map<std::string, std::string>& changelog_ids,
                       std::map<std::string, std::string>* notes) const {
  for (const auto& [table, note] : committed_) {
    if (!rows_.contains(table)) notes->emplace(std::string(kPrefix) + table, note);
  }
  for (const auto& [table, id] : changelog_ids)
    notes->emplace(std::string(kPrefix) + table, Note(id, rows_.at(table)));
}

}  // namespace millrace
