#include "connectors/snapchat/time_field.h"

#include <array>

#include "codec/json/json_time.h"
#include "connectors/snapchat/marketing_page.h"

namespace millrace {

std::optional<EventTime> TimeField(const boost::json::object& object, std::string_view name) {
  std::int64_t ms = 0;
  if (!json::ParseRfc3339(TextField(object, name), 1'000, &ms)) return std::nullopt;
  return EventTime(ms);
}

std::string TimeText(EventTime time) {
  std::array<char, json::kMaxTimestampBytes> text{};
  return {text.data(), json::WriteRfc3339(time.value(), 1'000, text.data())};
}

}  // namespace millrace
