#include "snap_server/segments_service.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "snap_server/entity_lookup.h"
#include "snap_server/field_kinds.h"
#include "snap_server/mixed_hash.h"
#include "snap_server/paging.h"

namespace millrace::snap {
namespace {

constexpr auto kSchemas =
    std::to_array<std::string_view>({"EMAIL_SHA256", "PHONE_SHA256", "MOBILE_AD_ID_SHA256"});
constexpr std::int64_t kForEver = 9'999;

/// The list of that name in a body; null when there is none. Lives as long as `body`.
const json::array* ListIn(const std::optional<json::value>& body, std::string_view name) {
  if (!body || !body->is_object()) return nullptr;
  const json::value* const list = Member(body->get_object(), name);
  return list != nullptr && list->is_array() ? &list->get_array() : nullptr;
}

/// What is wrong with a segment to be made; "" when nothing is.
std::string ProblemOf(const json::object& item, const std::string& account_id) {
  const std::string name = TextMember(item, "name");
  if (name.empty()) return "name is required";
  if (name.size() > SegmentsService::kMaxName) return "name has more than 375 characters";
  if (TextMember(item, "source_type") != "FIRST_PARTY") return "source_type must be FIRST_PARTY";
  const std::string account = TextMember(item, "ad_account_id");
  if (!account.empty() && account != account_id) return "ad_account_id is not that of the path";
  const json::value* const days = Member(item, "retention_in_days");
  if (days == nullptr) return "";
  const std::optional<std::int64_t> number = WholeNumber(*days);
  if (!number || *number < 1 || *number > kForEver) return "retention_in_days must be from 1 to 9999";
  return "";
}

/// What is wrong with a block of identifiers; "" when nothing is. Adds their number to `identifiers`.
std::string ProblemOfBlock(const json::value& value, std::size_t* identifiers) {
  if (!value.is_object()) return "users must be a list of objects";
  const json::value* const schema = Member(value.get_object(), "schema");
  const json::value* const data = Member(value.get_object(), "data");
  if (schema == nullptr || !schema->is_array() || schema->get_array().size() != 1) {
    return "schema must be a list of one kind of identifier";
  }
  const json::value& kind = schema->get_array()[0];
  const bool known = kind.is_string() &&
                     std::find(kSchemas.begin(), kSchemas.end(), TextOf(kind.get_string())) != kSchemas.end();
  if (!known) return "schema must be EMAIL_SHA256, PHONE_SHA256 or MOBILE_AD_ID_SHA256";
  if (data == nullptr || !data->is_array() || data->get_array().empty()) {
    return "data must be a list of identifiers";
  }
  *identifiers += data->get_array().size();
  const bool hashes =
      std::all_of(data->get_array().begin(), data->get_array().end(), [](const json::value& row) {
        return row.is_array() && row.get_array().size() == 1 && row.get_array()[0].is_string() &&
               IsSha256(TextOf(row.get_array()[0].get_string()));
      });
  return hashes ? "" : "data must be lists of one SHA-256 in 64 lower-case hexadecimal digits";
}

}  // namespace

void SegmentsService::AddRoutes(Router* router) {
  const std::string of_account = "/v1/adaccounts/{id}/segments";
  router->Add("POST", of_account, [this](const ApiRequest& r) { return Make(r); });
  router->Add("GET", of_account, [this](const ApiRequest& r) { return List(r); });
  router->Add("GET", "/v1/segments/{id}", [this](const ApiRequest& r) { return One(r); });
  router->Add("DELETE", "/v1/segments/{id}", [this](const ApiRequest& r) { return Remove(r); });
  const std::string users = "/v1/segments/{id}/users";
  router->Add("POST", users, [this](const ApiRequest& r) { return ChangeUsers(r, true); });
  router->Add("DELETE", users, [this](const ApiRequest& r) { return ChangeUsers(r, false); });
}

std::size_t SegmentsService::SegmentsOf(const std::string& account) const {
  return static_cast<std::size_t>(
      std::count_if(segments_.begin(), segments_.end(),
                    [&account](const auto& segment) { return segment.second.account_id == account; }));
}

std::int64_t SegmentsService::MembersOfAll() const {
  std::int64_t members = 0;
  for (const auto& [id, segment] : segments_) members += segment.size();
  return members;
}

json::object SegmentsService::MakeOne(const json::value& item, const Entity& account, bool* made) {
  *made = false;
  if (!item.is_object()) return FailedSubRequest("a segment must be an object");
  const json::object& wanted = item.get_object();
  if (const std::string problem = ProblemOf(wanted, account.id); !problem.empty()) {
    return FailedSubRequest(problem);
  }
  if (SegmentsOf(account.id) >= kMaxSegments)
    return FailedSubRequest("the account has 1000 segments already");
  Segment segment;
  // As Snap's: a number of sixteen digits.
  segment.id = std::to_string(1'000'000'000'000'000 + Mixed(options_.seed, ++made_) % 9'000'000'000'000'000);
  segment.account_id = account.id;
  segment.name = TextMember(wanted, "name");
  segment.description = TextMember(wanted, "description");
  segment.created_at = clock_.Now();
  if (const json::value* const days = Member(wanted, "retention_in_days"); days != nullptr) {
    segment.retention_in_days = *WholeNumber(*days);
  }
  *made = true;
  json::object shown = segment.Json(clock_.Now(), options_.processing);
  segments_.emplace(segment.id, std::move(segment));
  return SubRequest("segment", std::move(shown));
}

HttpResponse SegmentsService::Make(const ApiRequest& request) {
  const Lookup account = LookUp(tree_, Kind::kAccount, request.PathValue("id"));
  if (account.entity == nullptr) return Refuse(request, account.refusal);
  const std::optional<json::value> body = ParseJson(request.body);
  const json::array* const wanted = ListIn(body, "segments");
  if (wanted == nullptr || wanted->empty())
    return Refuse(request, {400, "segments must be a list of segments"});
  if (wanted->size() > kMaxPerRequest) return Refuse(request, {400, "a request may make 15 segments"});
  json::array made;
  std::size_t failed = 0;
  for (const json::value& item : *wanted) {
    bool done = false;
    made.push_back(MakeOne(item, *account.entity, &done));
    failed += done ? 0 : 1;
  }
  if (failed == wanted->size()) {
    return Refuse(request, {400, TextMember(made[0].get_object(), "sub_request_error_reason")});
  }
  json::object content{{"segments", std::move(made)}};
  if (failed > 0) content["request_status"] = "PARTIAL";
  return Succeed(request, std::move(content));
}

HttpResponse SegmentsService::List(const ApiRequest& request) const {
  const Lookup account = LookUp(tree_, Kind::kAccount, request.PathValue("id"));
  if (account.entity == nullptr) return Refuse(request, account.refusal);
  std::vector<const Segment*> segments;
  for (const auto& [id, segment] : segments_) {
    if (segment.account_id == account.entity->id) segments.push_back(&segment);
  }
  std::stable_sort(segments.begin(), segments.end(),
                   [](const Segment* a, const Segment* b) { return a->created_at < b->created_at; });
  const Result<Page> page = ReadPage(request, segments.size(), kMarketingPages);
  if (!page.ok()) return Refuse(request, {400, page.status().message()});
  json::array items;
  for (std::size_t i = page->begin; i < page->end; ++i) {
    items.push_back(SubRequest("segment", segments[i]->Json(clock_.Now(), options_.processing)));
  }
  json::object paging;
  if (!page->next_link.empty()) paging["next_link"] = JsonText(page->next_link);
  return Succeed(request, {{"paging", std::move(paging)}, {"segments", std::move(items)}});
}

HttpResponse SegmentsService::One(const ApiRequest& request) const {
  const auto found = segments_.find(request.PathValue("id"));
  if (found == segments_.end()) return Refuse(request, {404, "there is no such segment", "E2002"});
  json::array items{SubRequest("segment", found->second.Json(clock_.Now(), options_.processing))};
  return Succeed(request, {{"segments", std::move(items)}});
}

HttpResponse SegmentsService::Remove(const ApiRequest& request) {
  if (segments_.erase(request.PathValue("id")) == 0) {
    return Refuse(request, {404, "there is no such segment", "E2002"});
  }
  return Succeed(request, {});
}

std::int64_t SegmentsService::TakeBlock(const json::object& block, bool add, Segment* segment) {
  std::set<std::string>& members =
      segment->members[TextOf(Member(block, "schema")->get_array()[0].get_string())];
  const json::array& rows = Member(block, "data")->get_array();
  for (const json::value& row : rows) {
    const std::string hash = TextOf(row.get_array()[0].get_string());
    if (add) {
      members.insert(hash);
    } else {
      members.erase(hash);
    }
  }
  return static_cast<std::int64_t>(rows.size());
}

HttpResponse SegmentsService::ChangeUsers(const ApiRequest& request, bool add) {
  const auto found = segments_.find(request.PathValue("id"));
  if (found == segments_.end()) return Refuse(request, {404, "there is no such segment", "E2002"});
  const std::optional<json::value> body = ParseJson(request.body);
  const json::array* const blocks = ListIn(body, "users");
  if (blocks == nullptr || blocks->empty()) return Refuse(request, {400, "users must be a list of blocks"});
  std::size_t identifiers = 0;
  for (const json::value& block : *blocks) {
    if (const std::string problem = ProblemOfBlock(block, &identifiers); !problem.empty()) {
      return Refuse(request, {400, problem});
    }
  }
  if (identifiers > kMaxIdentifiers) return Refuse(request, {400, "a request may have 100000 identifiers"});
  if (add && MembersOfAll() + static_cast<std::int64_t>(identifiers) > kMaxMembers) {
    return Refuse(request, {507, "this stand-in keeps no more identifiers; POST /_reset makes room"});
  }
  Segment& segment = found->second;
  json::array answers;
  for (const json::value& block : *blocks) {
    const std::int64_t count = TakeBlock(block.get_object(), add, &segment);
    (add ? segment.added : segment.removed) += count;
    answers.push_back(SubRequest("user", {{"number_uploaded_users", count}}));
  }
  ++segment.uploads;
  segment.uploaded_at = clock_.Now();
  return Succeed(request, {{"users", std::move(answers)}});
}

json::object SegmentsService::Received(std::size_t limit) const {
  json::object received;
  for (const auto& [id, segment] : segments_) received[id] = segment.Received(limit);
  return received;
}

}  // namespace millrace::snap
