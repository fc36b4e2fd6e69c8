#include "connectors/snapchat/profile_rows.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include <boost/json.hpp>

#include "connectors/snapchat/entity_rows.h"
#include "connectors/snapchat/marketing_page.h"
#include "connectors/snapchat/time_field.h"

namespace millrace {
namespace {

using boost::json::object;
using boost::json::value;

constexpr std::int64_t kStoryLife_ms = 24LL * 3'600'000;
constexpr double kWholeMost = 9'007'199'254'740'992;  // 2^53

constexpr const char* kTexts[] = {"organization_id", "profile_id",   "display_name",
                                  "description",     "category",     "subcategory",
                                  "country",         "website",      "snap_user_name",
                                  "profile_type",    "profile_tier", "internal_profile_category",
                                  "username",        "story_id",     "story_type"};
/// Snap writes them as texts.
constexpr const char* kCounts[] = {"subscriber_count", "spotlight_views"};
/// In the entity, or in its media_metadata.
constexpr const char* kMedia[] = {"media_type", "media_url", "thumbnail_url"};
constexpr const char* kShared = "share_authorized_data_with_api_partners";

const object* ObjectIn(const object& from, std::string_view name) {
  const value* const found = from.if_contains(boost::json::string_view(name.data(), name.size()));
  return found != nullptr && found->is_object() ? &found->get_object() : nullptr;
}

std::optional<std::int64_t> CountOf(const value& given) {
  if (given.is_int64()) return given.get_int64();
  if (given.is_double() && std::trunc(given.get_double()) == given.get_double() &&
      std::abs(given.get_double()) <= kWholeMost)
    return static_cast<std::int64_t>(given.get_double());
  if (!given.is_string()) return std::nullopt;
  const std::string_view text(given.get_string().data(), given.get_string().size());
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

object RowOf(const std::string& key, std::string_view kind, const std::string& id) {
  object row;
  row["key"] = key;
  row["kind"] = boost::json::string_view(kind.data(), kind.size());
  row["id"] = id;
  return row;
}

void AddMedia(const object& entity, object* row) {
  const object* const media = ObjectIn(entity, "media_metadata");
  for (const char* name : kMedia) {
    std::string text = TextField(entity, name);
    if (text.empty() && media != nullptr) text = TextField(*media, name);
    if (!text.empty()) (*row)[name] = std::move(text);
  }
}

std::optional<EventTime> EndOf(const EntityKind& kind, const object& entity,
                               std::optional<EventTime> created) {
  if (const auto said = TimeField(entity, "expires_at")) return said;
  if (kind.name != kStory.name || !created) return std::nullopt;
  return EventTime(created->value() + kStoryLife_ms);
}

/// As the column takes it; what cannot be read so stays as it is, for its row to be refused.
value MetricOf(const ProfileMetric& metric, const value& given) {
  const auto count = metric.whole ? CountOf(given) : std::nullopt;
  return count ? value(*count) : given;
}

FeedRecord StatsRecord(const ProfileStatsOf& of, const object& given) {
  const auto start = of.lifetime ? std::nullopt : TimeField(given, "start_time");
  FeedRecord record;
  record.key = "stats/" + of.profile_id + (of.lifetime ? "/lifetime" : "/day");
  if (start) record.key += "/" + TimeText(*start);
  record.time = start.value_or(of.now);
  object row = RowOf(record.key, "stats", of.profile_id);
  row["profile_id"] = of.profile_id;
  row["granularity"] = of.lifetime ? "lifetime" : "day";
  if (start) row["start_time"] = TimeText(*start);
  if (const auto end = TimeField(given, "end_time")) row["end_time"] = TimeText(*end);
  const object* const stats = ObjectIn(given, "stats");
  for (const ProfileMetric& metric : of.metrics) {
    const value* const found = stats == nullptr ? nullptr : stats->if_contains(metric.name);
    if (found != nullptr && !found->is_null()) row[metric.name] = MetricOf(metric, *found);
  }
  row["object"] = stats == nullptr ? object() : *stats;
  record.value = boost::json::serialize(row);
  return record;
}

}  // namespace

FeedRecord ProfileRecord(const EntityKind& kind, const object& entity,
                         const std::vector<std::pair<std::string, std::string>>& parents, EventTime now) {
  const std::string id = TextField(entity, "id");
  FeedRecord record;
  record.key = EntityKey(kind, id);
  object row = RowOf(record.key, kind.name, id);
  if (kind.name == kProfile.name) row["profile_id"] = id;
  for (const auto& [name, text] : parents) row[name] = text;
  for (const char* name : kTexts) {
    if (std::string text = TextField(entity, name); !text.empty()) row[name] = std::move(text);
  }
  for (const char* name : kCounts) {
    const value* const given = entity.if_contains(name);
    if (const auto count = given == nullptr ? std::nullopt : CountOf(*given)) row[name] = *count;
  }
  const value* const shared = entity.if_contains(kShared);
  if (shared != nullptr && shared->is_bool()) row[kShared] = shared->get_bool();
  AddMedia(entity, &row);
  const auto created = TimeField(entity, "created_at");
  if (created) row["created_at"] = TimeText(*created);
  if (const auto end = EndOf(kind, entity, created)) row["expires_at"] = TimeText(*end);
  row["object"] = entity;
  record.value = boost::json::serialize(row);
  record.time = created.value_or(now);
  return record;
}

ProfileStatsPage ReadProfileStats(const ProfileStatsOf& of, const object& body) {
  ProfileStatsPage page;
  const std::string item = of.lifetime ? "lifetime_stat" : "timeseries_stat";
  const value* const list = body.if_contains(item + "s");
  if (list == nullptr || !list->is_array()) {
    page.whole = false;
    return page;
  }
  for (const value& element : list->get_array()) {
    const object* const stat = element.is_object() ? ObjectIn(element.get_object(), item) : nullptr;
    if (stat == nullptr || !Succeeded(element.get_object())) {
      page.whole = false;
      continue;
    }
    if (of.lifetime) {
      page.records.push_back(StatsRecord(of, *stat));
      continue;
    }
    const value* const series = stat->if_contains("timeseries");
    if (series == nullptr || !series->is_array()) continue;
    for (const value& day : series->get_array()) {
      if (day.is_object() && TimeField(day.get_object(), "start_time"))
        page.records.push_back(StatsRecord(of, day.get_object()));
    }
  }
  return page;
}

}  // namespace millrace
