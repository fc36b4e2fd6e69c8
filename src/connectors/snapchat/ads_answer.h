#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/batch_delivery.h"
#include "http/client.h"

namespace millrace {

/// What an answer of Snap's Marketing API means for the request, of which `list` names the objects: "users",
/// "segments". It counts what the answer says of itself and of each object (request_status,
/// sub_request_status), also behind HTTP 200. A missing right is BatchVerdict::kBlocked: whether users are
/// added or removed and how the segment is looked for are groups of one ad account.
BatchVerdict JudgeAdsAnswer(const ClientResponse& response, std::string_view list);

/// A segment as an answer describes it; "" for what it does not say.
struct SegmentFacts {
  std::string id;
  std::string name;
  std::string created_at;
  std::string source_type;
  std::string upload_status;
  std::string targetable_status;
  std::optional<std::int64_t> users;  ///< approximately
};

struct SegmentsAnswer {
  std::vector<SegmentFacts> segments;
  std::string next_link;  ///< of the next page; "" on the last one
};

/// Of an answer that JudgeAdsAnswer accepted. What is no segment is left out.
SegmentsAnswer ReadSegments(const ClientResponse& response);

}  // namespace millrace
