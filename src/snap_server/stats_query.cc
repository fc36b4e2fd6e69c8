#include "snap_server/stats_query.h"

#include <algorithm>
#include <utility>

#include "snap_server/stats_dimensions.h"
#include "snap_server/stats_metrics.h"
#include "snap_server/time_text.h"

namespace millrace::snap {
namespace {

constexpr std::int64_t kHour_ms = 3'600'000;
constexpr int kMaxDays = 32;
constexpr int kMaxDaysOfHours = 7;

constexpr std::pair<std::string_view, Granularity> kGranularities[] = {{"TOTAL", Granularity::kTotal},
                                                                       {"DAY", Granularity::kDay},
                                                                       {"HOUR", Granularity::kHour},
                                                                       {"LIFETIME", Granularity::kLifetime}};

/// What a parameter may be, when it is there.
struct Choice {
  std::string_view parameter;
  std::vector<std::string_view> values;
};

Status Unsupported(const std::string& why) {
  return Status::InvalidArgument("Unsupported Stats Query: " + why);
}

Status CheckChoices(const ApiRequest& request) {
  const Choice choices[] = {
      {"swipe_up_attribution_window", {"1_DAY", "7_DAY", "28_DAY"}},
      {"view_attribution_window", {"none", "1_HOUR", "3_HOUR", "6_HOUR", "1_DAY", "7_DAY", "28_DAY"}},
      {"action_report_time", {"conversion", "impression"}},
      {"omit_empty", {"true", "false"}},
      {"test", {"true", "false"}}};
  for (const Choice& choice : choices) {
    const std::string value = request.Query(choice.parameter);
    if (value.empty()) continue;
    if (std::find(choice.values.begin(), choice.values.end(), value) == choice.values.end()) {
      return Unsupported(std::string(choice.parameter) + " cannot be " + value);
    }
  }
  return Status::Ok();
}

Result<EventTime> ReadMoment(const ApiRequest& request, const std::string& name, const TimeZone& zone) {
  const std::string text = request.Query(name);
  const std::optional<WrittenTime> written = ReadTime(text);
  if (!written) {
    return Unsupported(
        name + " '" + text +
        "' is not a time such as 2025-03-09T00:00:00.000-08:00; '+' is written as %2B in a URL");
  }
  return written->offset ? EventTime(written->local_ms - written->offset->count())
                         : zone.FromLocal(written->local_ms);
}

bool IsOnTheHour(EventTime time, const TimeZone& zone) { return zone.ToLocal(time) % kHour_ms == 0; }

Status CheckDays(const StatsQuery& query, const TimeZone& zone) {
  const std::string rule = "Timeseries queries with DAY granularity ";
  if (zone.StartOfDay(query.start) != query.start) {
    return Unsupported(
        rule + "must have a start time that is the start of day (00:00:00) for the account's timezone");
  }
  if (zone.StartOfDay(query.end) != query.end) {
    return Unsupported(
        rule + "must have an end time that is the start of day (00:00:00) for the account's timezone");
  }
  if (zone.DaysBetween(query.start, query.end) > kMaxDays) {
    return Unsupported(rule + "cannot query time intervals of more than 32 days");
  }
  return Status::Ok();
}

Status CheckHours(const StatsQuery& query, const TimeZone& zone) {
  // Seven days of the calendar have an hour more when clocks are put back.
  const bool within_days = zone.StartOfDay(query.start) == query.start &&
                           query.end <= zone.StartOfDayAfter(query.start, kMaxDaysOfHours);
  const bool within_hours = query.end.value() - query.start.value() <= kMaxDaysOfHours * 24 * kHour_ms;
  if (within_days || within_hours) return Status::Ok();
  return Unsupported(
      "Timeseries queries with HOUR granularity cannot query time intervals of more than 7 days");
}

Status ReadTimes(const ApiRequest& request, const TimeZone& zone, EventTime now, StatsQuery* query) {
  const bool series = query->granularity == Granularity::kDay || query->granularity == Granularity::kHour;
  const bool given = !request.Query("start_time").empty() || !request.Query("end_time").empty();
  if (query->granularity == Granularity::kLifetime && given) {
    return Unsupported("LIFETIME granularity takes no start_time and end_time");
  }
  if (!series && !given) {
    query->end = now;
    return Status::Ok();
  }
  MR_ASSIGN_OR_RETURN(query->start, ReadMoment(request, "start_time", zone));
  MR_ASSIGN_OR_RETURN(query->end, ReadMoment(request, "end_time", zone));
  if (!IsOnTheHour(query->start, zone))
    return Unsupported("Start time should start at the beginning of an hour.");
  if (!IsOnTheHour(query->end, zone)) return Unsupported("End time should end at the beginning of an hour.");
  if (query->end <= query->start) return Unsupported("End time should be after start time.");
  if (query->granularity == Granularity::kDay) return CheckDays(*query, zone);
  if (query->granularity == Granularity::kHour) return CheckHours(*query, zone);
  return Status::Ok();
}

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Status ReadFields(const ApiRequest& request, const Entity& entity, StatsQuery* query) {
  query->fields = SplitAtCommas(request.Query("fields"));
  const bool spend_only = entity.kind == Kind::kAccount && !query->breakdown;
  if (query->fields.empty()) {
    query->fields = {"spend"};
    if (!spend_only)
      query->fields = {"impressions", "swipes", "spend", "view_completion", "screen_time_millis"};
  }
  for (const std::string& field : query->fields) {
    if (spend_only && field != "spend") {
      return Unsupported("Only field 'spend' should be used when querying AdAccount stats.");
    }
    const std::optional<Metric> metric = FindMetric(field);
    if (!metric) return Unsupported("there is no field '" + field + "'");
    if (query->granularity == Granularity::kHour && CountsPeople(*metric)) {
      return Unsupported("field '" + field + "' cannot be used with HOUR granularity");
    }
  }
  return Status::Ok();
}

Status ReadReportDimension(const ApiRequest& request, StatsQuery* query) {
  Result<std::vector<std::string>> dimensions = ReadDimensions(request.Query("report_dimension"));
  if (!dimensions.ok()) return Unsupported(dimensions.status().message());
  if (!dimensions->empty() && query->granularity == Granularity::kHour)
    return Unsupported("report_dimension cannot be used with HOUR granularity");
  query->dimensions = *std::move(dimensions);
  return Status::Ok();
}

Status ReadBreakdown(const ApiRequest& request, const Entity& entity, StatsQuery* query) {
  const std::string name = request.Query("breakdown");
  if (name.empty()) return Status::Ok();
  for (const Kind kind : {Kind::kCampaign, Kind::kSquad, Kind::kAd}) {
    if (NamesOf(kind).singular == name && kind > entity.kind) {
      query->breakdown = kind;
      return Status::Ok();
    }
  }
  return Unsupported("breakdown '" + name + "' is not possible for this entity");
}

}  // namespace

std::string_view NameOf(Granularity granularity) {
  for (const auto& [name, known] : kGranularities) {
    if (known == granularity) return name;
  }
  return "";
}

Result<StatsQuery> ReadStatsQuery(const ApiRequest& request, const Entity& entity, EventTime now) {
  StatsQuery query;
  const std::string name = request.Query("granularity");
  const auto granularity = std::find_if(std::begin(kGranularities), std::end(kGranularities),
                                        [&name](const auto& known) { return known.first == name; });
  if (granularity != std::end(kGranularities)) {
    query.granularity = granularity->second;
  } else if (!name.empty()) {
    return Unsupported("granularity " + name + " must be TOTAL, DAY, HOUR or LIFETIME");
  }
  MR_RETURN_IF_ERROR(CheckChoices(request));
  MR_RETURN_IF_ERROR(ReadTimes(request, entity.account->zone, now, &query));
  MR_RETURN_IF_ERROR(ReadBreakdown(request, entity, &query));
  MR_RETURN_IF_ERROR(ReadReportDimension(request, &query));
  MR_RETURN_IF_ERROR(ReadFields(request, entity, &query));
  query.omit_empty = request.Query("omit_empty") == "true";
  return query;
}

}  // namespace millrace::snap
