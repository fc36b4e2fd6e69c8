#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

/// How the rows of a task's tables were laid out when its offsets were committed: notes beside the offset, so
/// that a changelog is never read by another definition of its step, also when the disk was lost (K4).
///
/// A note "state:<table>" holds the id of the changelog topic and a fingerprint of the layout; it says
/// nothing about a topic that was made anew since.
class StateNotes {
 public:
  /// `layout`: StateStoreOptions::layout of this definition of the pipeline.
  explicit StateNotes(std::string_view layout);

  /// Takes the notes on state out of those of a committed offset.
  void Take(std::map<std::string, std::string>* notes);
  /// Errors: user error that names the step and what can be done, when rows in the changelog topic with this
  /// id were written by another definition.
  Status Check(const std::string& table, const std::string& changelog_id) const;
  /// What was noted of tables that the pipeline does not have: the id of the changelog topic, by table.
  std::map<std::string, std::string> Others() const;
  /// Adds what is to be committed. `changelog_ids` by table. Notes on tables that the pipeline has no more
  /// stay: their topics are still there.
  void AddTo(const std::map<std::string, std::string>& changelog_ids,
             std::map<std::string, std::string>* notes) const;

 private:
  const std::map<std::string, std::string> rows_;  // layout by table
  std::map<std::string, std::string> committed_;   // note by table
};

}  // namespace millrace
