#include "snap_server/snap_server_harness.h"

#include <utility>

namespace millrace::snap {

const json::value& Answered::operator[](std::string_view name) const {
  static const json::value nothing;
  const json::value* const value = body.is_object() ? Member(body.get_object(), name) : nullptr;
  EXPECT_NE(value, nullptr) << "no " << name << " in " << text;
  return value == nullptr ? nothing : *value;
}

std::string Answered::Text(std::string_view name) const {
  return body.is_object() ? TextMember(body.get_object(), name) : "";
}

SnapServerOptions SnapServerTest::WithoutBound() {
  SnapServerOptions options;
  options.rate = 0;
  return options;
}

void SnapServerTest::Start(SnapServerOptions options) {
  const bool tls = options.tls;
  Result<std::unique_ptr<SnapServer>> server = SnapServer::Start(std::move(options), clock_);
  ASSERT_TRUE(server.ok()) << server.status().message();
  server_ = *std::move(server);
  HttpClientOptions client;
  if (tls) client.ca_file = server_->facts().certificate_file;
  client_ = *HttpClient::Start(client);
}

Answered SnapServerTest::Call(const std::string& method, const std::string& path, const std::string& body,
                              HttpHeaders headers) {
  const std::string url = path.starts_with("http") ? path : server_->facts().url + path;
  const Result<ClientResponse> response = client_->Call({method, url, std::move(headers), body});
  Answered answered;
  if (!response.ok()) return answered;
  answered.status = response->status;
  answered.text = response->body;
  answered.headers = response->headers;
  answered.body = ParseJson(response->body).value_or(nullptr);
  return answered;
}

Answered SnapServerTest::PostEvents(const std::string& asset, const std::string& events) {
  return Call("POST", "/v3/" + asset + "/events?access_token=snap-token", R"({"data":[)" + events + "]}",
              {{"Content-Type", "application/json"}});
}

std::string SnapServerTest::AccountId(const std::string& name) const {
  for (const SnapServerFacts::Account& account : server_->facts().accounts) {
    if (account.name == name) return account.id;
  }
  ADD_FAILURE() << "no account " << name;
  return "";
}

std::string EventWith(const std::string& changes) {
  json::object event = json::parse(R"({
      "event_name": "PURCHASE", "event_time": 1742471000, "action_source": "WEB", "event_id": "e1",
      "event_source_url": "https://shop.example/?ScCid=A",
      "user_data": {"em": "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"},
      "custom_data": {"currency": "USD", "value": 12.5}})")
                           .get_object();
  const json::value changed = json::parse(changes);
  for (const auto& member : changed.get_object()) {
    if (member.value().is_null()) {
      event.erase(member.key());
    } else {
      event[member.key()] = member.value();
    }
  }
  return json::serialize(event);
}

}  // namespace millrace::snap
