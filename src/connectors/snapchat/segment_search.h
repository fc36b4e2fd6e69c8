#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connectors/snapchat/ads_answer.h"
#include "http/batch_delivery.h"

namespace millrace {

/// A segment by its name.
struct SegmentWanted {
  std::string ad_account_id;
  std::string name;
  std::string description{};
  std::int64_t retention_in_days = 9'999;  ///< 9,999: for ever
  bool create = false;                     ///< when there is none
};

/// Finds the id of a segment, and creates it when it is asked to: the requests, one after the other, and what
/// their answers mean. Several processes that create the same segment at once settle on one: each looks again
/// after it has created, and takes the oldest (created_at, then id); the others stay empty.
///
///   kLooking --last page--> kFound | kMissing | kCreating
///   kCreating --taken--> kChecking        (after a broken attempt: kLooking, as it may have been carried
///   out) kChecking --last page--> kFound
///
/// Plain state, one owner.
class SegmentSearch final {
 public:
  enum class State { kLooking, kCreating, kChecking, kFound, kMissing };

  /// `url` of the API, without "/v1".
  SegmentSearch(SegmentWanted wanted, std::string url);

  State state() const { return state_; }
  bool over() const { return state_ == State::kFound || state_ == State::kMissing; }
  /// Precondition: kFound.
  const std::string& id() const { return id_; }
  /// The segment was made by this search.
  bool created() const { return id_ == created_.id; }

  /// The next request, again for each attempt. Precondition: !over().
  ClientRequest Request(const std::string& token);
  /// Its answer; moves on when that is accepted.
  BatchVerdict Take(const ClientResponse& response);

 private:
  ClientRequest PageRequest() const;
  ClientRequest CreateRequest() const;
  void TakePage(const ClientResponse& response);
  BatchVerdict TakeCreated(const ClientResponse& response);
  /// From the first page on.
  void Look(State state);

  const SegmentWanted wanted_;
  const std::string url_;
  State state_ = State::kLooking;
  std::string page_;  // path and query
  int pages_ = 0;
  std::vector<SegmentFacts> found_;  // of that name
  bool create_sent_ = false;
  SegmentFacts created_;
  std::string id_;
};

}  // namespace millrace
