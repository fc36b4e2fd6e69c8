#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// The name that Snap gives to an event, for it in any case; "" for one that Snap does not know.
std::string_view KnownEventName(std::string_view name);
/// All of them, for "did you mean".
const std::vector<std::string>& KnownEventNames();

inline constexpr std::string_view kWeb = "WEB";
inline constexpr std::string_view kMobileApp = "MOBILE_APP";
inline constexpr std::string_view kOffline = "OFFLINE";

/// WEB, MOBILE_APP or OFFLINE, for one of these in any case or for what other platforms call them (website,
/// app, physical_store, phone_call, ...); "" for anything else.
std::string_view KnownActionSource(std::string_view source);

/// The ISO 4217 code in upper case, for it in any case; "" for anything else.
std::string_view KnownCurrency(std::string_view code);

/// Letters, digits, '-', '_' and '.', at most 128 of them: what may stand in a URL as the id of a pixel or an
/// app.
bool IsAssetId(std::string_view id);

/// A time given as a whole number of seconds, milliseconds, microseconds or nanoseconds since the epoch, in
/// milliseconds. Which of them is seen from its size: what is within a century of today in one of them is not
/// in another.
std::int64_t TimeInMs(std::int64_t time);
/// The same of a text: the digits of such a number, or a time in ISO 8601, which is UTC without an offset;
/// nullopt for anything else.
std::optional<std::int64_t> TimeInMs(std::string_view text);

}  // namespace millrace
