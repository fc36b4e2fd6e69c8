#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace millrace {

/// The note beside a task's committed offset that says when the task ran for the first time: milliseconds of
/// the wall clock. What was over by then is over (Operator::SetFirstRun), also after a restart.
inline constexpr std::string_view kFirstRunNote = "first-run:";  // no step's name has a colon

/// Takes it out of the notes of a committed offset. nullopt: an early version committed it.
std::optional<EventTime> TakeFirstRun(std::map<std::string, std::string>* notes);
void AddFirstRun(EventTime first_run, std::map<std::string, std::string>* notes);

}  // namespace millrace
