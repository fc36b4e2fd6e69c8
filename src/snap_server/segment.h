#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/duration.h"
#include "base/ids.h"
#include "snap_server/json_value.h"

namespace millrace::snap {

/// A customer list: what it is called, and who is in it. Times are those of the calls. One owner.
struct Segment {
  std::string id;
  std::string account_id;
  std::string name;
  std::string description;
  std::int64_t retention_in_days = 9'999;  ///< 9,999: for ever
  EventTime created_at{0};
  EventTime uploaded_at{0};                                ///< 0: never
  std::map<std::string, std::set<std::string>> members{};  ///< hashes by "EMAIL_SHA256" and so on
  std::int64_t uploads = 0;                                ///< requests that added or removed
  std::int64_t added = 0;                                  ///< identifiers of them, repeated ones too
  std::int64_t removed = 0;

  std::int64_t size() const;
  /// As the Marketing API shows it: an upload is worked on for `processing`.
  json::object Json(EventTime now, Duration processing) const;
  /// As the stand-in's own page shows it: with at most `limit` members of each kind.
  json::object Received(std::size_t limit) const;
};

}  // namespace millrace::snap
