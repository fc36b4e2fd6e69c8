#include "connectors/snapchat/segment_search.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <boost/json.hpp>

#include "base/check.h"
#include "http/redact.h"

namespace millrace {
namespace {

namespace json = boost::json;

/// An account has at most 1,000 customer lists, and a page at least 50.
constexpr int kMostPages = 100;

std::string SegmentsPath(const SegmentWanted& wanted) {
  return "/v1/adaccounts/" + PercentEncoded(wanted.ad_account_id) + "/segments";
}

/// Lists of customers; what the answer does not say may be one.
bool IsCustomerList(const SegmentFacts& segment) {
  return segment.source_type.empty() || segment.source_type == "FIRST_PARTY";
}

bool IsOlder(const SegmentFacts& a, const SegmentFacts& b) {
  return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
}

}  // namespace

SegmentSearch::SegmentSearch(SegmentWanted wanted, std::string url)
    : wanted_(std::move(wanted)), url_(std::move(url)) {
  Look(State::kLooking);
}

void SegmentSearch::Look(State state) {
  state_ = state;
  page_ = SegmentsPath(wanted_) + "?limit=1000";
  pages_ = 0;
  found_.clear();
  create_sent_ = false;
}

ClientRequest SegmentSearch::Request(const std::string& token) {
  MR_CHECK(!over());
  if (state_ == State::kCreating && create_sent_) Look(State::kLooking);
  ClientRequest request = state_ == State::kCreating ? CreateRequest() : PageRequest();
  create_sent_ = state_ == State::kCreating;
  request.headers.emplace_back("Authorization", "Bearer " + token);
  return request;
}

ClientRequest SegmentSearch::PageRequest() const { return {.method = "GET", .url = url_ + page_}; }

ClientRequest SegmentSearch::CreateRequest() const {
  json::object segment = {{"name", wanted_.name},
                          {"source_type", "FIRST_PARTY"},
                          {"retention_in_days", wanted_.retention_in_days},
                          {"ad_account_id", wanted_.ad_account_id}};
  if (!wanted_.description.empty()) segment["description"] = wanted_.description;
  json::object body;
  body["segments"] = json::array({segment});
  return {.method = "POST",
          .url = url_ + SegmentsPath(wanted_),
          .headers = {{"Content-Type", "application/json"}},
          .body = json::serialize(body)};
}

BatchVerdict SegmentSearch::Take(const ClientResponse& response) {
  BatchVerdict verdict = JudgeAdsAnswer(response, "segments");
  if (verdict.kind != BatchVerdict::Kind::kAccepted) {
    // Without an answer of Snap's it is not known what became of it; with one nothing did.
    const bool unknown =
        verdict.kind == BatchVerdict::Kind::kRetry || verdict.kind == BatchVerdict::Kind::kBlocked;
    if (!unknown) create_sent_ = false;
    return verdict;
  }
  if (state_ == State::kCreating) return TakeCreated(response);
  TakePage(response);
  return verdict;
}

BatchVerdict SegmentSearch::TakeCreated(const ClientResponse& response) {
  const SegmentsAnswer answer = ReadSegments(response);
  if (answer.segments.empty())
    return {BatchVerdict::Kind::kRetry, "the answer to the creation of a segment does not name it"};
  created_ = answer.segments.front();
  Look(State::kChecking);
  return {};
}

void SegmentSearch::TakePage(const ClientResponse& response) {
  SegmentsAnswer answer = ReadSegments(response);
  for (SegmentFacts& segment : answer.segments) {
    if (segment.name == wanted_.name && IsCustomerList(segment)) found_.push_back(std::move(segment));
  }
  // The link is absolute; the token goes nowhere but to the url of the sink.
  const std::size_t path = answer.next_link.find("/v1/");
  if (path != std::string::npos && ++pages_ < kMostPages) {
    page_ = answer.next_link.substr(path);
    return;
  }
  const auto oldest = std::min_element(found_.begin(), found_.end(), IsOlder);
  if (oldest != found_.end()) {
    id_ = oldest->id;
  } else if (state_ == State::kChecking) {
    id_ = created_.id;  // lists may be behind
  }
  if (!id_.empty()) {
    state_ = State::kFound;
  } else {
    state_ = wanted_.create ? State::kCreating : State::kMissing;
  }
}

}  // namespace millrace
