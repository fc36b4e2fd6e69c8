#include "engine/yaml/json_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace millrace {
namespace {

using TextOf = std::function<std::string(const YAML::Node&)>;

/// A JSON number has digits, '-', '.', 'e'; YAML's other forms (hex, .inf, +1) are text here.
bool LooksLikeNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  if (text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9') return false;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return (error == std::errc() || error == std::errc::result_out_of_range) &&
         end == text.data() + text.size() && text.back() != '.';
}

std::string PlainScalar(const std::string& text) {
  if (text == "true" || text == "false" || LooksLikeNumber(text)) return text;
  if (text.empty() || text == "null" || text == "~") return "null";
  return JsonString(text);
}

/// Integers as they are, everything else by the value of the double.
std::string CanonicalNumber(const std::string& text) {
  if (text.find_first_of(".eE") == std::string::npos) return text == "-0" ? "0" : text;
  const double value = std::strtod(text.c_str(), nullptr);
  char out[64];
  if (std::abs(value) < 9e15 && value == std::floor(value)) {
    std::snprintf(out, sizeof(out), "%lld", static_cast<long long>(value));
    return out;
  }
  const auto [end, error] = std::to_chars(out, out + sizeof(out), value);
  return error == std::errc() ? std::string(out, end) : text;
}

struct Writer {
  const TextOf& text_of;
  bool canonical;

  std::string Scalar(const YAML::Node& node) const {
    const std::string text = text_of(node);
    if (node.Tag() == "!") return JsonString(text);  // quoted
    std::string plain = PlainScalar(text);
    return canonical && LooksLikeNumber(plain) ? CanonicalNumber(plain) : plain;
  }

  std::string Mapping(const YAML::Node& node) const {
    std::vector<std::pair<std::string, std::string>> members;
    for (const auto& pair : node) {
      const std::string key = pair.first.IsScalar() ? text_of(pair.first) : "";
      const auto same =
          std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.first == key; });
      if (same != members.end()) {
        same->second = Write(pair.second);  // the last one wins, as in R5
      } else {
        members.emplace_back(key, Write(pair.second));
      }
    }
    if (canonical) std::sort(members.begin(), members.end());
    std::string out = "{";
    for (const auto& [key, value] : members)
      out += (out.size() > 1 ? "," : "") + JsonString(key) + ":" + value;
    return out + "}";
  }

  std::string Write(const YAML::Node& node) const {
    if (node.IsScalar()) return Scalar(node);
    if (node.IsMap()) return Mapping(node);
    if (!node.IsSequence()) return "null";
    std::string out = "[";
    for (const auto& item : node) out += (out.size() > 1 ? "," : "") + Write(item);
    return out + "]";
  }
};

}  // namespace

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escaped[8];
          std::snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(c));
          out += escaped;
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

std::string JsonOf(const YamlDocument& document, const YAML::Node& node, Diagnostics& errors) {
  const TextOf text_of = [&](const YAML::Node& scalar) { return document.Text(scalar, errors); };
  return Writer{text_of, false}.Write(node);
}

Result<std::string> CanonicalJson(std::string_view json) {
  // JSON is a subset of YAML as far as values go, so the parser at hand reads it.
  try {
    const TextOf text_of = [](const YAML::Node& scalar) { return scalar.Scalar(); };
    return Writer{text_of, true}.Write(YAML::Load(std::string(json)));
  } catch (const YAML::Exception& e) {
    return Status::InvalidArgument("not JSON: " + e.msg);
  }
}

}  // namespace millrace
