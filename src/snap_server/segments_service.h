#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/duration.h"
#include "env/clock.h"
#include "snap_server/account_tree.h"
#include "snap_server/router.h"
#include "snap_server/segment.h"

namespace millrace::snap {

struct SegmentsOptions {
  /// How long an upload is PROCESSING.
  Duration processing{5'000};
  std::uint64_t seed = 1;
};

/// Customer lists of the Marketing API: made, filled and emptied. One owner.
class SegmentsService {
 public:
  static constexpr std::size_t kMaxIdentifiers = 100'000;  ///< of a request
  static constexpr std::size_t kMaxSegments = 1'000;       ///< of an account
  static constexpr std::size_t kMaxPerRequest = 15;        ///< segments that one request makes
  static constexpr std::size_t kMaxName = 375;
  /// Of all segments together; this stand-in takes no more, though Snap would.
  static constexpr std::int64_t kMaxMembers = 2'000'000;

  /// Both must outlive it.
  SegmentsService(SegmentsOptions options, const AccountTree& tree, const Clock& clock)
      : options_(options), tree_(tree), clock_(clock) {}

  void AddRoutes(Router* router);

  /// By id: what was received, with at most `limit` members of each kind.
  json::object Received(std::size_t limit) const;
  std::size_t count() const { return segments_.size(); }
  void Clear() { segments_.clear(); }

 private:
  HttpResponse Make(const ApiRequest& request);
  HttpResponse List(const ApiRequest& request) const;
  HttpResponse One(const ApiRequest& request) const;
  HttpResponse Remove(const ApiRequest& request);
  HttpResponse ChangeUsers(const ApiRequest& request, bool add);
  /// The answer for one item of a request that makes segments. `made` says whether it was.
  json::object MakeOne(const json::value& item, const Entity& account, bool* made);
  /// Takes the identifiers of a block, all of which are right.
  std::int64_t TakeBlock(const json::object& block, bool add, Segment* segment);
  std::int64_t MembersOfAll() const;
  std::size_t SegmentsOf(const std::string& account) const;

  const SegmentsOptions options_;
  const AccountTree& tree_;
  const Clock& clock_;
  std::map<std::string, Segment, std::less<>> segments_;
  std::uint64_t made_ = 0;
};

}  // namespace millrace::snap
