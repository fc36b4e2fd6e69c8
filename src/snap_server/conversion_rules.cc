#include "snap_server/conversion_rules.h"

#include <algorithm>
#include <array>

#include "snap_server/currency_codes.h"

namespace millrace::snap {
namespace {

constexpr auto kEventNames = std::to_array<std::string_view>({"PAGE_VIEW",
                                                              "VIEW_CONTENT",
                                                              "LIST_VIEW",
                                                              "SEARCH",
                                                              "ADD_CART",
                                                              "ADD_TO_WISHLIST",
                                                              "START_CHECKOUT",
                                                              "ADD_BILLING",
                                                              "PURCHASE",
                                                              "SIGN_UP",
                                                              "SUBSCRIBE",
                                                              "START_TRIAL",
                                                              "LOGIN",
                                                              "SHARE",
                                                              "SAVE",
                                                              "RESERVE",
                                                              "INVITE",
                                                              "RATE",
                                                              "COMPLETE_TUTORIAL",
                                                              "LEVEL_COMPLETE",
                                                              "SPENT_CREDITS",
                                                              "AD_CLICK",
                                                              "AD_VIEW",
                                                              "APP_INSTALL",
                                                              "APP_OPEN",
                                                              "CUSTOM_EVENT_1",
                                                              "CUSTOM_EVENT_2",
                                                              "CUSTOM_EVENT_3",
                                                              "CUSTOM_EVENT_4",
                                                              "CUSTOM_EVENT_5",
                                                              "ACHIEVEMENT_UNLOCKED"});

/// With the names that the same places have in the events of others.
constexpr auto kWebSources = std::to_array<std::string_view>({"WEB", "website"});
constexpr auto kAppSources = std::to_array<std::string_view>({"MOBILE_APP", "app"});
constexpr auto kOfflineSources =
    std::to_array<std::string_view>({"OFFLINE", "physical_store", "phone_call", "email", "chat",
                                     "system_generated", "business_messaging", "other"});

constexpr auto kRootFields = std::to_array<Field>({{"event_name", kText},
                                                   {"event_time", kOwnRule},
                                                   {"action_source", kText},
                                                   {"event_id", kText},
                                                   {"event_source_url", kText},
                                                   {"opt_out", kYesNo},
                                                   {"data_processing_options", kTexts | kText},
                                                   {"data_processing_options_country", kWhole},
                                                   {"data_processing_options_state", kWhole},
                                                   {"user_data", kObject},
                                                   {"custom_data", kObject},
                                                   {"app_data", kObject},
                                                   {"integration", kText},
                                                   {"asset_id", kText},
                                                   {"request_id", kText},
                                                   {"raw_request", kText},
                                                   {"test_event_code", kText}});

constexpr auto kUserFields = std::to_array<Field>({{"em", kHash},
                                                   {"ph", kHash},
                                                   {"fn", kHash},
                                                   {"ln", kHash},
                                                   {"ge", kHash},
                                                   {"ct", kHash},
                                                   {"st", kHash},
                                                   {"zp", kHash},
                                                   {"country", kHash},
                                                   {"db", kHash},
                                                   {"external_id", kText | kTexts},
                                                   {"madid", kText},
                                                   {"mobile_ad_id", kText},
                                                   {"idfv", kText},
                                                   {"client_ip_address", kAddress},
                                                   {"client_user_agent", kText},
                                                   {"sc_click_id", kText},
                                                   {"sc_cookie1", kText},
                                                   {"subscription_id", kText},
                                                   {"lead_id", kText},
                                                   {"anon_id", kText | kTexts},
                                                   {"download_id", kText},
                                                   {"partner_id", kText}});

constexpr auto kCustomFields = std::to_array<Field>({{"currency", kText},
                                                     {"value", kNumber},
                                                     {"content_category", kText | kTexts},
                                                     {"content_ids", kTexts},
                                                     {"content_name", kText},
                                                     {"content_type", kText | kTexts},
                                                     {"contents", kObjects},
                                                     {"delivery_category", kText},
                                                     {"num_items", kWhole},
                                                     {"order_id", kText},
                                                     {"search_string", kText},
                                                     {"status", kText},
                                                     {"sign_up_method", kText},
                                                     {"brands", kText | kTexts},
                                                     {"predicted_ltv", kNumber},
                                                     {"event_tag", kText},
                                                     {"destination_ids", kText | kTexts},
                                                     {"custom_fields", kObject},
                                                     {"checkin_date", kText},
                                                     {"travel_start", kText},
                                                     {"travel_end", kText},
                                                     {"suggested_destinations", kText | kTexts},
                                                     {"destination_airport", kText},
                                                     {"origin_airport", kText},
                                                     {"country", kText},
                                                     {"city", kText},
                                                     {"region", kText},
                                                     {"neighborhood", kText},
                                                     {"departing_departure_date", kText},
                                                     {"departing_arrival_date", kText},
                                                     {"returning_departure_date", kText},
                                                     {"returning_arrival_date", kText},
                                                     {"num_adults", kWhole},
                                                     {"num_children", kWhole},
                                                     {"num_infants", kWhole},
                                                     {"hotel_score", kText | kNumber},
                                                     {"postal_code", kText},
                                                     {"preferred_neighborhoods", kText | kTexts},
                                                     {"preferred_star_ratings", kText | kTexts},
                                                     {"suggested_hotels", kText | kTexts}});

constexpr auto kContentFields = std::to_array<Field>({{"id", kText},
                                                      {"quantity", kText | kWhole},
                                                      {"item_price", kText | kNumber},
                                                      {"delivery_category", kText},
                                                      {"brand", kText}});

constexpr auto kAppFields = std::to_array<Field>({{"app_id", kText},
                                                  {"advertiser_tracking_enabled", kYesNo},
                                                  {"application_tracking_enabled", kYesNo},
                                                  {"extinfo", kTexts},
                                                  {"campaign_ids", kText | kTexts},
                                                  {"install_referrer", kText},
                                                  {"installer_package", kText},
                                                  {"url_schemes", kTexts},
                                                  {"windows_attribution_id", kText}});

constexpr std::size_t kExtinfoEntries = 16;
constexpr std::int64_t kFirstMilliseconds = 100'000'000'000;  // as seconds: the year 5138
constexpr std::int64_t kLatest_ms = 1'000'000'000'000'000;    // far from overflow

template <typename Names>
bool IsOneOf(std::string_view word, const Names& names) {
  return std::find(names.begin(), names.end(), word) != names.end();
}

/// A part of an event; empty when there is none.
const json::object& Section(const json::object& event, std::string_view name) {
  static const json::object nothing;
  const json::value* const value = Member(event, name);
  return value != nullptr && value->is_object() ? value->get_object() : nothing;
}

void CheckTime(const json::object& event, EventTime now, Findings* findings) {
  const json::value* const value = Given(event, "event_time");
  if (value == nullptr) {
    findings->errors.emplace_back("missing required field event_time");
    return;
  }
  const std::optional<std::int64_t> number = WholeNumber(*value);
  if (!number) {
    findings->errors.emplace_back(
        "timestamp invalid: event_time must be an integer of seconds or milliseconds");
    return;
  }
  const std::int64_t age_ms = now.value() - TimeOfEvent(*number).value();
  if (age_ms > kMaxEventAge.count()) {
    findings->errors.emplace_back("timestamp out of range: event_time is more than 37 days ago");
  } else if (-age_ms > kMaxEventAhead.count()) {
    findings->errors.emplace_back("timestamp out of range: event_time is in the future");
  } else if (age_ms > kUsualEventAge.count()) {
    findings->warnings.emplace_back("event_time is more than 7 days ago");
  }
}

void CheckWho(const json::object& user, bool of_app, Findings* findings) {
  const bool browser =
      Given(user, "client_ip_address") != nullptr && Given(user, "client_user_agent") != nullptr;
  const bool device = of_app && (Given(user, "madid") != nullptr || Given(user, "mobile_ad_id") != nullptr);
  if (Given(user, "em") == nullptr && Given(user, "ph") == nullptr && !browser && !device) {
    findings->errors.emplace_back(
        "insufficient PII: user_data needs em, ph, client_ip_address with client_user_agent, or madid of an "
        "app "
        "event");
  }
  const std::string madid = TextMember(user, "madid");
  if (std::any_of(madid.begin(), madid.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    findings->warnings.emplace_back("user_data.madid should be lower case");
  }
}

void CheckMoney(const json::object& custom, bool purchase, Findings* findings) {
  const json::value* const currency = Given(custom, "currency");
  const json::value* const value = Given(custom, "value");
  if (purchase && (currency == nullptr || value == nullptr)) {
    findings->errors.emplace_back("missing price and/or currency in PURCHASE event");
  }
  if (currency != nullptr && currency->is_string() && !IsCurrencyCode(TextOf(currency->get_string()))) {
    findings->errors.push_back(TextOf(currency->get_string()) + " is not a valid currency code");
  }
}

void CheckContents(const json::object& custom, Findings* findings) {
  const json::value* const contents = Member(custom, "contents");
  if (contents == nullptr || !contents->is_array()) return;
  for (const json::value& content : contents->get_array()) {
    if (content.is_object()) {
      CheckFields(content.get_object(), kContentFields, "custom_data.contents.", findings);
    }
  }
}

void CheckApp(const json::object& event, bool of_app, Findings* findings) {
  const json::value* const extinfo = Given(Section(event, "app_data"), "extinfo");
  if (extinfo == nullptr) {
    if (of_app) findings->errors.emplace_back("missing required field app_data.extinfo of an app event");
    return;
  }
  if (!extinfo->is_array()) return;  // already complained about
  const json::array& entries = extinfo->get_array();
  if (entries.size() != kExtinfoEntries) {
    findings->errors.push_back("app_data.extinfo must have 16 entries, not " +
                               std::to_string(entries.size()));
  } else if (entries[0] != "a2" && entries[0] != "i2") {
    findings->errors.emplace_back("app_data.extinfo must begin with a2 or i2");
  }
}

/// Name, source and address of the page. Returns whether it is an event of an app.
bool CheckWhatAndWhere(const json::object& event, Findings* findings) {
  for (const char* required : {"event_name", "action_source", "user_data"}) {
    if (Given(event, required) == nullptr) {
      findings->errors.push_back("missing required field " + std::string(required));
    }
  }
  const std::string name = TextMember(event, "event_name");
  if (!name.empty() && !IsOneOf(name, kEventNames)) {
    findings->errors.push_back("event_name " + name + " is not one of Snap's");
  }
  const std::string source = TextMember(event, "action_source");
  const bool web = IsOneOf(source, kWebSources);
  const bool app = IsOneOf(source, kAppSources);
  if (!source.empty() && !web && !app && !IsOneOf(source, kOfflineSources)) {
    findings->errors.push_back("action_source " + source + " must be WEB, MOBILE_APP or OFFLINE");
  }
  if (web && Given(event, "event_source_url") == nullptr) {
    findings->errors.emplace_back("missing required field event_source_url");
  }
  return app;
}

}  // namespace

EventTime TimeOfEvent(std::int64_t number) {
  const bool milliseconds = number >= kFirstMilliseconds || number <= -kFirstMilliseconds;
  return EventTime(milliseconds ? std::clamp(number, -kLatest_ms, kLatest_ms) : number * 1000);
}

Findings CheckEvent(const json::value& value, EventTime now) {
  Findings findings;
  if (!value.is_object()) {
    findings.errors.emplace_back("an event must be an object");
    return findings;
  }
  const json::object& event = value.get_object();
  CheckFields(event, kRootFields, "", &findings);
  CheckFields(Section(event, "user_data"), kUserFields, "user_data.", &findings);
  CheckFields(Section(event, "custom_data"), kCustomFields, "custom_data.", &findings);
  CheckFields(Section(event, "app_data"), kAppFields, "app_data.", &findings);
  const bool of_app = CheckWhatAndWhere(event, &findings);
  CheckTime(event, now, &findings);
  if (Given(event, "user_data") != nullptr) CheckWho(Section(event, "user_data"), of_app, &findings);
  CheckMoney(Section(event, "custom_data"), TextMember(event, "event_name") == "PURCHASE", &findings);
  CheckContents(Section(event, "custom_data"), &findings);
  CheckApp(event, of_app, &findings);
  return findings;
}

}  // namespace millrace::snap
