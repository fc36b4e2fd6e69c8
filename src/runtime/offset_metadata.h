#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

/// Where the owner of a partition answers for its state: "host:port".
inline constexpr std::string_view kHttpNote = "http:";  // no step's name has a colon

/// What is committed beside an input offset, in the broker's metadata string, atomically with it: the clock
/// of that input (WatermarkTracker::Save) and, on a task's first input, the notes of its sinks, of its state
/// (StateNotes), of its first run (kFirstRunNote) and of its owner (kHttpNote). Written as
/// "<time>|<name>=<note>|...".
struct OffsetMetadata {
  std::string time;
  std::map<std::string, std::string> notes;

  /// True when a run committed it: a reset sets offsets alone.
  bool has_run() const { return !time.empty(); }
};

/// Leaves the notes of sinks: those of a task have a colon in their names, also what a later version notes.
void RemoveTaskNotes(std::map<std::string, std::string>* notes);

std::string FormatOffsetMetadata(const OffsetMetadata& metadata);
/// Empty text: nothing was committed. Errors: kCorrupt when it was not written by FormatOffsetMetadata.
Result<OffsetMetadata> ParseOffsetMetadata(std::string_view text);

}  // namespace millrace
