#include "runtime/first_run.h"

#include <charconv>
#include <cstdint>

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

}  // namespace millrace
