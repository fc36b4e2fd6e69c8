#include "connectors/snapchat/audience_harness.h"

#include <algorithm>
#include <utility>

#include <arrow/api.h>
#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "base/hex.h"
#include "connectors/snapchat/audience_mapping.h"
#include "connectors/snapchat/audience_sink.h"
#include "connectors/snapchat/conversion_harness.h"
#include "expr/builder.h"

namespace millrace {
namespace {

namespace json = boost::json;

constexpr const char* kDone = R"({"request_status":"SUCCESS","request_id":"r")";

HttpResponse Failed(int status, const std::string& code, const std::string& message) {
  return {status, R"({"request_status":"ERROR","request_id":"r","debug_message":")" + message +
                      R"(","display_message":"no","error_code":")" + code + "\"}"};
}

std::string Text(const json::value& value) { return std::string(value.as_string()); }

AudienceRequest Read(const HttpRequest& request) {
  AudienceRequest out{.method = request.method, .path = request.path, .token = {}, .body = request.body};
  if (!request.query.empty()) out.path += "?" + request.query;
  if (const std::string* token = FindHeader(request.headers, "Authorization"))
    out.token = token->substr(std::string("Bearer ").size());
  if (!request.path.ends_with("/users")) return out;
  const json::value body = json::parse(request.body);
  const json::array& users = body.at("users").as_array();
  EXPECT_EQ(users.size(), 1U) << request.body;
  EXPECT_EQ(users[0].at("schema").as_array().size(), 1U) << request.body;
  out.schema = Text(users[0].at("schema").as_array()[0]);
  for (const json::value& one : users[0].at("data").as_array()) {
    EXPECT_EQ(one.as_array().size(), 1U);
    out.identifiers.push_back(Text(one.as_array()[0]));
  }
  return out;
}

}  // namespace

SegmentsStandIn::SegmentsStandIn(std::size_t page) : page_(page) {
  SetStatus("NO_UPLOAD", "NOT_READY", 0);
  HttpServerOptions options;
  options.address = "127.0.0.1:0";
  options.max_body = ByteCount(16 << 20);
  std::vector<HttpRoute> routes;
  for (const char* method : {"GET", "POST", "DELETE"}) {
    routes.push_back({method, "/", [this](const HttpRequest& request) { return Handle(request); }});
  }
  server_ = *HttpServer::Start(options, std::move(routes));
}

void SegmentsStandIn::AddSegment(const std::string& id, const std::string& name,
                                 const std::string& created_at, const std::string& source) {
  const MutexLock lock(mutex_);
  segments_.push_back({id, name, created_at, source});
}

void SegmentsStandIn::SetStatus(const std::string& upload, const std::string& targetable,
                                std::int64_t users) {
  const MutexLock lock(mutex_);
  status_ = R"("upload_status":")" + upload + R"(","targetable_status":")" + targetable +
            R"(","approximate_number_users":)" + std::to_string(users);
}

void SegmentsStandIn::ExpireTokens() {
  const MutexLock lock(mutex_);
  valid_token_ = "none is";
}

void SegmentsStandIn::set_answer(Answer answer) {
  const MutexLock lock(mutex_);
  answer_ = std::move(answer);
}

std::vector<AudienceRequest> SegmentsStandIn::uploads() const {
  const MutexLock lock(mutex_);
  return uploads_;
}

std::vector<std::string> SegmentsStandIn::lines() const {
  const MutexLock lock(mutex_);
  return lines_;
}

std::set<std::string> SegmentsStandIn::members(const std::string& segment) const {
  const MutexLock lock(mutex_);
  const auto found = members_.find(segment);
  return found == members_.end() ? std::set<std::string>() : found->second;
}

std::vector<std::string> SegmentsStandIn::segment_ids() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> ids;
  for (const Segment& segment : segments_) ids.push_back(segment.id);
  return ids;
}

int SegmentsStandIn::tokens_granted() const {
  const MutexLock lock(mutex_);
  return granted_;
}

HttpResponse SegmentsStandIn::Handle(const HttpRequest& raw) {
  const AudienceRequest request = Read(raw);
  const MutexLock lock(mutex_);
  if (!request.path.ends_with("/users")) lines_.push_back(request.method + " " + request.path);
  if (answer_) {
    if (auto response = answer_(request)) return *std::move(response);
  }
  return Respond(request);
}

HttpResponse SegmentsStandIn::Respond(const AudienceRequest& request) {
  if (request.path == "/token") return Grant();
  if (!valid_token_.empty() && request.token != valid_token_)
    return Failed(401, "E3001", "unauthorized " + request.token);
  if (request.path.find("/adaccounts/") != std::string::npos)
    return request.method == "GET" ? List(request.path) : Create(request);
  const std::string begin = "/v1/segments/";
  const std::string id =
      request.path.substr(begin.size(), request.path.find('/', begin.size()) - begin.size());
  const auto segment =
      std::find_if(segments_.begin(), segments_.end(), [&](const Segment& one) { return one.id == id; });
  if (segment == segments_.end()) return Failed(404, "E1001", "no such segment");
  if (request.method != "GET") return Change(request, id);
  return {200, kDone + std::string(R"(,"segments":[)") + Json(*segment) + "]}"};
}

HttpResponse SegmentsStandIn::Grant() {
  const std::string token = "token-" + std::to_string(++granted_);
  if (!valid_token_.empty()) valid_token_ = token;
  return {200, R"({"access_token":")" + token + R"(","expires_in":1800})"};
}

std::string SegmentsStandIn::Json(const Segment& segment) const {
  return R"({"sub_request_status":"SUCCESS","segment":{"id":")" + segment.id + R"(","name":")" +
         segment.name + R"(","created_at":")" + segment.created_at + R"(","source_type":")" + segment.source +
         "\"," + status_ + "}}";
}

HttpResponse SegmentsStandIn::List(const std::string& path) const {
  const std::size_t cursor = path.find("cursor=");
  const std::size_t begin = cursor == std::string::npos ? 0 : std::stoul(path.substr(cursor + 7));
  std::string entries;
  for (std::size_t i = begin; i < std::min(begin + page_, segments_.size()); ++i)
    entries += (entries.empty() ? "" : ",") + Json(segments_[i]);
  std::string body = kDone;
  // As Snap would: of its own host, wherever the sink was told to go.
  if (begin + page_ < segments_.size())
    body += R"(,"paging":{"next_link":"https://adsapi.snapchat.com)" + path.substr(0, path.find('?')) +
            "?cursor=" + std::to_string(begin + page_) + "\"}";
  return {200, body + R"(,"segments":[)" + entries + "]}"};
}

HttpResponse SegmentsStandIn::Create(const AudienceRequest& request) {
  const json::value body = json::parse(request.body);
  const std::string number = std::to_string(segments_.size());
  segments_.push_back({"made-" + number, Text(body.at("segments").as_array()[0].at("name")),
                       "2026-01-01T00:00:0" + number + ".000Z", "FIRST_PARTY"});
  return {200, kDone + std::string(R"(,"segments":[)") + Json(segments_.back()) + "]}"};
}

HttpResponse SegmentsStandIn::Change(const AudienceRequest& request, const std::string& segment) {
  uploads_.push_back(request);
  for (const std::string& identifier : request.identifiers) {
    if (request.method == "POST") {
      members_[segment].insert(identifier);
    } else {
      members_[segment].erase(identifier);
    }
  }
  return {200,
          kDone +
              std::string(R"(,"users":[{"sub_request_status":"SUCCESS","user":{"number_uploaded_users":)") +
              std::to_string(request.identifiers.size()) + "}}]}"};
}

Result<Batch> AudienceBatch(const AudienceCase& given) {
  constexpr std::string_view kDeleted = R"({"deleted":)";
  std::vector<std::string> rows;
  arrow::BooleanBuilder tombstones;
  for (const std::string& row : given.rows) {
    const bool deleted = row.starts_with(kDeleted);
    rows.push_back(deleted ? row.substr(kDeleted.size(), row.size() - kDeleted.size() - 1) : row);
    EXPECT_TRUE(tombstones.Append(deleted).ok());
  }
  Batch batch = DecodedRows(given.columns, rows);
  batch.tombstone = std::static_pointer_cast<arrow::BooleanArray>(tombstones.Finish().ValueOrDie());
  const auto input = batch.data->schema();
  MR_ASSIGN_OR_RETURN(const AudienceSchema schema, ParseAudienceSchema(given.schema));
  std::optional<Expr> said;
  if (!given.identifier.empty()) {
    MR_ASSIGN_OR_RETURN(said, ParseExpr(given.identifier));
  }
  MR_ASSIGN_OR_RETURN(const Expr identifier, AudienceIdentifier(schema, said, input));
  MR_ASSIGN_OR_RETURN(const Expr hashed, HashedIdentifier(schema, identifier, input));
  MR_ASSIGN_OR_RETURN(const Expr action, ParseExpr(given.action));
  arrow::ArrayVector columns;
  for (const Expr& expr : {hashed, action}) {
    MR_ASSIGN_OR_RETURN(const auto bound, BoundExpr::Bind(expr, input));
    MR_ASSIGN_OR_RETURN(const auto values, bound.Evaluate(*batch.data));
    columns.push_back(values.values);
  }
  return batch.WithData(
      arrow::RecordBatch::Make(arrow::schema({arrow::field(kIdentifierColumn, arrow::utf8()),
                                              arrow::field(kActionColumn, arrow::utf8())}),
                               batch.num_rows(), columns));
}

std::string Sha256Of(std::string_view text) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, EVP_sha256(),
             nullptr);
  return Hex(std::string_view(digest).substr(0, size));
}

}  // namespace millrace
