#include "snap_server/entity_json.h"

#include "snap_server/mixed_hash.h"
#include "snap_server/time_text.h"

namespace millrace::snap {
namespace {

constexpr std::int64_t kMicro = 1'000'000;

/// Each change of a campaign, squad or ad pauses it or lets it run again.
const char* StatusOf(const Entity& entity, EventTime now) {
  return entity.Changes(now) % 2 == 0 ? "ACTIVE" : "PAUSED";
}

std::int64_t DailyBudget(const Entity& entity) {
  return static_cast<std::int64_t>(20 + HashOf(entity.id) % 200) * kMicro;
}

void AddAccountFields(const Entity& account, json::object* out) {
  (*out)["type"] = "PARTNER";
  (*out)["status"] = "ACTIVE";
  (*out)["organization_id"] = JsonText(account.parent->id);
  (*out)["currency"] = JsonText(account.currency);
  (*out)["timezone"] = JsonText(account.zone.name());
  (*out)["advertiser"] = JsonText(account.name);
}

void AddCampaignFields(const Entity& campaign, EventTime now, json::object* out) {
  (*out)["ad_account_id"] = JsonText(campaign.account->id);
  (*out)["status"] = StatusOf(campaign, now);
  (*out)["objective"] = "WEB_CONVERSION";
  (*out)["buy_model"] = "AUCTION";
  (*out)["start_time"] = JsonText(UtcText(campaign.created_at));
  (*out)["daily_budget_micro"] = DailyBudget(campaign);
}

void AddSquadFields(const Entity& squad, EventTime now, json::object* out) {
  (*out)["campaign_id"] = JsonText(squad.parent->id);
  (*out)["status"] = StatusOf(squad, now);
  (*out)["type"] = "SNAP_ADS";
  (*out)["placement"] = "SNAP_ADS";
  (*out)["billing_event"] = "IMPRESSION";
  (*out)["optimization_goal"] = "PIXEL_PURCHASE";
  (*out)["bid_micro"] = kMicro;
  (*out)["daily_budget_micro"] = DailyBudget(squad);
  (*out)["start_time"] = JsonText(UtcText(squad.created_at));
}

void AddAdFields(const Entity& ad, EventTime now, json::object* out) {
  (*out)["ad_squad_id"] = JsonText(ad.parent->id);
  (*out)["creative_id"] = JsonText(ad.creative->id);
  (*out)["status"] = StatusOf(ad, now);
  (*out)["review_status"] = "APPROVED";
  (*out)["type"] = "REMOTE_WEBPAGE";
}

void AddCreativeFields(const Entity& creative, json::object* out) {
  (*out)["ad_account_id"] = JsonText(creative.account->id);
  (*out)["type"] = "WEB_VIEW";
  (*out)["headline"] = JsonText(creative.name);
  (*out)["brand_name"] = JsonText(creative.account->name);
  (*out)["top_snap_media_id"] = JsonText(creative.media->id);
  (*out)["web_view_properties"] = json::object{{"url", "https://shop.example/?ScCid=Aa1"}};
}

}  // namespace

json::object EntityJson(const Entity& entity, EventTime now) {
  json::object out{{"id", JsonText(entity.id)},
                   {"updated_at", JsonText(UtcText(entity.UpdatedAt(now)))},
                   {"created_at", JsonText(UtcText(entity.created_at))},
                   {"name", JsonText(entity.name)}};
  switch (entity.kind) {
    case Kind::kOrganization:
      out["country"] = "US";
      out["type"] = "ENTERPRISE";
      break;
    case Kind::kAccount:
      AddAccountFields(entity, &out);
      break;
    case Kind::kCampaign:
      AddCampaignFields(entity, now, &out);
      break;
    case Kind::kSquad:
      AddSquadFields(entity, now, &out);
      break;
    case Kind::kAd:
      AddAdFields(entity, now, &out);
      break;
    case Kind::kCreative:
      AddCreativeFields(entity, &out);
      break;
    case Kind::kMedia:
      out["ad_account_id"] = JsonText(entity.account->id);
      out["type"] = "VIDEO";
      out["media_status"] = "READY";
      break;
    case Kind::kPixel:
      out["ad_account_id"] = JsonText(entity.account->id);
      out["effective_status"] = "ACTIVE";
      break;
  }
  return out;
}

}  // namespace millrace::snap
