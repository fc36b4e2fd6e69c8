#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

namespace millrace::snap {

namespace json = boost::json;

/// The member of that name, null when there is none. Lives as long as `object`.
inline const json::value* Member(const json::object& object, std::string_view name) {
  return object.if_contains(json::string_view(name.data(), name.size()));
}

/// A JSON text as a string of C++.
inline std::string TextOf(const json::string& text) { return {text.data(), text.size()}; }

/// The text of a member; "" when it is missing or no text.
inline std::string TextMember(const json::object& object, std::string_view name) {
  const json::value* const value = Member(object, name);
  return value != nullptr && value->is_string() ? TextOf(value->get_string()) : std::string();
}

/// A whole number that fits; none for anything else, also for 1.0.
inline std::optional<std::int64_t> WholeNumber(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  return std::nullopt;
}

/// The text as JSON; none when it is not.
inline std::optional<json::value> ParseJson(std::string_view text) {
  json::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return std::nullopt;
  return value;
}

/// A C++ text as a JSON one.
inline json::string JsonText(std::string_view text) { return json::string(text.data(), text.size()); }

}  // namespace millrace::snap
