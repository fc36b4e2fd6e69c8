#include "snap_server/field_kinds.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace millrace::snap {
namespace {

std::string_view ViewOf(const json::value& text) {
  const json::string& string = text.get_string();
  return {string.data(), string.size()};
}

template <typename Number>
bool ReadsAs(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsWhole(const json::value& value) {
  if (value.is_string()) return ReadsAs<std::int64_t>(ViewOf(value));
  return value.is_int64() || value.is_uint64();
}

bool IsYesNo(const json::value& value) {
  return value.is_bool() || (value.is_int64() && (value.get_int64() == 0 || value.get_int64() == 1));
}

bool IsAddress(const json::value& value) {
  if (!value.is_string()) return false;
  const std::string_view text = ViewOf(value);
  const bool six = text.find(':') != std::string_view::npos;
  const auto fits = [six](unsigned char c) {
    return c == '.' || (six ? c == ':' || std::isxdigit(c) != 0 : std::isdigit(c) != 0);
  };
  return text.size() <= 45 && std::all_of(text.begin(), text.end(), fits) &&
         (six || std::count(text.begin(), text.end(), '.') == 3);
}

template <typename Test>
bool IsListOf(const json::value& value, Test test) {
  return value.is_array() && std::all_of(value.get_array().begin(), value.get_array().end(), test);
}

bool IsHash(const json::value& value) { return value.is_string() && IsSha256(ViewOf(value)); }

bool Fits(const json::value& value, unsigned kinds) {
  const auto is_text = [](const json::value& item) { return item.is_string(); };
  const auto is_object = [](const json::value& item) { return item.is_object(); };
  return ((kinds & kText) != 0 && value.is_string()) || ((kinds & kTexts) != 0 && IsListOf(value, is_text)) ||
         ((kinds & kNumber) != 0 && IsNumber(value)) || ((kinds & kWhole) != 0 && IsWhole(value)) ||
         ((kinds & kYesNo) != 0 && IsYesNo(value)) || ((kinds & kObject) != 0 && value.is_object()) ||
         ((kinds & kObjects) != 0 && IsListOf(value, is_object)) ||
         ((kinds & kHash) != 0 && (IsHash(value) || IsListOf(value, IsHash))) ||
         ((kinds & kAddress) != 0 && IsAddress(value));
}

std::string Complaint(unsigned kinds) {
  if ((kinds & kHash) != 0) return " is unhashed PII: it must be SHA-256 in 64 lower-case hexadecimal digits";
  if ((kinds & kAddress) != 0) return " must be an IP address as it is, not hashed";
  constexpr std::pair<unsigned, std::string_view> kWords[] = {{kText, "a string"},
                                                              {kTexts, "a list of strings"},
                                                              {kNumber, "a number"},
                                                              {kWhole, "an integer"},
                                                              {kYesNo, "a boolean or 0 or 1"},
                                                              {kObject, "an object"},
                                                              {kObjects, "a list of objects"}};
  std::string words;
  for (const auto& [kind, word] : kWords) {
    if ((kinds & kind) != 0) words += (words.empty() ? "" : " or ") + std::string(word);
  }
  return " must be " + words;
}

}  // namespace

void CheckFields(const json::object& object, std::span<const Field> fields, std::string_view place,
                 Findings* findings) {
  for (const auto& member : object) {
    const std::string_view name(member.key().data(), member.key().size());
    const std::string where = std::string(place) + std::string(name);
    const auto field =
        std::find_if(fields.begin(), fields.end(), [name](const Field& f) { return f.name == name; });
    if (field == fields.end()) {
      findings->warnings.push_back("unknown field " + where);
    } else if (field->kinds != kOwnRule && !member.value().is_null() && !Fits(member.value(), field->kinds)) {
      findings->errors.push_back(where + Complaint(field->kinds));
    }
  }
}

const json::value* Given(const json::object& object, std::string_view name) {
  const json::value* const value = Member(object, name);
  if (value == nullptr || value->is_null()) return nullptr;
  if (value->is_string() && value->get_string().empty()) return nullptr;
  if (value->is_array() && value->get_array().empty()) return nullptr;
  return value;
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool IsNumber(const json::value& value) {
  if (value.is_string()) return ReadsAs<double>(ViewOf(value));
  return value.is_number() && std::isfinite(value.to_number<double>());
}

}  // namespace millrace::snap
