#include "connectors/snapchat/profile_stats_days.h"

#include <algorithm>
#include <string_view>

#include <boost/json.hpp>

#include "connectors/snapchat/time_field.h"

namespace millrace {
namespace {

constexpr std::int64_t kDay_ms = 24LL * 3'600'000;
constexpr std::int64_t kDefaultSinceDays = 30;
/// Snap looks back 90 days; one less, so that a question that is answered late is still within them.
constexpr std::int64_t kMostDays = 89;
constexpr std::string_view kPrefix = "stats/";
constexpr std::size_t kToSeconds = 19;  // of "2026-01-01T00:00:00.000Z"

EventTime MidnightBefore(EventTime time) {
  const std::int64_t into = ((time.value() % kDay_ms) + kDay_ms) % kDay_ms;
  return EventTime(time.value() - into);
}

std::int64_t IntegerIn(const boost::json::object& object, const char* name) {
  const boost::json::value* const value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

}  // namespace

std::string MidnightText(EventTime midnight) { return TimeText(midnight).substr(0, kToSeconds); }

void ProfileStatsDays::Take(FeedPositions* positions) {
  places_.clear();
  std::erase_if(*positions, [this](const auto& position) {
    const auto& [name, text] = position;
    if (!name.starts_with(kPrefix)) return false;
    boost::json::error_code error;
    const boost::json::value value = boost::json::parse(text, error);
    if (!error && value.is_object()) {
      places_[name.substr(kPrefix.size())] = {EventTime(IntegerIn(value.get_object(), "open")),
                                              EventTime(IntegerIn(value.get_object(), "walk"))};
    }
    return true;
  });
}

std::optional<ProfileDays> ProfileStatsDays::Next(const std::string& profile, EventTime walk,
                                                  EventTime now) const {
  const EventTime today = MidnightBefore(now);
  EventTime start(today.value() - kDefaultSinceDays * kDay_ms);
  if (plan_.since) start = MidnightBefore(*plan_.since);
  const auto place = places_.find(profile);
  if (place != places_.end()) {
    if (place->second.walk >= walk) return std::nullopt;
    start = place->second.open;
  }
  start = std::max(start, EventTime(today.value() - kMostDays * kDay_ms));
  if (start >= today) return std::nullopt;
  return ProfileDays{profile, start, today};
}

void ProfileStatsDays::Done(const ProfileDays& days, EventTime walk, FeedBatch* batch) {
  // It was asked for after the end of the last of them, how long after is not known.
  const EventTime final_before = MidnightBefore(EventTime(days.end.value() - plan_.lookback.count()));
  places_[days.profile] = {std::max(days.start, final_before), walk};
  Write(days.profile, batch);
}

void ProfileStatsDays::Skip(const ProfileDays& days, EventTime walk, FeedBatch* batch) {
  places_[days.profile] = {days.start, walk};
  Write(days.profile, batch);
}

void ProfileStatsDays::Write(const std::string& profile, FeedBatch* batch) const {
  const Place& place = places_.at(profile);
  batch->positions[std::string(kPrefix) + profile] =
      boost::json::serialize(boost::json::object{{"open", place.open.value()}, {"walk", place.walk.value()}});
}

}  // namespace millrace
