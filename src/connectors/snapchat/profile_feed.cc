#include "connectors/snapchat/profile_feed.h"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

#include <boost/json.hpp>

#include "base/log.h"
#include "connectors/snapchat/entity_rows.h"
#include "connectors/snapchat/entity_walk.h"
#include "connectors/snapchat/marketing_page.h"
#include "connectors/snapchat/profile_stats_days.h"
#include "connectors/snapchat/profile_tree.h"
#include "http/redact.h"

namespace millrace {
namespace {

constexpr const char* kPageSize = "?limit=100";
/// Rows of statistics whose last state is known, so that only changes are written; with more of them, some
/// are written again.
constexpr std::size_t kMostRemembered = 100'000;
constexpr const char* kNotAllowed =
    "; Snap opens its Public Profile API only to apps that it has allowed, and for tokens of the scope "
    "snapchat-profile-api: ask Snap to allow the app, and check whose profiles the token may see";

class ProfileFeed final : public FeedSource {
 public:
  ProfileFeed(ProfileFeedOptions options, std::unique_ptr<MarketingApi> api, const Clock& clock,
              MetricRegistry& metrics)
      : options_(std::move(options)),
        clock_(clock),
        skipped_(metrics.GetCounter("millrace_feed_parts_skipped_total",
                                    "Accounts, or lists of them, that the far side refused to give.",
                                    {{"source", options_.source}})),
        api_(std::move(api)),
        tree_(ProfileScope{options_.organization_id, options_.profile_ids, options_.content}),
        walk_(tree_),
        days_({options_.since, options_.lookback}) {}

  Status Open(FeedPositions positions) override {
    api_->Forget();
    list_.reset();
    asked_.reset();
    written_.clear();
    stopped_ = Status::Ok();
    refused_ = 0;
    days_.Take(&positions);
    walk_.Load(positions);
    return Status::Ok();
  }

  Result<FeedBatch> Next(Duration wait) override {
    MR_RETURN_IF_ERROR(std::exchange(stopped_, Status::Ok()));
    FeedBatch batch;
    if (!api_->asking()) {
      if (!walk_.under_way() && !IsDue()) return batch;
      MR_RETURN_IF_ERROR(AskNext(&batch));
      if (!api_->asking()) return batch;
    }
    MR_ASSIGN_OR_RETURN(auto answer, api_->Answer(wait));
    if (!answer) return batch;
    if (asked_) {
      TakeStats(*answer, &batch);
    } else if (answer->outcome == MarketingAnswer::Outcome::kGiven) {
      TakePage(&answer->body, &batch);
    } else {
      MR_RETURN_IF_ERROR(SkipList(*answer, &batch));
    }
    return batch;
  }

 private:
  bool IsDue() const {
    return !walk_.began() || clock_.Now() >= EventTime(walk_.began()->value() + options_.every.count());
  }

  void Begin() {
    walk_.Begin(clock_.Now());
    refused_ = 0;
  }

  /// The next list, then the statistics of each profile, or the end of the walk.
  Status AskNext(FeedBatch* batch) {
    if (!walk_.under_way()) Begin();
    list_ = walk_.Next();
    whole_ = true;
    if (list_) return api_->Ask("/" + list_->path + kPageSize);
    if (options_.content.contains("stats")) {
      for (const std::string& profile : tree_.Profiles(walk_)) {
        asked_ = days_.Next(profile, *walk_.began(), clock_.Now());
        if (asked_) return api_->Ask(StatsPath());
      }
    }
    walk_.End(batch);
    return Status::Ok();
  }

  // --- Lists ---

  void TakePage(boost::json::object* body, FeedBatch* batch) {
    EntityPage page = ReadEntityPage(*list_->kind, body);
    whole_ = whole_ && page.whole;
    for (const boost::json::object& entity : page.entities) {
      const std::string key = EntityKey(*list_->kind, TextField(entity, "id"));
      if (walk_.Note(*list_, key, EntityVersion(entity), batch))
        batch->records.push_back(ProfileRecord(*list_->kind, entity, list_->parents, clock_.Now()));
    }
    if (!page.next.empty()) {
      stopped_ = api_->Ask(page.next);  // after what this page has
      return;
    }
    if (!whole_) Skipped(list_->path, "Snap left something out of its answer");
    walk_.Finish(*list_, whole_, clock_.Now(), batch);
  }

  /// Where nothing can be read, somebody has to correct something; the next try begins anew.
  Status SkipList(const MarketingAnswer& answer, FeedBatch* batch) {
    if (list_->stage == 0) ++refused_;
    const bool is_all = refused_ >= std::max<std::size_t>(options_.profile_ids.size(), 1);
    if (list_->stage == 0 && is_all) {
      const std::string what = "asking Snap for " + list_->path + ": " + answer.reason;
      Begin();
      if (answer.outcome == MarketingAnswer::Outcome::kForbidden)
        return Status::PermissionDenied(what + kNotAllowed);
      return Status::InvalidArgument(what);
    }
    Skipped(list_->path, answer.reason);
    walk_.Finish(*list_, /*whole=*/false, clock_.Now(), batch);
    return Status::Ok();
  }

  // --- Statistics ---

  std::string StatsPath() const {
    std::string path = "/public_profiles/" + PercentEncoded(asked_->profile) +
                       "/stats?assetType=PROFILE&granularity=" + (options_.lifetime ? "LIFETIME" : "DAY");
    std::string fields;
    for (const ProfileMetric& metric : options_.metrics) fields += (fields.empty() ? "" : ",") + metric.name;
    if (!fields.empty()) path += "&fields=" + PercentEncoded(fields);
    if (!options_.lifetime) {
      path += "&startTime=" + PercentEncoded(MidnightText(asked_->start)) +
              "&endTime=" + PercentEncoded(MidnightText(asked_->end));
    }
    return path;
  }

  void TakeStats(const MarketingAnswer& answer, FeedBatch* batch) {
    const ProfileDays asked = *std::exchange(asked_, std::nullopt);
    if (answer.outcome != MarketingAnswer::Outcome::kGiven) {
      Skipped("public_profiles/" + asked.profile + "/stats", answer.reason);
      days_.Skip(asked, *walk_.began(), batch);
      return;
    }
    ProfileStatsPage page = ReadProfileStats({.profile_id = asked.profile,
                                              .lifetime = options_.lifetime,
                                              .metrics = options_.metrics,
                                              .now = clock_.Now()},
                                             answer.body);
    for (FeedRecord& record : page.records) {
      const std::size_t state = std::hash<std::string>()(*record.value);
      const auto found = written_.find(record.key);
      if (found != written_.end() && found->second == state) continue;
      if (written_.size() >= kMostRemembered) written_.clear();
      written_[record.key] = state;
      batch->records.push_back(std::move(record));
    }
    if (page.whole) {
      days_.Done(asked, *walk_.began(), batch);
      return;
    }
    Skipped("public_profiles/" + asked.profile + "/stats", "Snap left something out of its answer");
    days_.Skip(asked, *walk_.began(), batch);
  }

  void Skipped(const std::string& what, const std::string& why) {
    skipped_.Add(1);
    Log(LogLevel::kWarning, "a part of a public profile is left as it was",
        {{"source", options_.source}, {"asked_for", what}, {"reason", why}});
  }

  const ProfileFeedOptions options_;
  const Clock& clock_;
  Counter& skipped_;
  const std::unique_ptr<MarketingApi> api_;
  const ProfileTree tree_;
  EntityWalk walk_;
  ProfileStatsDays days_;
  std::optional<EntityList> list_;                        // that is asked for
  std::optional<ProfileDays> asked_;                      // statistics that are asked for
  bool whole_ = true;                                     // the list, so far
  std::size_t refused_ = 0;                               // lists of profiles, in this walk
  std::unordered_map<std::string, std::size_t> written_;  // hashes of rows of statistics
  Status stopped_;                                        // an error that comes after what was brought
};

}  // namespace

Result<std::unique_ptr<FeedSource>> MakeProfileFeed(ProfileFeedOptions options, const Clock& clock,
                                                    MetricRegistry& metrics) {
  MR_ASSIGN_OR_RETURN(auto api, MarketingApi::Make(options.access, options.source, clock, metrics));
  return std::unique_ptr<FeedSource>(
      std::make_unique<ProfileFeed>(std::move(options), std::move(api), clock, metrics));
}

}  // namespace millrace
