#include "snap_server/api_request.h"

#include <algorithm>

#include "base/check.h"

namespace millrace::snap {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Leaves what is no code as it is.
std::string Decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (!segment.empty()) segments.push_back(Decoded(segment, false));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return segments;
}

Api ApiOf(const std::vector<std::string>& segments) {
  if (segments.empty()) return Api::kOwn;
  const std::string& first = segments.front();
  if (first == "v3") return Api::kConversions;
  if (first == "login") return Api::kOAuth;
  if (first != "v1") return Api::kOwn;
  const bool profile = std::find(segments.begin(), segments.end(), "public_profiles") != segments.end();
  return profile ? Api::kProfile : Api::kMarketing;
}

}  // namespace

std::string ApiRequest::Query(std::string_view name) const {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

const std::string& ApiRequest::PathValue(std::string_view name) const {
  const auto found = path_values.find(name);
  MR_CHECK(found != path_values.end()) << name;
  return found->second;
}

std::string ApiRequest::BearerToken() const {
  const std::string* const header = FindHeader(headers, "Authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (header == nullptr || header->size() < kScheme.size()) return "";
  if (!SameHeader(std::string_view(*header).substr(0, kScheme.size()), kScheme)) return "";
  return header->substr(kScheme.size());
}

std::string ApiRequest::Token() const {
  return api == Api::kConversions ? Query("access_token") : BearerToken();
}

ApiRequest TakeApart(const HttpRequest& request, const std::string& scheme, const std::string& address) {
  ApiRequest taken;
  taken.method = request.method == "HEAD" ? "GET" : request.method;
  taken.path = request.path;
  taken.segments = Segments(request.path);
  taken.api = ApiOf(taken.segments);
  taken.query = ParseForm(request.query);
  taken.headers = request.headers;
  taken.body = request.body;
  const std::string* const host = FindHeader(request.headers, "Host");
  taken.base_url = scheme + "://" + (host == nullptr || host->empty() ? address : *host);
  return taken;
}

Parameters ParseForm(std::string_view text) {
  Parameters parameters;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (!pair.empty()) {
      const std::string_view value =
          equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
      parameters[Decoded(pair.substr(0, equals), true)] = Decoded(value, true);
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parameters;
}

}  // namespace millrace::snap
