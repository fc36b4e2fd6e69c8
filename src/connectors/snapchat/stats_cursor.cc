#include "connectors/snapchat/stats_cursor.h"

#include <algorithm>

#include <boost/json.hpp>

namespace millrace {
namespace {

std::optional<EventTime> TimeIn(const boost::json::object& position, const char* name) {
  const boost::json::value* const value = position.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return EventTime(value->get_int64());
}

}  // namespace

void StatsCursor::Load(const std::string& text) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  if (error || !value.is_object()) return;
  const boost::json::object& position = value.get_object();
  const auto began = TimeIn(position, "began");
  const auto open = TimeIn(position, "open");
  if (!began || !open) return;
  began_ = began;
  open_ = *open;
  const auto next = TimeIn(position, "next");
  under_way_ = next.has_value();
  next_ = next.value_or(open_);
}

std::string StatsCursor::Text() const {
  boost::json::object position{{"open", open_.value()}, {"began", began_.value_or(EventTime(0)).value()}};
  if (under_way_) position["next"] = next_.value();
  return boost::json::serialize(position);
}

void StatsCursor::Begin(EventTime now) {
  if (!began_) open_ = zone_.StartOfDay(plan_.since);
  began_ = now;
  next_ = open_;
  under_way_ = true;
}

std::optional<StatsSlice> StatsCursor::Next(EventTime now) const {
  const EventTime end = StatsEnd(zone_, plan_.granularity, now);
  if (!HasSlices())
    return next_ == open_ && open_ < end ? std::optional(StatsSlice{open_, end}) : std::nullopt;
  if (next_ >= end) return std::nullopt;
  return NextStatsSlice(zone_, plan_.granularity, next_, end);
}

void StatsCursor::Done(const StatsSlice& slice, EventTime asked, bool whole) {
  next_ = slice.end;
  if (!HasSlices()) return;
  // Only what was read when it was final closes; what a later slice of the round says changes nothing of
  // earlier ones.
  if (whole && slice.start <= open_)
    open_ = std::max(open_, std::min(slice.end, FirstOpenDay(zone_, asked, plan_.lookback)));
}

}  // namespace millrace
