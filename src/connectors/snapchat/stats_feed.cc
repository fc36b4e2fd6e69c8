#include "connectors/snapchat/stats_feed.h"

#include <algorithm>
#include <deque>
#include <map>

#include <boost/json.hpp>

#include "connectors/snapchat/marketing_page.h"
#include "connectors/snapchat/skipped_parts.h"
#include "connectors/snapchat/stats_cursor.h"
#include "connectors/snapchat/written_rows.h"
#include "http/redact.h"

namespace millrace {
namespace {

constexpr const char* kPageSize = "?limit=500";
constexpr Duration kDefaultSince{30LL * 24 * 3'600'000};
/// Rows of open days.
constexpr std::size_t kMostRemembered = 200'000;

/// What Snap calls them in requests.
std::string BreakdownOf(const std::string& level) { return level == "ad_squad" ? "adsquad" : level; }

std::string GranularityParameter(StatsGranularity granularity) {
  std::string name = StatsGranularityName(granularity);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return static_cast<char>(c - 'a' + 'A'); });
  return name;
}

class StatsFeed final : public FeedSource {
 public:
  StatsFeed(StatsFeedOptions options, std::unique_ptr<MarketingApi> api, const Clock& clock,
            MetricRegistry& metrics)
      : options_(std::move(options)),
        clock_(clock),
        skipped_(options_.source, "statistics of an account are left out for now", metrics),
        api_(std::move(api)),
        written_(kMostRemembered) {}

  Status Open(FeedPositions positions) override {
    api_->Forget();
    positions_ = std::move(positions);
    accounts_.clear();
    lists_.clear();
    due_.clear();
    written_.Forget();
    slice_.reset();
    stopped_ = Status::Ok();
    refused_ = Status::Ok();
    given_ = false;
    next_pass_ = EventTime(0);
    return Status::Ok();
  }

  Result<FeedBatch> Next(Duration wait) override {
    MR_RETURN_IF_ERROR(std::exchange(stopped_, Status::Ok()));
    FeedBatch batch;
    if (!api_->asking()) MR_RETURN_IF_ERROR(AskNext(&batch));
    if (!api_->asking()) return batch;
    MR_ASSIGN_OR_RETURN(auto answer, api_->Answer(wait));
    if (!answer) return batch;
    if (slice_) {
      TakeStats(*answer, &batch);
    } else {
      MR_RETURN_IF_ERROR(TakeList(&*answer));
    }
    return batch;
  }

 private:
  struct List {
    const EntityKind* kind;
    std::string path;
  };
  struct Account {
    std::string currency;
    StatsCursor cursor;
    EventTime not_before{0};  // after Snap refused it
  };

  /// The lists of accounts, then the statistics of those that are due; nothing when nothing is.
  Status AskNext(FeedBatch* batch) {
    if (lists_.empty() && due_.empty()) {
      if (clock_.Now() < next_pass_) return Status::Ok();
      pass_began_ = clock_.Now();
      accounts_before_ = std::exchange(accounts_, {});
      AddLists();
    }
    if (!lists_.empty()) return api_->Ask("/" + lists_.front().path + kPageSize);
    return AskForStats(batch);
  }

  // --- Accounts ---

  void AddLists() {
    for (const std::string& id : options_.ad_account_ids)
      lists_.push_back({&kAdAccount, "adaccounts/" + PercentEncoded(id)});
    if (lists_.empty()) lists_.push_back({&kOrganization, "me/organizations"});
  }

  Status TakeList(MarketingAnswer* answer) {
    const List list = lists_.front();
    if (answer->outcome != MarketingAnswer::Outcome::kGiven) {
      Skip(list.path, *answer);
      NextList();
      return Status::Ok();
    }
    const EntityPage page = ReadEntityPage(*list.kind, &answer->body);
    for (const boost::json::object& entity : page.entities) {
      const std::string id = TextField(entity, "id");
      if (list.kind == &kAdAccount) {
        AddAccount(id, entity);
      } else {
        lists_.push_back({&kAdAccount, "organizations/" + PercentEncoded(id) + "/adaccounts"});
      }
    }
    if (!page.next.empty()) return api_->Ask(page.next);
    NextList();
    return Status::Ok();
  }

  void NextList() {
    lists_.pop_front();
    if (!lists_.empty()) return;
    accounts_before_.clear();
    const EventTime now = clock_.Now();
    for (const auto& [id, account] : accounts_) {
      if (account.cursor.under_way() || DueAt(account) <= now) due_.push_back(id);
    }
    if (due_.empty()) EndPass();
  }

  void Skip(const std::string& what, const MarketingAnswer& answer) {
    skipped_.Add(what, answer.reason);
    if (!refused_.ok()) return;
    const std::string why = "asking Snap for " + what + ": " + answer.reason;
    refused_ = answer.outcome == MarketingAnswer::Outcome::kForbidden
                   ? Status::PermissionDenied(why + "; the token has no right to it")
                   : Status::InvalidArgument(why);
  }

  /// Where nothing can be read, somebody has to correct something; the next try begins anew.
  void EndPass() {
    PlanNextPass();
    const Status refused = std::exchange(refused_, Status::Ok());
    const bool any = std::exchange(given_, false) ||
                     std::any_of(accounts_.begin(), accounts_.end(),
                                 [](const auto& one) { return one.second.not_before == EventTime(0); });
    if (refused.ok() || any) return;
    accounts_.clear();
    next_pass_ = EventTime(0);
    stopped_ = refused;  // after what was brought
  }

  void AddAccount(const std::string& id, const boost::json::object& entity) {
    auto zone = AccountZone::Make(TextField(entity, "timezone"));
    if (!zone.ok()) {
      skipped_.Add("adaccounts/" + id, zone.status().message());
      return;
    }
    Account account{
        TextField(entity, "currency"),
        StatsCursor({options_.granularity,
                     options_.since.value_or(EventTime(clock_.Now().value() - kDefaultSince.count())),
                     options_.lookback},
                    *std::move(zone))};
    if (const auto before = accounts_before_.find(id); before != accounts_before_.end())
      account.not_before = before->second.not_before;
    if (const auto found = positions_.find(PositionOf(id)); found != positions_.end())
      account.cursor.Load(found->second);
    accounts_.insert_or_assign(id, std::move(account));
  }

  EventTime DueAt(const Account& account) const {
    if (account.not_before > EventTime(0)) return account.not_before;
    const auto began = account.cursor.began();
    return began ? EventTime(began->value() + options_.every.count()) : EventTime(0);
  }

  void PlanNextPass() {
    const EventTime now = clock_.Now();
    next_pass_ = EventTime(now.value() + options_.every.count());
    for (const auto& [id, account] : accounts_) {
      if (const EventTime due = DueAt(account); due > now) next_pass_ = std::min(next_pass_, due);
    }
  }

  std::string PositionOf(const std::string& id) const {
    std::string position = id + "/" + StatsGranularityName(options_.granularity) + "/" + options_.level;
    return options_.dimensions.empty() ? position : position + "/" + JoinedDimensions();
  }

  std::string JoinedDimensions() const {
    std::string text;
    for (const std::string& name : options_.dimensions) text += (text.empty() ? "" : ",") + name;
    return text;
  }

  // --- Statistics ---

  Status AskForStats(FeedBatch* batch) {
    while (!due_.empty()) {
      StatsCursor& cursor = CursorAtHand();
      asked_ = clock_.Now();
      if (!cursor.under_way()) cursor.Begin(pass_began_);
      slice_ = cursor.Next(asked_);
      if (slice_) {
        whole_ = true;
        return api_->Ask(StatsPath(*slice_));
      }
      cursor.End();
      Commit(batch);
      NextAccount();
    }
    return Status::Ok();
  }

  StatsCursor& CursorAtHand() { return accounts_.at(due_.front()).cursor; }

  std::string StatsPath(const StatsSlice& slice) {
    const AccountZone& zone = CursorAtHand().zone();
    std::string fields;
    for (const StatsField& field : options_.fields) fields += (fields.empty() ? "" : ",") + field.name;
    std::string path = "/adaccounts/" + PercentEncoded(due_.front()) +
                       "/stats?granularity=" + GranularityParameter(options_.granularity) +
                       "&fields=" + PercentEncoded(fields);
    if (options_.level != "account") path += "&breakdown=" + BreakdownOf(options_.level);
    if (!options_.dimensions.empty()) path += "&report_dimension=" + PercentEncoded(JoinedDimensions());
    if (options_.granularity != StatsGranularity::kLifetime) {
      path += "&start_time=" + PercentEncoded(zone.Format(slice.start)) +
              "&end_time=" + PercentEncoded(zone.Format(slice.end));
    }
    for (const auto& [name, value] : options_.parameters) path += "&" + name + "=" + PercentEncoded(value);
    return path;
  }

  void TakeStats(const MarketingAnswer& answer, FeedBatch* batch) {
    if (answer.outcome != MarketingAnswer::Outcome::kGiven) {
      Skip("adaccounts/" + due_.front() + "/stats", answer);
      accounts_.at(due_.front()).not_before = EventTime(clock_.Now().value() + options_.every.count());
      NextAccount();
      return;
    }
    given_ = true;
    Account& account = accounts_.at(due_.front());
    StatsPage page = ReadStatsPage({.ad_account_id = due_.front(),
                                    .currency = account.currency,
                                    .level = options_.level,
                                    .granularity = options_.granularity,
                                    .fields = options_.fields,
                                    .dimensions = options_.dimensions,
                                    .start = slice_->start},
                                   answer.body);
    whole_ = whole_ && page.whole;
    AddChanged(&page, batch);
    if (!page.next.empty()) {
      stopped_ = api_->Ask(page.next);  // after the rows of this page
      if (!stopped_.ok()) slice_.reset();
      return;
    }
    if (!whole_)
      skipped_.Add("adaccounts/" + due_.front() + "/stats", "Snap left something out of its answer");
    account.cursor.Done(*slice_, asked_, whole_);
    account.not_before = EventTime(0);
    slice_.reset();
    if (!account.cursor.Next(asked_)) account.cursor.End();
    Commit(batch);
    if (!account.cursor.under_way()) NextAccount();
  }

  /// Rows of days that are final come once; the others whenever they differ from what was written last.
  void AddChanged(StatsPage* page, FeedBatch* batch) {
    const StatsCursor& cursor = CursorAtHand();
    const EventTime open = FirstOpenDay(cursor.zone(), asked_, options_.lookback);
    for (FeedRecord& record : page->records) {
      if (!written_.IsAnother(record)) continue;
      if (record.time >= open || options_.granularity == StatsGranularity::kTotal ||
          options_.granularity == StatsGranularity::kLifetime)
        written_.Note(record);
      batch->records.push_back(std::move(record));
    }
  }

  void Commit(FeedBatch* batch) {
    const std::string name = PositionOf(due_.front());
    const std::string text = CursorAtHand().Text();
    batch->positions[name] = text;
    positions_[name] = text;
  }

  void NextAccount() {
    slice_.reset();
    due_.pop_front();
    if (due_.empty()) EndPass();
  }

  const StatsFeedOptions options_;
  const Clock& clock_;
  SkippedParts skipped_;
  const std::unique_ptr<MarketingApi> api_;

  FeedPositions positions_;                  // as brought
  std::map<std::string, Account> accounts_;  // by id
  std::map<std::string, Account> accounts_before_;
  std::deque<List> lists_;       // still to be read; the first is asked for
  std::deque<std::string> due_;  // accounts; the first is asked for
  EventTime pass_began_{0};      // of all accounts in it
  EventTime next_pass_{0};
  std::optional<StatsSlice> slice_;  // that is asked for
  EventTime asked_{0};
  bool whole_ = true;    // the slice, so far
  WrittenRows written_;  // those that may change
  Status refused_;       // the first refusal of this pass
  bool given_ = false;   // statistics, in this pass
  Status stopped_;       // an error that comes after what was brought
};

}  // namespace

Result<std::unique_ptr<FeedSource>> MakeStatsFeed(StatsFeedOptions options, const Clock& clock,
                                                  MetricRegistry& metrics) {
  MR_ASSIGN_OR_RETURN(auto api, MarketingApi::Make(options.access, options.source, clock, metrics));
  return std::unique_ptr<FeedSource>(
      std::make_unique<StatsFeed>(std::move(options), std::move(api), clock, metrics));
}

}  // namespace millrace
