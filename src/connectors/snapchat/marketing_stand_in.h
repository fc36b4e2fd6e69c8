#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "connect/feed.h"
#include "env/clock.h"
#include "http/server.h"

namespace millrace {

/// Answers as Snap's Marketing API does, on loopback: lists in pages, tokens, refusals. Thread-safe.
class MarketingStandIn {
 public:
  MarketingStandIn();
  ~MarketingStandIn();

  std::string url() const { return "http://" + server_->address(); }

  /// Makes "adaccounts/A/campaigns" a list of entities, each as a JSON object; replaces it.
  void SetList(const std::string& path, const std::string& list, const std::string& item,
               std::vector<std::string> entities);
  /// The next requests get these instead, one each.
  void Answer(std::vector<HttpResponse> responses);
  /// Paths that begin so get 403.
  void Forbid(const std::string& path, bool forbidden = true);
  /// Answers "adaccounts/A/stats".
  void SetStats(std::function<HttpResponse(const HttpRequest&)> stats);
  void SetToken(const std::string& token);
  /// Where the next pages are said to be; "": here.
  void SetNextOrigin(const std::string& origin);
  int page_size = 2;

  /// "adaccounts/A/campaigns?limit=500" of all requests since the last call.
  std::vector<std::string> TakeAsked();
  /// Answers to requests for tokens.
  int tokens_given();

 private:
  struct List {
    std::string list;
    std::string item;
    std::vector<std::string> entities;
  };

  HttpResponse Give(const HttpRequest& request);
  HttpResponse GivePage(const List& list, const HttpRequest& request) const;
  HttpResponse GiveToken(const HttpRequest& request);

  Mutex mutex_;
  // Guarded by mutex_:
  std::map<std::string, List> lists_;
  std::set<std::string> forbidden_;
  std::deque<HttpResponse> next_;
  std::vector<std::string> asked_;
  std::function<HttpResponse(const HttpRequest&)> stats_;
  std::string token_ = "token-0";
  std::string next_origin_;
  int tokens_given_ = 0;
  std::unique_ptr<HttpServer> server_;
};

/// What a source brings until it brings nothing for a while, applied to a table: as the feed's topic holds it
/// after compaction, and the positions as their topic does.
struct FedTable {
  std::map<std::string, std::string> rows;
  FeedPositions positions;
  int records = 0;  ///< all that came, and of these
  int tombstones = 0;
  Status error{};  ///< the last one

  void Apply(const FeedBatch& batch);
  /// Asks until nothing came `quiet` times in a row, or `most` batches came. The clock moves a little each
  /// time.
  void Drain(FeedSource& source, ManualClock& clock, int most = 1'000'000);
};

}  // namespace millrace
