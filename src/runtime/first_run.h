#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "connect/group_member.h"

namespace millrace {

/// The note beside a task's committed offset that says when the pipeline ran for the first time: milliseconds
/// of the wall clock. What was over by then is over (Operator::SetFirstRun), also after a restart.
inline constexpr std::string_view kFirstRunNote = "first-run:";  // no step's name has a colon

/// Takes it out of the notes of a committed offset. nullopt: there is none.
std::optional<EventTime> TakeFirstRun(std::map<std::string, std::string>* notes);
void AddFirstRun(EventTime first_run, std::map<std::string, std::string>* notes);

/// What a task that has committed nothing takes for the first run, by what is committed for the same input of
/// all partitions: the first that is noted. nullopt where they are committed without a note: the step is
/// younger than they are, and event time alone counts. `now` where nothing is.
Result<std::optional<EventTime>> FirstRunOf(const std::vector<CommittedOffset>& partitions, EventTime now);

}  // namespace millrace
