#include "snap_server/segment.h"

#include <utility>

#include "snap_server/time_text.h"

namespace millrace::snap {
namespace {

/// Fewer cannot be shown ads.
constexpr std::int64_t kLeastMembers = 1'000;

}  // namespace

std::int64_t Segment::size() const {
  std::int64_t count = 0;
  for (const auto& [schema, hashes] : members) count += static_cast<std::int64_t>(hashes.size());
  return count;
}

json::object Segment::Json(EventTime now, Duration processing) const {
  const bool uploaded = uploads > 0;
  const bool complete = uploaded && now.value() - uploaded_at.value() >= processing.count();
  const EventTime updated_at = uploaded ? uploaded_at : created_at;
  const char* const upload = !uploaded ? "NO_UPLOAD" : complete ? "COMPLETE" : "PROCESSING";
  const char* const target = !complete ? "NOT_READY" : size() < kLeastMembers ? "TOO_FEW_USERS" : "READY";
  return {{"id", JsonText(id)},
          {"updated_at", JsonText(UtcText(updated_at))},
          {"created_at", JsonText(UtcText(created_at))},
          {"name", JsonText(name)},
          {"description", JsonText(description)},
          {"ad_account_id", JsonText(account_id)},
          {"status", "ACTIVE"},
          {"source_type", "FIRST_PARTY"},
          {"retention_in_days", retention_in_days},
          {"upload_status", upload},
          {"targetable_status", target},
          {"approximate_number_users", complete ? size() : 0}};
}

json::object Segment::Received(std::size_t limit) const {
  json::object counts;
  json::object shown;
  for (const auto& [schema, hashes] : members) {
    counts[schema] = hashes.size();
    json::array some;
    for (const std::string& hash : hashes) {
      if (some.size() == limit) break;
      some.push_back(JsonText(hash));
    }
    shown[schema] = std::move(some);
  }
  return {{"name", JsonText(name)},     {"ad_account_id", JsonText(account_id)},
          {"uploads", uploads},         {"added", added},
          {"removed", removed},         {"counts", std::move(counts)},
          {"members", std::move(shown)}};
}

}  // namespace millrace::snap
