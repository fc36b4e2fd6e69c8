#include "connectors/snapchat/conversion_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <iterator>

#include <arrow/type.h>

#include "expr/time_text.h"

namespace millrace {
namespace {

// Ascending.
constexpr std::string_view kEventNames[] = {
    "ACHIEVEMENT_UNLOCKED",
    "ADD_BILLING",
    "ADD_CART",
    "ADD_TO_WISHLIST",
    "AD_CLICK",
    "AD_VIEW",
    "APP_INSTALL",
    "APP_OPEN",
    "COMPLETE_TUTORIAL",
    "CUSTOM_EVENT_1",
    "CUSTOM_EVENT_2",
    "CUSTOM_EVENT_3",
    "CUSTOM_EVENT_4",
    "CUSTOM_EVENT_5",
    "INVITE",
    "LEVEL_COMPLETE",
    "LIST_VIEW",
    "LOGIN",
    "PAGE_VIEW",
    "PURCHASE",
    "RATE",
    "RESERVE",
    "SAVE",
    "SEARCH",
    "SHARE",
    "SIGN_UP",
    "SPENT_CREDITS",
    "START_CHECKOUT",
    "START_TRIAL",
    "SUBSCRIBE",
    "VIEW_CONTENT",
};

// ISO 4217 without funds, metals and test codes; ascending.
constexpr std::string_view kCurrencies[] = {
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD",
    "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY",
    "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP",
    "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR",
    "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT",
    "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR",
    "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK",
    "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD",
    "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY",
    "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VES", "VND", "VUV", "WST", "XAF", "XCD", "XCG",
    "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
};

struct Source {
  std::string_view name;  // lower case
  std::string_view known;
};
constexpr Source kSources[] = {
    {"web", kWeb},
    {"website", kWeb},
    {"mobile_app", kMobileApp},
    {"app", kMobileApp},
    {"offline", kOffline},
    {"physical_store", kOffline},
    {"phone_call", kOffline},
    {"email", kOffline},
    {"chat", kOffline},
    {"business_messaging", kOffline},
    {"system_generated", kOffline},
    {"other", kOffline},
};

constexpr std::size_t kLongestName = 32;

constexpr char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// The entry of an ascending list that is `text` in upper case.
template <std::size_t n>
std::string_view FindUpper(const std::string_view (&list)[n], std::string_view text) {
  if (text.size() > kLongestName) return {};
  std::array<char, kLongestName> upper{};
  std::transform(text.begin(), text.end(), upper.begin(), Upper);
  const std::string_view wanted(upper.data(), text.size());
  const auto* const found = std::lower_bound(std::begin(list), std::end(list), wanted);
  return found != std::end(list) && *found == wanted ? *found : std::string_view();
}

}  // namespace

std::string_view KnownEventName(std::string_view name) { return FindUpper(kEventNames, name); }

const std::vector<std::string>& KnownEventNames() {
  static const std::vector<std::string> names(std::begin(kEventNames), std::end(kEventNames));
  return names;
}

std::string_view KnownActionSource(std::string_view source) {
  const auto same = [source](const Source& known) {
    return std::equal(source.begin(), source.end(), known.name.begin(), known.name.end(),
                      [](char a, char b) { return Lower(a) == b; });
  };
  const auto* const found = std::find_if(std::begin(kSources), std::end(kSources), same);
  return found == std::end(kSources) ? std::string_view() : found->known;
}

std::string_view KnownCurrency(std::string_view code) { return FindUpper(kCurrencies, code); }

bool IsAssetId(std::string_view id) {
  constexpr std::size_t kLongest = 128;
  return !id.empty() && id.size() <= kLongest && std::all_of(id.begin(), id.end(), [](char c) {
    return (Upper(c) >= 'A' && Upper(c) <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

std::int64_t TimeInMs(std::int64_t time) {
  constexpr std::int64_t kMost = 100'000'000'000;  // seconds: the year 5138; milliseconds: 1973
  std::int64_t unit = 1;
  while (unit < 1'000'000'000 && (time / unit >= kMost || time / unit <= -kMost)) unit *= 1000;
  // `unit` of them are a second.
  return unit == 1 ? time * 1000 : time / (unit / 1000);
}

std::optional<std::int64_t> TimeInMs(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return TimeInMs(number);
  const auto time = expr_internal::ParseTime(text);
  return time ? time->In(arrow::TimeUnit::MILLI) : std::nullopt;
}

}  // namespace millrace
