#include "snap_server/oauth_service.h"

#include <optional>

namespace millrace::snap {
namespace {

HttpResponse OAuthError(int status, std::string_view error, std::string_view description) {
  return JsonAnswer(status,
                    json::object{{"error", JsonText(error)}, {"error_description", JsonText(description)}});
}

std::string Field(const Parameters& form, std::string_view name) {
  const auto found = form.find(name);
  return found == form.end() ? "" : found->second;
}

/// What is wrong with the request; none when a token can be given.
std::optional<HttpResponse> Problem(const OAuthServiceOptions& options, const ApiRequest& request,
                                    const Parameters& form) {
  const std::string* const type = FindHeader(request.headers, "Content-Type");
  if (type == nullptr || type->find("application/x-www-form-urlencoded") == std::string::npos) {
    return OAuthError(400, "invalid_request", "send the parameters as application/x-www-form-urlencoded");
  }
  const std::string grant = Field(form, "grant_type");
  if (grant.empty()) return OAuthError(400, "invalid_request", "grant_type is missing");
  if (grant != "refresh_token") {
    return OAuthError(400, "unsupported_grant_type", "only refresh_token is served here");
  }
  if (Field(form, "client_id") != options.client_id ||
      Field(form, "client_secret") != options.client_secret) {
    return OAuthError(401, "invalid_client", "unknown client, or not its secret");
  }
  if (Field(form, "refresh_token") != options.refresh_token) {
    return OAuthError(400, "invalid_grant", "the refresh token is unknown or was revoked");
  }
  return std::nullopt;
}

}  // namespace

void OAuthService::AddRoutes(Router* router) {
  router->Add("POST", "/login/oauth2/access_token", [this](const ApiRequest& r) { return GiveToken(r); });
}

HttpResponse OAuthService::GiveToken(const ApiRequest& request) {
  const Parameters form = ParseForm(request.body);
  if (auto problem = Problem(options_, request, form)) return *problem;
  const std::string token = "snap-access-" + std::to_string(random_.Next());
  access_.Add(token, options_.token_life);
  json::object answer{
      {"access_token", JsonText(token)},
      {"token_type", "Bearer"},
      {"expires_in", options_.token_life.count() / 1000},
      {"scope", "snapchat-marketing-api snapchat-offline-conversions-api snapchat-profile-api"}};
  // Snap does not always send it again; who forgets the old one then is locked out.
  if (random_.OneIn(2)) answer["refresh_token"] = JsonText(options_.refresh_token);
  return JsonAnswer(200, answer);
}

}  // namespace millrace::snap
