#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "columnar/batch.h"
#include "http/server.h"

namespace millrace {

/// One request to the stand-in.
struct AudienceRequest {
  std::string method;
  std::string path;  ///< with the query
  std::string token;
  std::string body;
  std::string schema{};                    ///< of users
  std::vector<std::string> identifiers{};  ///< of users

  /// "add" or "remove".
  std::string action() const { return method == "POST" ? "add" : "remove"; }
};

/// A stand-in for the segments of Snap's Marketing API and its token endpoint ("/token"). Thread-safe.
class SegmentsStandIn {
 public:
  explicit SegmentsStandIn(std::size_t page = 2);

  std::string url() const { return "http://" + server_->address(); }
  void AddSegment(const std::string& id, const std::string& name, const std::string& created_at,
                  const std::string& source = "FIRST_PARTY");
  /// What it says of them.
  void SetStatus(const std::string& upload, const std::string& targetable, std::int64_t users);
  /// From now on only the token that is granted next is valid; before that any is.
  void ExpireTokens();

  /// May answer in its place.
  using Answer = std::function<std::optional<HttpResponse>(const AudienceRequest&)>;
  void set_answer(Answer answer);

  /// Of users: adding and removing.
  std::vector<AudienceRequest> uploads() const;
  /// All others, as "GET /v1/...".
  std::vector<std::string> lines() const;
  std::set<std::string> members(const std::string& segment = "s-1") const;
  std::vector<std::string> segment_ids() const;
  int tokens_granted() const;

 private:
  struct Segment {
    std::string id;
    std::string name;
    std::string created_at;
    std::string source;
  };

  HttpResponse Handle(const HttpRequest& request);
  HttpResponse Respond(const AudienceRequest& request);
  HttpResponse Grant();
  HttpResponse List(const std::string& path) const;
  HttpResponse Create(const AudienceRequest& request);
  HttpResponse Change(const AudienceRequest& request, const std::string& segment);
  std::string Json(const Segment& segment) const;

  const std::size_t page_;
  mutable Mutex mutex_;
  Answer answer_;  // guarded by mutex_, as all below
  std::vector<Segment> segments_;
  std::map<std::string, std::set<std::string>> members_;
  std::vector<AudienceRequest> uploads_;
  std::vector<std::string> lines_;
  std::string status_;
  std::string valid_token_;  // "": any
  int granted_ = 0;
  std::unique_ptr<HttpServer> server_;
};

struct AudienceCase {
  std::string schema = "EMAIL_SHA256";
  std::string columns = "email: string; kind: string";
  std::string identifier{};       ///< an expression; "": by the name of a column
  std::string action = "'add'";   ///< an expression
  std::vector<std::string> rows;  ///< JSON; {"deleted": {...}} is a tombstone with these columns
};

/// The identifiers and actions of its rows, as a sink gets them; or what is wrong with the mapping.
Result<Batch> AudienceBatch(const AudienceCase& given);

/// SHA-256 in hexadecimal.
std::string Sha256Of(std::string_view text);

}  // namespace millrace
