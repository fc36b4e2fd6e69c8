#include "snap_server/profile_stats.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "snap_server/api_answer.h"
#include "snap_server/mixed_hash.h"
#include "snap_server/time_text.h"

namespace millrace::snap {
namespace {

constexpr std::int64_t kDay_ms = 86'400'000;
constexpr std::int64_t kMaxDays = 90;
constexpr std::int64_t kSubscribers = 10'000;

constexpr auto kFields = std::to_array<std::string_view>(
    {"views", "viewers", "subscribers", "subscribers_gained", "shares", "screen_time_millis"});

/// The time that a parameter writes, which must be a midnight.
Result<EventTime> ReadMidnight(const ApiRequest& request, const std::string& name) {
  const std::string text = request.Query(name);
  if (text.empty()) return Status::InvalidArgument(name + " is required");
  const std::optional<WrittenTime> written = ReadTime(text);
  if (!written) return Status::InvalidArgument(name + " '" + text + "' is not a time");
  if (written->local_ms % kDay_ms != 0) return Status::InvalidArgument(name + " must be a midnight");
  return EventTime(written->local_ms - written->offset.value_or(Duration(0)).count());
}

Result<std::vector<std::string>> ReadFields(const ApiRequest& request) {
  std::vector<std::string> fields;
  const std::string text = request.Query("fields");
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    fields.push_back(text.substr(begin, end - begin));
    if (std::find(kFields.begin(), kFields.end(), fields.back()) == kFields.end()) {
      return Status::InvalidArgument("there is no field '" + fields.back() + "' of a PROFILE");
    }
    begin = end + 1;
  }
  if (fields.empty()) fields.assign(kFields.begin(), kFields.end());
  return fields;
}

/// Of one day.
std::int64_t ValueOf(const std::string& profile_id, const std::string& field, std::int64_t day) {
  const std::uint64_t hash = Mixed(HashOf(profile_id) ^ HashOf(field), static_cast<std::uint64_t>(day));
  if (field == "subscribers") return kSubscribers + day % 10'000;
  return static_cast<std::int64_t>(hash % 1'000);
}

json::object Figures(const std::string& profile_id, const std::vector<std::string>& fields, EventTime start,
                     EventTime end) {
  json::object figures;
  for (const std::string& field : fields) {
    std::int64_t sum = 0;
    for (std::int64_t at = start.value(); at < end.value(); at += kDay_ms) {
      const std::int64_t value = ValueOf(profile_id, field, at / kDay_ms);
      sum = field == "subscribers" ? value : sum + value;
    }
    figures[field] = sum;
  }
  return figures;
}

}  // namespace

Result<json::object> ProfileStats(const ApiRequest& request, const std::string& profile_id, EventTime now) {
  const std::string asset = request.Query("assetType");
  if (!asset.empty() && asset != "PROFILE") {
    return Status::InvalidArgument("assetType must be PROFILE; others are not served by this stand-in");
  }
  const std::string granularity =
      request.Query("granularity").empty() ? "LIFETIME" : request.Query("granularity");
  MR_ASSIGN_OR_RETURN(const std::vector<std::string> fields, ReadFields(request));
  json::object stat{
      {"id", JsonText(profile_id)}, {"type", "PROFILE"}, {"granularity", JsonText(granularity)}};
  if (granularity == "LIFETIME") {
    const EventTime until(now.value() / kDay_ms * kDay_ms);
    stat["stats"] = Figures(profile_id, fields, EventTime(until.value() - kMaxDays * kDay_ms), until);
    return json::object{{"lifetime_stats", json::array{SubRequest("lifetime_stat", std::move(stat))}}};
  }
  if (granularity != "TOTAL" && granularity != "DAY") {
    return Status::InvalidArgument("granularity must be TOTAL, LIFETIME or DAY");
  }
  MR_ASSIGN_OR_RETURN(const EventTime start, ReadMidnight(request, "startTime"));
  MR_ASSIGN_OR_RETURN(const EventTime end, ReadMidnight(request, "endTime"));
  if (end <= start) return Status::InvalidArgument("endTime must be after startTime");
  if (start.value() < now.value() - kMaxDays * kDay_ms || end > now) {
    return Status::InvalidArgument("startTime and endTime must be within the past 90 days");
  }
  stat["start_time"] = JsonText(UtcText(start));
  stat["end_time"] = JsonText(UtcText(end));
  if (granularity == "TOTAL") {
    stat["stats"] = Figures(profile_id, fields, start, end);
    return json::object{{"total_stats", json::array{SubRequest("total_stat", std::move(stat))}}};
  }
  json::array series;
  for (std::int64_t at = start.value(); at < end.value(); at += kDay_ms) {
    const EventTime next(at + kDay_ms);
    series.push_back(json::object{{"start_time", JsonText(UtcText(EventTime(at)))},
                                  {"end_time", JsonText(UtcText(next))},
                                  {"stats", Figures(profile_id, fields, EventTime(at), next)}});
  }
  stat["timeseries"] = std::move(series);
  return json::object{{"timeseries_stats", json::array{SubRequest("timeseries_stat", std::move(stat))}}};
}

}  // namespace millrace::snap
