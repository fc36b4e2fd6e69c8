#include "connectors/snapchat/entity_rows.h"

#include <array>
#include <cstdio>

#include <boost/json.hpp>

#include "connectors/snapchat/marketing_page.h"
#include "connectors/snapchat/time_field.h"

namespace millrace {
namespace {

using boost::json::object;

constexpr std::int64_t kMicro = 1'000'000;
constexpr const char* kTexts[] = {
    "organization_id", "ad_account_id", "campaign_id", "ad_squad_id", "name",       "status",  "type",
    "currency",        "timezone",      "created_at",  "updated_at",  "start_time", "end_time"};
/// In micro-currency, under the name with "_micro" behind it.
constexpr const char* kAmounts[] = {"daily_budget", "lifetime_budget", "lifetime_spend_cap", "bid"};

}  // namespace

std::string EntityKey(const EntityKind& kind, const std::string& id) {
  return std::string(kind.name) + "/" + id;
}

std::string FromMicro(std::int64_t micro) {
  const std::uint64_t whole =
      micro < 0 ? 0U - static_cast<std::uint64_t>(micro) : static_cast<std::uint64_t>(micro);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%s%llu.%06llu", micro < 0 ? "-" : "",
                static_cast<unsigned long long>(whole / kMicro),
                static_cast<unsigned long long>(whole % kMicro));
  return text.data();
}

FeedRecord EntityRecord(const EntityKind& kind, const object& entity,
                        const std::vector<std::pair<std::string, std::string>>& parents, EventTime now) {
  FeedRecord record;
  record.key = EntityKey(kind, TextField(entity, "id"));
  object row;
  row["key"] = record.key;
  row["kind"] = boost::json::string_view(kind.name.data(), kind.name.size());
  row["id"] = TextField(entity, "id");
  for (const auto& [name, value] : parents) row[name] = value;
  for (const char* name : kTexts) {
    if (std::string text = TextField(entity, name); !text.empty()) row[name] = std::move(text);
  }
  for (const char* name : kAmounts) {
    const boost::json::value* const micro = entity.if_contains(std::string(name) + "_micro");
    if (micro != nullptr && micro->is_int64()) row[name] = FromMicro(micro->get_int64());
  }
  row["object"] = entity;
  record.value = boost::json::serialize(row);
  record.time = TimeField(entity, "updated_at").value_or(TimeField(entity, "created_at").value_or(now));
  return record;
}

}  // namespace millrace
