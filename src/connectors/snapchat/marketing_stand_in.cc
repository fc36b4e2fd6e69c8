#include "connectors/snapchat/marketing_stand_in.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

namespace millrace {
namespace {

constexpr std::string_view kBegin = "/v1/";
constexpr int kQuietRounds = 40;

int NumberIn(const std::string& query, const std::string& name) {
  const std::size_t at = query.find(name + "=");
  return at == std::string::npos ? 0 : std::stoi(query.substr(at + name.size() + 1));
}

}  // namespace

MarketingStandIn::MarketingStandIn() {
  HttpServerOptions options;
  options.address = "127.0.0.1:0";
  std::vector<HttpRoute> routes;
  routes.push_back({"GET", "/v1/", [this](const HttpRequest& request) { return Give(request); }});
  routes.push_back({"POST", "/token", [this](const HttpRequest& request) { return GiveToken(request); }});
  server_ = *HttpServer::Start(options, std::move(routes));
}

MarketingStandIn::~MarketingStandIn() = default;

void MarketingStandIn::SetList(const std::string& path, const std::string& list, const std::string& item,
                               std::vector<std::string> entities) {
  const MutexLock lock(mutex_);
  lists_[path] = {list, item, std::move(entities)};
}

void MarketingStandIn::Answer(std::vector<HttpResponse> responses) {
  const MutexLock lock(mutex_);
  for (HttpResponse& response : responses) next_.push_back(std::move(response));
}

void MarketingStandIn::Forbid(const std::string& path, bool forbidden) {
  const MutexLock lock(mutex_);
  if (forbidden) {
    forbidden_.insert(path);
  } else {
    forbidden_.erase(path);
  }
}

void MarketingStandIn::SetStats(std::function<HttpResponse(const HttpRequest&)> stats) {
  const MutexLock lock(mutex_);
  stats_ = std::move(stats);
}

void MarketingStandIn::SetToken(const std::string& token) {
  const MutexLock lock(mutex_);
  token_ = token;
}

void MarketingStandIn::SetNextOrigin(const std::string& origin) {
  const MutexLock lock(mutex_);
  next_origin_ = origin;
}

std::vector<std::string> MarketingStandIn::TakeAsked() {
  const MutexLock lock(mutex_);
  return std::exchange(asked_, {});
}

int MarketingStandIn::tokens_given() {
  const MutexLock lock(mutex_);
  return tokens_given_;
}

HttpResponse MarketingStandIn::Give(const HttpRequest& request) {
  const MutexLock lock(mutex_);
  const std::string path = request.path.substr(kBegin.size());
  asked_.push_back(path + (request.query.empty() ? "" : "?" + request.query));
  if (!next_.empty()) {
    HttpResponse response = std::move(next_.front());
    next_.pop_front();
    return response;
  }
  const std::string* const authorization = FindHeader(request.headers, "Authorization");
  if (authorization == nullptr || *authorization != "Bearer " + token_)
    return {401, R"({"request_status":"ERROR","error_code":"E1001","debug_message":"bad token"})"};
  for (const std::string& forbidden : forbidden_) {
    if (path.starts_with(forbidden))
      return {403, R"({"request_status":"ERROR","error_code":"E3002","debug_message":"no access"})"};
  }
  if (path.ends_with("/stats") && stats_) return stats_(request);
  const auto list = lists_.find(path);
  if (list == lists_.end()) return {404, R"({"request_status":"ERROR","error_code":"E2002"})"};
  return GivePage(list->second, request);
}

HttpResponse MarketingStandIn::GivePage(const List& list, const HttpRequest& request) const {
  const auto first = static_cast<std::size_t>(NumberIn(request.query, "cursor"));
  const std::size_t last = std::min(list.entities.size(), first + static_cast<std::size_t>(page_size));
  std::string body = R"({"request_status":"SUCCESS","request_id":"r","paging":{)";
  if (last < list.entities.size()) {
    body += R"("next_link":")" + (next_origin_.empty() ? "http://" + server_->address() : next_origin_) +
            request.path + "?cursor=" + std::to_string(last) + "\"";
  }
  body += "},\"" + list.list + "\":[";
  for (std::size_t i = first; i < last; ++i) {
    body += (i == first ? "" : ",") + std::string(R"({"sub_request_status":"success",")") + list.item +
            "\":" + list.entities[i] + "}";
  }
  return {200, body + "]}"};
}

HttpResponse MarketingStandIn::GiveToken(const HttpRequest& request) {
  const MutexLock lock(mutex_);
  if (request.body.find("refresh_token=refresh-secret") == std::string::npos)
    return {400, R"({"error":"invalid_grant"})"};
  token_ = "token-" + std::to_string(++tokens_given_);
  return {200, R"({"access_token":")" + token_ + R"(","expires_in":1800})"};
}

void FedTable::Apply(const FeedBatch& batch) {
  for (const FeedRecord& record : batch.records) {
    ++records;
    if (record.value) {
      rows[record.key] = *record.value;
    } else {
      ++tombstones;
      EXPECT_EQ(rows.erase(record.key), 1U) << "a tombstone of what is not there: " << record.key;
    }
  }
  for (const auto& [name, value] : batch.positions) {
    if (value) {
      positions[name] = *value;
    } else {
      positions.erase(name);
    }
  }
}

void FedTable::Drain(FeedSource& source, ManualClock& clock, int most) {
  for (int quiet = 0, batches = 0; quiet < kQuietRounds && batches < most;) {
    Result<FeedBatch> batch = source.Next(Duration(20));
    clock.Advance(Duration(10));
    if (!batch.ok()) {
      error = batch.status();
      return;
    }
    quiet = batch->empty() ? quiet + 1 : 0;
    if (batch->empty()) continue;
    ++batches;
    Apply(*batch);
    source.Committed();
  }
}

}  // namespace millrace
