#include "snap_server/stats_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "snap_server/entity_lookup.h"
#include "snap_server/stats_dimensions.h"
#include "snap_server/time_text.h"

namespace millrace::snap {
namespace {

constexpr std::int64_t kHour_ms = 3'600'000;

bool IsSeries(const StatsQuery& query) {
  return query.granularity == Granularity::kDay || query.granularity == Granularity::kHour;
}

/// The days or hours of a question.
std::vector<Span> Points(const StatsQuery& query, const TimeZone& zone) {
  std::vector<Span> points;
  for (EventTime at = query.start; at < query.end;) {
    const EventTime next = query.granularity == Granularity::kDay ? zone.StartOfDayAfter(at, 1)
                                                                  : EventTime(at.value() + kHour_ms);
    points.push_back({at, next});
    at = next;
  }
  return points;
}

bool IsEmpty(const json::object& figures) {
  return std::all_of(figures.begin(), figures.end(),
                     [](const auto& figure) { return figure.value().template to_number<double>() == 0; });
}

void AddTimes(const StatsQuery& query, const TimeZone& zone, json::object* out) {
  if (query.granularity == Granularity::kLifetime || query.start.value() == 0) return;
  (*out)["start_time"] = JsonText(ZonedText(query.start, zone));
  (*out)["end_time"] = JsonText(ZonedText(query.end, zone));
}

/// Adds the figures of a stretch of time: whole, or along the dimensions that were asked for.
void PutFigures(const json::object& figures, const StatsQuery& query, json::object* out) {
  if (query.dimensions.empty()) {
    (*out)["stats"] = figures;
  } else {
    (*out)["dimension_stats"] = Divide(figures, query.dimensions);
  }
}

json::object Head(const Entity& entity, const StatsQuery& query) {
  return {{"id", JsonText(entity.id)},
          {"type", JsonText(NamesOf(entity.kind).type)},
          {"granularity", JsonText(NameOf(query.granularity))}};
}

}  // namespace

void StatsService::AddRoutes(Router* router) {
  for (const Kind kind : {Kind::kAccount, Kind::kCampaign, Kind::kSquad, Kind::kAd}) {
    router->Add("GET", "/v1/" + std::string(NamesOf(kind).plural) + "/{id}/stats",
                [this, kind](const ApiRequest& r) { return Answer(r, kind); });
  }
}

std::vector<const Entity*> StatsService::AdsOf(const Entity& entity) const {
  if (entity.kind == Kind::kAd) return {&entity};
  return tree_.Below(entity, Kind::kAd);
}

HttpResponse StatsService::Answer(const ApiRequest& request, Kind kind) const {
  const Lookup found = LookUp(tree_, kind, request.PathValue("id"));
  if (found.entity == nullptr) return Refuse(request, found.refusal);
  const EventTime now = clock_.Now();
  const Result<StatsQuery> query = ReadStatsQuery(request, *found.entity, now);
  if (!query.ok()) return Refuse(request, {400, query.status().message(), "E1008"});
  const StatsValues values(query->fields, found.entity->account->zone, now);
  const std::string_view form = IsSeries(*query)                               ? "timeseries"
                                : query->granularity == Granularity::kLifetime ? "lifetime"
                                                                               : "total";
  json::array stats{SubRequest(std::string(form) + "_stat", Stat(*found.entity, *query, values))};
  return Succeed(request, {{std::string(form) + "_stats", std::move(stats)}});
}

json::object StatsService::Stat(const Entity& entity, const StatsQuery& query,
                                const StatsValues& values) const {
  const TimeZone& zone = entity.account->zone;
  json::object stat = Head(entity, query);
  AddTimes(query, zone, &stat);
  stat["finalized_data_end_time"] = JsonText(ZonedText(values.final_until(), zone));
  if (!query.breakdown) {
    AddFigures(entity, query, values, &stat);
    return stat;
  }
  json::array parts;
  for (const Entity* part : tree_.Below(entity, *query.breakdown)) {
    json::object figures = Head(*part, query);
    AddTimes(query, zone, &figures);
    AddFigures(*part, query, values, &figures);
    parts.push_back(std::move(figures));
  }
  const std::string_view name = NamesOf(*query.breakdown).singular;
  stat["breakdown_stats"] = json::object{{json::string_view(name.data(), name.size()), std::move(parts)}};
  return stat;
}

void StatsService::AddFigures(const Entity& entity, const StatsQuery& query, const StatsValues& values,
                              json::object* out) const {
  const TimeZone& zone = entity.account->zone;
  const std::vector<const Entity*> ads = AdsOf(entity);
  if (!IsSeries(query)) {
    const EventTime start =
        query.start.value() == 0 ? zone.StartOfDay(entity.account->created_at) : query.start;
    PutFigures(values.Sum(ads, {start, query.end}), query, out);
    return;
  }
  json::array series;
  for (const Span& point : Points(query, zone)) {
    json::object figures = values.Sum(ads, point);
    if (query.omit_empty && IsEmpty(figures)) continue;
    json::object row{{"start_time", JsonText(ZonedText(point.start, zone))},
                     {"end_time", JsonText(ZonedText(point.end, zone))}};
    PutFigures(figures, query, &row);
    series.push_back(std::move(row));
  }
  (*out)["timeseries"] = std::move(series);
}

}  // namespace millrace::snap
