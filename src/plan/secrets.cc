#include "plan/secrets.h"

#include <algorithm>
#include <string>

namespace millrace {

bool IsSecretProperty(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  // sasl.oauthbearer.config and sasl.jaas.config carry credentials under a harmless name.
  for (const std::string_view part :
       {"password", "secret", "token", "ssl.key.pem", "private.key", "oauthbearer.config", "jaas.config"}) {
    if (lower.find(part) != std::string::npos) return true;
  }
  return false;
}

}  // namespace millrace
