#include "http/token_fetch.h"

#include <utility>

#include "http/oauth2.h"

namespace millrace {

TokenFetch FixedToken(std::string token) {
  return [token = std::move(token)](const std::string& refused, const TokenDone& done) {
    if (refused.empty()) return done(token);
    done(Status::PermissionDenied("there is no other token"));
  };
}

TokenFetch TokensOf(std::shared_ptr<TokenSource> source) {
  return [source = std::move(source)](const std::string& refused, TokenDone done) {
    source->Get(refused, std::move(done));
  };
}

}  // namespace millrace
