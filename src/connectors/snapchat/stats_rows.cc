#include "connectors/snapchat/stats_rows.h"

#include <cmath>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "connectors/snapchat/entity_rows.h"
#include "connectors/snapchat/marketing_page.h"
#include "connectors/snapchat/time_field.h"
#include "http/redact.h"

namespace millrace {
namespace {

using boost::json::object;
using boost::json::value;

constexpr double kWholeMost = 9'007'199'254'740'992;  // 2^53

/// How answers call their list, and what is in its elements.
struct ListNames {
  const char* list;
  const char* item;
};

ListNames NamesOf(StatsGranularity granularity) {
  switch (granularity) {
    case StatsGranularity::kTotal:
      return {"total_stats", "total_stat"};
    case StatsGranularity::kLifetime:
      return {"lifetime_stats", "lifetime_stat"};
    case StatsGranularity::kHour:
    case StatsGranularity::kDay:
      break;
  }
  return {"timeseries_stats", "timeseries_stat"};
}

std::optional<std::int64_t> WholeOf(const value& number) {
  if (number.is_int64()) return number.get_int64();
  if (!number.is_double()) return std::nullopt;
  const double read = number.get_double();
  if (std::trunc(read) != read || std::abs(read) > kWholeMost) return std::nullopt;
  return static_cast<std::int64_t>(read);
}

/// As the column takes it; what cannot be read so stays as it is, for its row to be refused.
value ValueOf(const StatsField& field, const value& given) {
  const std::optional<std::int64_t> whole = WholeOf(given);
  if (field.value == StatsValue::kNumber || !whole) return given;
  if (field.value == StatsValue::kWhole) return *whole;
  return value(FromMicro(*whole));
}

const object* ObjectIn(const object& from, const char* name) {
  const value* const found = from.if_contains(name);
  return found != nullptr && found->is_object() ? &found->get_object() : nullptr;
}

const boost::json::array* ArrayIn(const object& from, const char* name) {
  const value* const found = from.if_contains(name);
  return found != nullptr && found->is_array() ? &found->get_array() : nullptr;
}

/// The value of a dimension, which may be written as a number; "" when there is none.
std::string WordOf(const object& figures, const std::string& dimension) {
  const value* const found = figures.if_contains(dimension);
  if (found == nullptr || found->is_null()) return "";
  if (found->is_string()) return {found->get_string().data(), found->get_string().size()};
  return boost::json::serialize(*found);
}

class PageReader {
 public:
  PageReader(const StatsRowsOf& of, StatsPage* page) : of_(of), page_(*page) {}

  /// Statistics of one entity, or of those below it.
  void Read(const object& stat) {
    if (const object* const parts = ObjectIn(stat, "breakdown_stats")) {
      for (const auto& [kind, list] : *parts) {
        if (!list.is_array()) continue;
        for (const value& part : list.get_array()) {
          if (part.is_object()) Read(part.get_object());
        }
      }
      return;
    }
    const std::string id = TextField(stat, "id");
    if (id.empty()) {
      page_.whole = false;
      return;
    }
    if (const auto* const series = ArrayIn(stat, "timeseries")) {
      for (const value& row : *series) {
        if (row.is_object()) Add(id, row.get_object());
      }
      return;
    }
    Add(id, stat);
  }

 private:
  /// Figures of a stretch of time: whole, or divided along the dimensions.
  void Add(const std::string& id, const object& row) {
    if (of_.dimensions.empty()) {
      const object* const stats = ObjectIn(row, "stats");
      AddRow(id, row, stats == nullptr ? object() : *stats);
      return;
    }
    const auto* const parts = ArrayIn(row, "dimension_stats");
    if (parts == nullptr) {  // nothing happened, or the figures are not divided
      page_.whole = page_.whole && !row.contains("stats");
      return;
    }
    for (const value& part : *parts) {
      if (part.is_object()) AddRow(id, row, part.get_object());
    }
  }

  void AddRow(const std::string& id, const object& row, const object& figures) {
    const EventTime start = TimeField(row, "start_time").value_or(of_.start);
    const std::string granularity = StatsGranularityName(of_.granularity);
    FeedRecord record;
    record.time = start;
    record.key = of_.level + "/" + id + "/" + granularity;
    if (of_.granularity != StatsGranularity::kLifetime) record.key += "/" + TimeText(start);
    for (const std::string& dimension : of_.dimensions)
      record.key += "/" + dimension + "=" + PercentEncoded(WordOf(figures, dimension));
    object out{{"key", record.key},
               {"level", of_.level},
               {"entity_id", id},
               {"ad_account_id", of_.ad_account_id},
               {"granularity", granularity},
               {"start_time", TimeText(start)}};
    if (const auto end = TimeField(row, "end_time")) out["end_time"] = TimeText(*end);
    if (!of_.currency.empty()) out["currency"] = of_.currency;
    for (const std::string& dimension : of_.dimensions) {
      if (std::string word = WordOf(figures, dimension); !word.empty()) out[dimension] = std::move(word);
    }
    for (const StatsField& field : of_.fields) {
      const value* const given = figures.if_contains(field.name);
      if (given != nullptr && !given->is_null()) out[field.name] = ValueOf(field, *given);
    }
    record.value = boost::json::serialize(out);
    page_.records.push_back(std::move(record));
  }

  const StatsRowsOf& of_;
  StatsPage& page_;
};

}  // namespace

std::string StatsGranularityName(StatsGranularity granularity) {
  switch (granularity) {
    case StatsGranularity::kHour:
      return "hour";
    case StatsGranularity::kDay:
      return "day";
    case StatsGranularity::kTotal:
      return "total";
    case StatsGranularity::kLifetime:
      return "lifetime";
  }
  return "";
}

StatsPage ReadStatsPage(const StatsRowsOf& of, const object& body) {
  StatsPage page;
  page.next = NextPageOf(body);
  const auto [list, item] = NamesOf(of.granularity);
  const auto* const elements = ArrayIn(body, list);
  if (elements == nullptr) {
    page.whole = false;
    return page;
  }
  PageReader reader(of, &page);
  for (const value& element : *elements) {
    const object* const stat = element.is_object() ? ObjectIn(element.get_object(), item) : nullptr;
    if (stat == nullptr || !Succeeded(element.get_object())) {
      page.whole = false;
      continue;
    }
    // An account without campaigns has no parts, and is none.
    if (of.level == "account" || stat->contains("breakdown_stats")) reader.Read(*stat);
  }
  return page;
}

}  // namespace millrace
