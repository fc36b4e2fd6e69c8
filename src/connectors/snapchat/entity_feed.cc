#include "connectors/snapchat/entity_feed.h"

#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "base/log.h"
#include "connectors/snapchat/ad_tree.h"
#include "connectors/snapchat/entity_rows.h"
#include "connectors/snapchat/entity_walk.h"
#include "connectors/snapchat/marketing_page.h"

namespace millrace {
namespace {

constexpr const char* kPageSize = "?limit=500";

class EntityFeed final : public FeedSource {
 public:
  EntityFeed(EntityFeedOptions options, std::unique_ptr<MarketingApi> api, const Clock& clock,
             MetricRegistry& metrics)
      : options_(std::move(options)),
        clock_(clock),
        skipped_(metrics.GetCounter("millrace_feed_parts_skipped_total",
                                    "Accounts, or lists of them, that the far side refused to give.",
                                    {{"source", options_.source}})),
        api_(std::move(api)),
        tree_(AdScope{options_.organization_id, options_.ad_account_ids, options_.kinds}),
        walk_(tree_) {}

  Status Open(FeedPositions positions) override {
    api_->Forget();
    list_.reset();
    stopped_ = Status::Ok();
    walk_.Load(positions);
    return Status::Ok();
  }

  Result<FeedBatch> Next(Duration wait) override {
    MR_RETURN_IF_ERROR(std::exchange(stopped_, Status::Ok()));
    FeedBatch batch;
    if (!api_->asking()) {
      if (!walk_.under_way() && !IsDue()) return batch;
      MR_RETURN_IF_ERROR(AskForList(&batch));
      if (!api_->asking()) return batch;
    }
    MR_ASSIGN_OR_RETURN(auto answer, api_->Answer(wait));
    if (!answer) return batch;
    if (answer->outcome != MarketingAnswer::Outcome::kGiven) {
      MR_RETURN_IF_ERROR(SkipList(*answer, &batch));
      return batch;
    }
    TakePage(&answer->body, &batch);
    return batch;
  }

 private:
  bool IsDue() const {
    return !walk_.began() || clock_.Now() >= EventTime(walk_.began()->value() + options_.every.count());
  }

  /// The next list, or the end of the walk.
  Status AskForList(FeedBatch* batch) {
    if (!walk_.under_way()) walk_.Begin(clock_.Now());
    list_ = walk_.Next();
    whole_ = true;
    if (!list_) {
      walk_.End(batch);
      return Status::Ok();
    }
    return api_->Ask("/" + list_->path + kPageSize);
  }

  void TakePage(boost::json::object* body, FeedBatch* batch) {
    EntityPage page = ReadEntityPage(*list_->kind, body);
    whole_ = whole_ && page.whole;
    for (const boost::json::object& entity : page.entities) {
      const std::string key = EntityKey(*list_->kind, TextField(entity, "id"));
      if (walk_.Note(*list_, key, EntityVersion(entity), batch))
        batch->records.push_back(EntityRecord(*list_->kind, entity, list_->parents, clock_.Now()));
    }
    if (!page.next.empty()) {
      stopped_ = api_->Ask(page.next);  // after the entities of this page
      return;
    }
    if (!whole_) Skipped("Snap left entities out of its answer");
    walk_.Finish(*list_, whole_, clock_.Now(), batch);
  }

  /// Where nothing can be read without it, somebody has to correct something.
  Status SkipList(const MarketingAnswer& answer, FeedBatch* batch) {
    const std::string what = "asking Snap for " + list_->path + ": " + answer.reason;
    const bool is_all = list_->stage == 0 || (list_->stage == 1 && options_.ad_account_ids.size() == 1);
    if (is_all && answer.outcome == MarketingAnswer::Outcome::kForbidden)
      return Status::PermissionDenied(what + "; the token has no right to it");
    if (is_all) return Status::InvalidArgument(what);
    Skipped(answer.reason);
    walk_.Finish(*list_, /*whole=*/false, clock_.Now(), batch);
    return Status::Ok();
  }

  void Skipped(const std::string& why) {
    skipped_.Add(1);
    Log(LogLevel::kWarning, "a list of entities is left as it was",
        {{"source", options_.source}, {"list", list_->path}, {"reason", why}});
  }

  const EntityFeedOptions options_;
  const Clock& clock_;
  Counter& skipped_;
  const std::unique_ptr<MarketingApi> api_;
  const AdTree tree_;
  EntityWalk walk_;
  std::optional<EntityList> list_;  // that is asked for
  bool whole_ = true;               // so far
  Status stopped_;                  // an error that comes after what was brought
};

}  // namespace

Result<std::unique_ptr<FeedSource>> MakeEntityFeed(EntityFeedOptions options, const Clock& clock,
                                                   MetricRegistry& metrics) {
  MR_ASSIGN_OR_RETURN(auto api, MarketingApi::Make(options.access, options.source, clock, metrics));
  return std::unique_ptr<FeedSource>(
      std::make_unique<EntityFeed>(std::move(options), std::move(api), clock, metrics));
}

}  // namespace millrace
