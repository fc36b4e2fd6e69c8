#include "connectors/snapchat/conversion_fields.h"

#include <algorithm>

namespace millrace {
namespace {

using T = ConversionType;

constexpr ConversionField kFields[] = {
    {"", "event_name", T::kText},
    {"", "event_time", T::kTime},
    {"", "action_source", T::kText},
    {"", "event_id", T::kText},
    {"", "event_source_url", T::kText},
    {"", "opt_out", T::kFlag},
    {"", "data_processing_options", T::kTexts},
    {"", "data_processing_options_country", T::kInteger},
    {"", "data_processing_options_state", T::kInteger},
    {"", "integration", T::kText},
    {"", "request_id", T::kText},
    {"", "raw_request", T::kText},

    {"user_data", "em", T::kHashed, "snap_hash_email"},
    {"user_data", "ph", T::kHashed, "snap_hash_phone"},
    {"user_data", "fn", T::kHashed, "snap_hash_name"},
    {"user_data", "ln", T::kHashed, "snap_hash_name"},
    {"user_data", "ge", T::kHashed, "snap_hash_gender"},
    {"user_data", "ct", T::kHashed, "snap_hash_city"},
    {"user_data", "st", T::kHashed, "snap_hash_state"},
    {"user_data", "zp", T::kHashed, "snap_hash_zip"},
    {"user_data", "country", T::kHashed, "snap_hash_country"},
    {"user_data", "db", T::kHashed, "snap_hash_birthday"},
    {"user_data", "external_id", T::kHashed, "snap_hash_external_id"},
    {"user_data", "madid", T::kText, "lower", "mobile_ad_id"},
    {"user_data", "idfv", T::kText},
    {"user_data", "client_ip_address", T::kText},
    {"user_data", "client_user_agent", T::kText},
    {"user_data", "sc_click_id", T::kText},
    {"user_data", "sc_cookie1", T::kText},
    {"user_data", "subscription_id", T::kText},
    {"user_data", "lead_id", T::kText},
    {"user_data", "anon_id", T::kTexts},
    {"user_data", "download_id", T::kText},
    {"user_data", "partner_id", T::kText},

    {"custom_data", "currency", T::kText},
    {"custom_data", "value", T::kNumber},
    {"custom_data", "content_category", T::kTextOrTexts},
    {"custom_data", "content_ids", T::kTexts},
    {"custom_data", "content_name", T::kText},
    {"custom_data", "content_type", T::kText},
    {"custom_data", "contents", T::kContents},
    {"custom_data", "delivery_category", T::kText},
    {"custom_data", "num_items", T::kInteger},
    {"custom_data", "order_id", T::kText},
    {"custom_data", "search_string", T::kText},
    {"custom_data", "status", T::kText},
    {"custom_data", "sign_up_method", T::kText},
    {"custom_data", "brands", T::kTextOrTexts},
    {"custom_data", "predicted_ltv", T::kNumber},
    {"custom_data", "event_tag", T::kText},
    {"custom_data", "destination_ids", T::kTexts},
    {"custom_data", "custom_fields", T::kObject},
    {"custom_data", "checkin_date", T::kText},
    {"custom_data", "travel_start", T::kText},
    {"custom_data", "travel_end", T::kText},
    {"custom_data", "suggested_destinations", T::kTexts},
    {"custom_data", "destination_airport", T::kText},
    {"custom_data", "origin_airport", T::kText},
    {"custom_data", "country", T::kText},
    {"custom_data", "city", T::kText},
    {"custom_data", "region", T::kText},
    {"custom_data", "neighborhood", T::kText},
    {"custom_data", "departing_departure_date", T::kText},
    {"custom_data", "departing_arrival_date", T::kText},
    {"custom_data", "returning_departure_date", T::kText},
    {"custom_data", "returning_arrival_date", T::kText},
    {"custom_data", "num_adults", T::kInteger},
    {"custom_data", "num_children", T::kInteger},
    {"custom_data", "num_infants", T::kInteger},
    {"custom_data", "hotel_score", T::kText},
    {"custom_data", "postal_code", T::kText},
    {"custom_data", "preferred_neighborhoods", T::kTexts},
    {"custom_data", "preferred_star_ratings", T::kTexts},
    {"custom_data", "suggested_hotels", T::kTexts},

    {"app_data", "app_id", T::kText},
    {"app_data", "advertiser_tracking_enabled", T::kBit},
    {"app_data", "application_tracking_enabled", T::kBit},
    {"app_data", "extinfo", T::kTexts},
    {"app_data", "campaign_ids", T::kTextOrTexts},
    {"app_data", "install_referrer", T::kText},
    {"app_data", "installer_package", T::kText},
    {"app_data", "url_schemes", T::kTexts},
    {"app_data", "windows_attribution_id", T::kText},
};

std::string PathOf(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : std::string(section) + "." + std::string(name);
}

bool HasOther(const ConversionField& field) { return !field.also.empty(); }

}  // namespace

std::string ConversionField::path() const { return PathOf(section, name); }

std::span<const ConversionField> ConversionFields() { return kFields; }

const ConversionField* FindConversionField(std::string_view path_or_name) {
  const auto* const by_path =
      std::find_if(std::begin(kFields), std::end(kFields), [&](const ConversionField& field) {
        return field.path() == path_or_name ||
               (HasOther(field) && PathOf(field.section, field.also) == path_or_name);
      });
  if (by_path != std::end(kFields)) return by_path;
  const auto* const by_name =
      std::find_if(std::begin(kFields), std::end(kFields), [&](const ConversionField& field) {
        return field.name == path_or_name || (HasOther(field) && field.also == path_or_name);
      });
  return by_name == std::end(kFields) ? nullptr : by_name;
}

const std::vector<std::string>& ConversionFieldNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const ConversionField& field : kFields) out.push_back(field.path());
    for (const ConversionField& field : kFields) out.emplace_back(field.name);
    for (const ConversionField& field : kFields) {
      if (HasOther(field)) out.emplace_back(field.also);
    }
    return out;
  }();
  return names;
}

}  // namespace millrace
