#include "runtime/first_run.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "runtime/offset_metadata.h"

namespace millrace {

std::optional<EventTime> TakeFirstRun(std::map<std::string, std::string>* notes) {
  const auto note = notes->extract(std::string(kFirstRunNote));
  if (note.empty()) return std::nullopt;
  std::int64_t first_run = 0;
  const std::string& text = note.mapped();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), first_run);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return EventTime(first_run);
}

void AddFirstRun(EventTime first_run, std::map<std::string, std::string>* notes) {
  (*notes)[std::string(kFirstRunNote)] = std::to_string(first_run.value());
}

Result<std::optional<EventTime>> FirstRunOf(const std::vector<CommittedOffset>& partitions, EventTime now) {
  std::optional<EventTime> first;
  bool ran = false;
  for (const CommittedOffset& at : partitions) {
    MR_ASSIGN_OR_RETURN(
        OffsetMetadata metadata,
        ParseOffsetMetadata(at.metadata).WithContext("committed offset of " + at.partition.ToString()));
    ran = ran || metadata.has_run();
    const std::optional<EventTime> noted = TakeFirstRun(&metadata.notes);
    if (noted.has_value()) first = std::min(first.value_or(*noted), *noted);
  }
  return first.has_value() || ran ? first : std::optional(now);
}

}  // namespace millrace
