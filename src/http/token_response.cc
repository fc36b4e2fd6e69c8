#include "http/token_response.h"

#include <charconv>
#include <cmath>

#include <boost/json/src.hpp>

namespace millrace {
namespace {

namespace json = boost::json;

/// A hundred years: far from overflow.
constexpr double kMaxSeconds = 3.2e9;

std::string Text(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(json::string_view(name.data(), name.size()));
  return value != nullptr && value->is_string()
             ? std::string(value->as_string().c_str(), value->as_string().size())
             : std::string();
}

std::optional<Duration> Seconds(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr) return std::nullopt;
  double seconds = -1;
  if (value->is_number()) {
    seconds = value->to_number<double>();
  } else if (const std::string text = Text(object, name); !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  }
  if (!(seconds >= 0)) return std::nullopt;
  return Duration(static_cast<std::int64_t>(std::min(seconds, kMaxSeconds) * 1000));
}

}  // namespace

TokenResponse ReadTokenResponse(std::string_view text) {
  TokenResponse response;
  json::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return response;
  const json::object& object = value.get_object();
  response.access_token = Text(object, "access_token");
  response.refresh_token = Text(object, "refresh_token");
  response.expires_in = Seconds(object, "expires_in");
  response.error = Text(object, "error");
  if (const std::string more = Text(object, "error_description"); !more.empty()) {
    response.error += (response.error.empty() ? "" : ": ") + more;
  }
  return response;
}

}  // namespace millrace
