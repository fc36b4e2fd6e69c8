#include "engine/yaml/snapchat_access_reader.h"

#include <optional>

namespace millrace {

SnapchatAccess ReadSnapchatAccess(const SectionReader& section) {
  SnapchatAccess access;
  access.access_token = section.Text("access_token");
  access.access_token_file = section.FileOf("access_token");
  if (const std::optional<SectionReader> oauth = section.Section("oauth")) {
    access.oauth = SnapchatOAuth{oauth->Text("client_id"), oauth->Text("client_secret"),
                                 oauth->Text("refresh_token"), oauth->Text("token_url")};
  }
  access.url = section.Text("url");
  while (access.url.ends_with('/')) access.url.pop_back();
  access.ca_file = section.Text("ca_file");
  if (const std::optional<SectionReader> rate = section.Section("rate")) {
    access.per_second = rate->Integer("per_second");
    access.app = rate->Text("app");
    if (rate->Has("app_per_second")) access.app_per_second = rate->Integer("app_per_second");
  }
  return access;
}

}  // namespace millrace
