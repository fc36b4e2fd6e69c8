#include "snap_server/conversion_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snap_server/currency_codes.h"
#include "snap_server/snap_server_harness.h"

namespace millrace::snap {
namespace {

using testing::HasSubstr;

constexpr const char* kHash = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b";

std::string Extinfo(int entries, const std::string& first = "a2") {
  std::string list = "[\"" + first + "\"";
  for (int i = 1; i < entries; ++i) list += ",\"\"";
  return list + "]";
}

std::string App(const std::string& extinfo) {
  return R"({"action_source": "MOBILE_APP", "event_source_url": null, "user_data": {"madid": "ab-cd"},
             "app_data": {"app_id": "1", "advertiser_tracking_enabled": 1, "extinfo": )" +
         extinfo + "}}";
}

Findings Check(const std::string& changes) { return CheckEvent(json::parse(EventWith(changes)), kTestNow); }

/// "{}" as the user's data etc. with the hash in the place of #.
std::string WithHash(std::string text) {
  for (std::size_t at = text.find('#'); at != std::string::npos; at = text.find('#')) {
    text.replace(at, 1, kHash);
  }
  return text;
}

TEST(ConversionRules, TakeWhatSnapDescribes) {
  const std::string cases[] = {
      "{}",
      R"({"event_id": null})",
      R"({"event_time": 1742471000123})",                        // milliseconds
      R"({"event_time": 1739275201})",                           // almost 37 days ago
      R"({"event_time": 1742558400})",                           // a day ahead
      R"({"custom_data": {"currency": "JPY", "value": "12"}})",  // as in Snap's example
      R"({"custom_data": {"currency": "EUR", "value": 1, "contents": [{"id": "a", "quantity": "1", "item_price": 2}],
          "content_ids": ["a"], "num_items": 1}})",
      R"({"event_name": "PAGE_VIEW", "custom_data": null})",
      R"({"event_name": "CUSTOM_EVENT_5"})",
      R"({"action_source": "OFFLINE", "event_source_url": null})",
      R"({"action_source": "physical_store", "event_source_url": null})",
      R"({"action_source": "website"})",
      WithHash(R"({"user_data": {"ph": ["#", "#"], "fn": "#", "db": "#", "external_id": "plain"}})"),
      R"({"user_data": {"client_ip_address": "203.0.113.9", "client_user_agent": "Mozilla/5.0"}})",
      R"({"user_data": {"client_ip_address": "2001:db8::1", "client_user_agent": "Mozilla/5.0"}})",
      R"({"data_processing_options": ["LMU"], "opt_out": false})",
      App(Extinfo(16)),
      App(Extinfo(16, "i2")),
  };
  for (const std::string& changes : cases) {
    EXPECT_THAT(Check(changes).errors, testing::IsEmpty()) << changes;
  }
}

TEST(ConversionRules, RefuseWhatSnapRefuses) {
  const struct {
    std::string changes;
    std::string error;
  } cases[] = {
      {R"({"event_name": null})", "missing required field event_name"},
      {R"({"event_name": "ADD_TO_CART"})", "event_name ADD_TO_CART"},
      {R"({"event_name": "Purchase"})", "event_name Purchase"},
      {R"({"event_time": null})", "missing required field event_time"},
      {R"({"event_time": "1742471000"})", "timestamp invalid"},
      {R"({"event_time": 1742471000.5})", "timestamp invalid"},
      {R"({"event_time": 1739275199})", "more than 37 days"},
      {R"({"event_time": 1742558401})", "in the future"},
      {R"({"event_time": 9223372036854775807})", "in the future"},
      {R"({"event_time": -9223372036854775808})", "more than 37 days"},
      {R"({"action_source": null})", "missing required field action_source"},
      {R"({"action_source": "SHOP"})", "action_source SHOP"},
      {R"({"event_source_url": null})", "missing required field event_source_url"},
      {R"({"user_data": null})", "missing required field user_data"},
      {R"({"user_data": {}})", "insufficient PII"},
      {R"({"user_data": {"client_ip_address": "203.0.113.9"}})", "insufficient PII"},
      {R"({"user_data": {"madid": "ab-cd"}})", "insufficient PII"},  // not of an app
      {R"({"user_data": {"em": "ada@example.com"}})", "user_data.em is unhashed PII"},
      {R"({"user_data": {"em": ["973DFE463EC85785F5F95AF5BA3906EEDB2D931C24E69824A89EA65DBA4E813B"]}})",
       "user_data.em is unhashed PII"},
      {WithHash(R"({"user_data": {"em": "#", "ct": "berlin"}})"), "user_data.ct is unhashed PII"},
      {WithHash(R"({"user_data": {"em": "#", "client_ip_address": "#"}})"), "must be an IP address"},
      {R"({"custom_data": null})", "missing price and/or currency"},
      {R"({"custom_data": {"currency": "USD"}})", "missing price and/or currency"},
      {R"({"custom_data": {"value": 1}})", "missing price and/or currency"},
      {R"({"custom_data": {"currency": "USD", "value": "a lot"}})", "custom_data.value must be a number"},
      {R"({"custom_data": {"currency": "usd", "value": 1}})", "usd is not a valid currency code"},
      {R"({"custom_data": {"currency": "GALLEON", "value": 1}})", "GALLEON is not a valid currency code"},
      {R"({"event_name": "SAVE", "custom_data": {"content_ids": "a"}})",
       "content_ids must be a list of strings"},
      {R"({"opt_out": "no"})", "opt_out must be a boolean"},
      {R"({"event_id": 7})", "event_id must be a string"},
      {App("[]"), "missing required field app_data.extinfo"},
      {App(Extinfo(15)), "must have 16 entries, not 15"},
      {App(Extinfo(16, "x")), "must begin with a2 or i2"},
      {R"({"action_source": "MOBILE_APP"})", "missing required field app_data.extinfo"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Check(c.changes).errors, testing::Contains(HasSubstr(c.error))) << c.changes;
  }
  EXPECT_THAT(CheckEvent(json::value(7), kTestNow).errors, testing::Contains(HasSubstr("must be an object")));
}

TEST(ConversionRules, WarnOfWhatSnapMayNotUse) {
  EXPECT_THAT(Check(R"({"event_time": 1741867199})").warnings,
              testing::Contains(HasSubstr("more than 7 days")));
  EXPECT_THAT(Check(R"({"event_nam": "x"})").warnings, testing::Contains("unknown field event_nam"));
  EXPECT_THAT(Check(R"({"user_data": {"madid": "AB", "em": ")" + std::string(kHash) + "\"}}").warnings,
              testing::Contains(HasSubstr("lower case")));
  EXPECT_THAT(Check("{}").warnings, testing::IsEmpty());
}

TEST(CurrencyCodes, AreThoseInUse) {
  for (const char* code : {"USD", "EUR", "AED", "ZMW", "JPY", "XCG", "ZWG"})
    EXPECT_TRUE(IsCurrencyCode(code)) << code;
  for (const char* code : {"", "usd", "DEM", "XXX", "EURO"}) EXPECT_FALSE(IsCurrencyCode(code)) << code;
}

}  // namespace
}  // namespace millrace::snap
