#include "connectors/snapchat/segment_search.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::HasSubstr;
using State = SegmentSearch::State;
using Kind = BatchVerdict::Kind;

/// The segments of an account, in the order of their creation; two on a page.
class Account {
 public:
  void Add(const std::string& id, const std::string& name, const std::string& created_at,
           const std::string& source = "FIRST_PARTY") {
    entries_.push_back(R"({"sub_request_status":"SUCCESS","segment":{"id":")" + id + R"(","name":")" + name +
                       R"(","created_at":")" + created_at + R"(","source_type":")" + source + "\"}}");
  }
  ClientResponse Answer(const ClientRequest& request, const std::string& id = "made") {
    if (request.method == "POST") {
      Add(id, "vip", "2026-01-02T00:00:0" + std::to_string(entries_.size()));
      return {.status = 200, .headers = {}, .body = Body({entries_.back()}, "")};
    }
    const std::size_t cursor = request.url.find("cursor=");
    const std::size_t begin = cursor == std::string::npos ? 0 : std::stoul(request.url.substr(cursor + 7));
    const std::size_t end = std::min(begin + 2, entries_.size());
    const auto at = [this](std::size_t i) { return entries_.begin() + static_cast<std::ptrdiff_t>(i); };
    return {.status = 200,
            .headers = {},
            .body = Body({at(std::min(begin, end)), at(end)},
                         end < entries_.size()
                             ? "https://elsewhere/v1/adaccounts/a/segments?cursor=" + std::to_string(end)
                             : "")};
  }

 private:
  static std::string Body(const std::vector<std::string>& entries, const std::string& next) {
    std::string body = R"({"request_status":"SUCCESS","paging":{)" +
                       (next.empty() ? "" : R"("next_link":")" + next + "\"") + R"(},"segments":[)";
    for (std::size_t i = 0; i < entries.size(); ++i) body += (i > 0 ? "," : "") + entries[i];
    return body + "]}";
  }
  std::vector<std::string> entries_;
};

SegmentWanted Vip(bool create) { return {.ad_account_id = "a", .name = "vip", .create = create}; }

/// One request and its answer.
std::string Step(SegmentSearch& search, Account& account, const std::string& id = "made") {
  const ClientRequest request = search.Request("t");
  EXPECT_EQ(search.Take(account.Answer(request, id)).kind, Kind::kAccepted);
  return request.method + " " + request.url;
}
void Finish(SegmentSearch& search, Account& account, const std::string& id = "made") {
  while (!search.over()) Step(search, account, id);
}

TEST(SegmentSearch, LooksThroughAllPagesAndTakesTheOldestOfTheName) {
  Account account;
  account.Add("s-1", "other", "2026-01-01");
  account.Add("s-2", "vip", "2026-01-03");
  account.Add("s-3", "vip", "2025-12-31", "ENGAGEMENT");
  account.Add("s-4", "vip", "2026-01-02");
  account.Add("s-5", "VIP", "2026-01-01");
  SegmentSearch search(Vip(false), "http://here");
  EXPECT_EQ(Step(search, account), "GET http://here/v1/adaccounts/a/segments?limit=1000");
  EXPECT_EQ(Step(search, account), "GET http://here/v1/adaccounts/a/segments?cursor=2")
      << "the token stays with the host of the sink";
  Step(search, account);
  EXPECT_EQ(search.state(), State::kFound);
  EXPECT_EQ(search.id(), "s-4");
  EXPECT_FALSE(search.created());
}

TEST(SegmentSearch, SegmentsOfOneTimeGoByTheirIds) {
  Account account;
  account.Add("s-2", "vip", "2026-01-01");
  account.Add("s-1", "vip", "2026-01-01");
  SegmentSearch search(Vip(false), "http://here");
  Finish(search, account);
  EXPECT_EQ(search.id(), "s-1");
}

TEST(SegmentSearch, WithoutOneItIsMissingUnlessItMayBeCreated) {
  Account account;
  account.Add("s-1", "other", "2026-01-01");
  SegmentSearch search(Vip(false), "http://here");
  Finish(search, account);
  EXPECT_EQ(search.state(), State::kMissing);

  SegmentWanted wanted = Vip(true);
  wanted.description = "who \"buys\"";
  wanted.retention_in_days = 90;
  SegmentSearch creates(wanted, "http://here");
  Step(creates, account);
  EXPECT_EQ(creates.state(), State::kCreating);
  const ClientRequest create = creates.Request("t");
  EXPECT_EQ(create.method + " " + create.url, "POST http://here/v1/adaccounts/a/segments");
  EXPECT_EQ(create.body, R"({"segments":[{"name":"vip","source_type":"FIRST_PARTY","retention_in_days":90,)"
                         R"("ad_account_id":"a","description":"who \"buys\""}]})");
  EXPECT_EQ(*FindHeader(create.headers, "Authorization"), "Bearer t");
  EXPECT_EQ(creates.Take(account.Answer(create)).kind, Kind::kAccepted);
  EXPECT_EQ(creates.state(), State::kChecking);
  Finish(creates, account);
  EXPECT_EQ(creates.id(), "made");
  EXPECT_TRUE(creates.created());
}

/// Two searches whose steps are put together in every order.
TEST(SegmentSearch, TwoThatCreateAtOnceSettleOnOne) {
  constexpr int kSteps = 3;  // look, create, check
  for (unsigned order = 0; order < 1U << (2 * kSteps); ++order) {
    Account account;
    std::vector<SegmentSearch> searches;
    for (int i = 0; i < 2; ++i) searches.emplace_back(Vip(true), "http://here");
    for (unsigned step = 0; step < 2 * kSteps; ++step) {
      const unsigned who = (order >> step) & 1U;
      if (!searches[who].over()) Step(searches[who], account, who == 0 ? "first" : "second");
    }
    Finish(searches[0], account, "first");
    Finish(searches[1], account, "second");
    EXPECT_EQ(searches[0].id(), searches[1].id()) << "order " << order;
  }
}

TEST(SegmentSearch, AListThatIsBehindDoesNotHideWhatWasCreated) {
  Account account;
  SegmentSearch search(Vip(true), "http://here");
  Step(search, account);
  Step(search, account);
  Account behind;
  Finish(search, behind);
  EXPECT_EQ(search.id(), "made");
}

TEST(SegmentSearch, AfterABrokenCreationItLooksAgain) {
  Account account;
  SegmentSearch search(Vip(true), "http://here");
  Step(search, account);
  const ClientRequest create = search.Request("t");
  (void)account.Answer(create);  // it was carried out, and the answer lost
  EXPECT_EQ(search.Request("t").method, "GET") << "a second one would be a second segment";
  EXPECT_EQ(search.state(), State::kLooking);
  EXPECT_EQ(search.Take(account.Answer(search.Request("t"))).kind, Kind::kAccepted);
  EXPECT_EQ(search.state(), State::kFound);
  EXPECT_EQ(search.id(), "made");
}

TEST(SegmentSearch, ARefusedCreationIsRefusedAndA503IsTriedAgainAfterALook) {
  Account account;
  SegmentSearch search(Vip(true), "http://here");
  Step(search, account);
  (void)search.Request("t");
  EXPECT_EQ(search.Take({.status = 503, .headers = {}, .body = ""}).kind, Kind::kRetry);
  EXPECT_EQ(search.Request("t").method, "GET");
  EXPECT_EQ(search.Take(account.Answer(search.Request("t"))).kind, Kind::kAccepted);
  (void)search.Request("t");
  EXPECT_EQ(search.Take({.status = 400, .headers = {}, .body = "<html>"}).kind, Kind::kBlocked);
  EXPECT_EQ(search.Request("t").method, "GET") << "somebody else said no";
  EXPECT_EQ(search.Take(account.Answer(search.Request("t"))).kind, Kind::kAccepted);
  (void)search.Request("t");
  const BatchVerdict refused = search.Take(
      {.status = 400, .headers = {}, .body = R"({"request_status":"ERROR","debug_message":"name taken"})"});
  EXPECT_EQ(refused.kind, Kind::kRefused);
  EXPECT_THAT(refused.said, HasSubstr("name taken"));
  EXPECT_EQ(search.Request("t").method, "POST") << "nothing was created";
}

TEST(SegmentSearch, PagesWithoutAnEndHaveOne) {
  SegmentSearch search(Vip(false), "http://here");
  int pages = 0;
  for (; !search.over() && pages < 1'000; ++pages) {
    (void)search.Request("t");
    (void)search.Take(
        {.status = 200,
         .headers = {},
         .body = R"({"request_status":"SUCCESS","paging":{"next_link":"https://x/v1/y"},"segments":[]})"});
  }
  EXPECT_EQ(search.state(), State::kMissing);
  EXPECT_LE(pages, 100);
}

}  // namespace
}  // namespace millrace
