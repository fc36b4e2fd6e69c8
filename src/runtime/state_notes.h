#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/topology.h"

namespace millrace {

/// What is noted of one table beside a committed offset: "<changelog id>:<layout>[:<place>]".
struct StateNote {
  std::string changelog_id;
  std::string layout;  ///< fingerprint of how its rows are laid out
  std::string place;   ///< fingerprint of its KeyPlace; "": one partition, or an early version wrote the note

  std::string ToText() const;
  static StateNote Parse(std::string_view text);
};

/// Takes the notes on state, by table, out of those of a committed offset.
std::map<std::string, StateNote> TakeStateNotes(std::map<std::string, std::string>* notes);

/// Fingerprint of what brings the rows of a table into their partitions; "" when there is one partition.
std::string PlaceFingerprint(const TableSpec& table, std::int32_t partitions);

/// Refuses a step whose rows come into other partitions than those in which its state is.
Status RowsMoved(const TableSpec& table);

/// How the rows of a task's tables were laid out when its offsets were committed, and what brought them into
/// its partition: notes beside the offset, so that a changelog is never read by another definition of its
/// step, also when the disk was lost (K4).
///
/// A note "state:<table>" says nothing about a changelog topic that was made anew since.
class StateNotes {
 public:
  /// `sub` of this definition of the pipeline; must outlive the notes.
  explicit StateNotes(const SubTopology& sub);

  /// Takes the notes on state out of those of a committed offset.
  void Take(std::map<std::string, std::string>* notes);
  /// Errors: user error that names the step and what can be done, when rows in the changelog topic with this
  /// id were written by another definition.
  Status Check(const std::string& table, const std::string& changelog_id) const;
  /// What was noted of tables that the sub-topology does not have: the id of the changelog topic, by table.
  std::map<std::string, std::string> Others() const;
  /// Adds what is to be committed. `changelog_ids` by table. Notes on tables that the pipeline has no more
  /// stay: their topics are still there.
  void AddTo(const std::map<std::string, std::string>& changelog_ids,
             std::map<std::string, std::string>* notes) const;

 private:
  const SubTopology& sub_;
  const std::map<std::string, std::string> rows_;  // layout by table
  std::map<std::string, StateNote> committed_;     // by table
};

}  // namespace millrace
