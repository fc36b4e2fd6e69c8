#include "connectors/snapchat/walk_feed.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "connectors/snapchat/entity_rows.h"
#include "connectors/snapchat/entity_version.h"
#include "connectors/snapchat/marketing_page.h"

namespace millrace {

Result<std::unique_ptr<FeedSource>> WalkFeed::Make(WalkFeedOptions options,
                                                   std::unique_ptr<WalkQuestions> questions,
                                                   const Clock& clock, MetricRegistry& metrics) {
  MR_ASSIGN_OR_RETURN(auto api, MarketingApi::Make(options.access, options.source, clock, metrics));
  return std::unique_ptr<FeedSource>(
      new WalkFeed(std::move(options), std::move(questions), std::move(api), clock, metrics));
}

WalkFeed::WalkFeed(WalkFeedOptions options, std::unique_ptr<WalkQuestions> questions,
                   std::unique_ptr<MarketingApi> api, const Clock& clock, MetricRegistry& metrics)
    : options_(std::move(options)),
      clock_(clock),
      questions_(std::move(questions)),
      api_(std::move(api)),
      skipped_(options_.source, options_.when_skipped, metrics),
      walk_(*options_.tree) {}

Status WalkFeed::Open(FeedPositions positions) {
  api_->Forget();
  list_.reset();
  refused_ = 0;
  stopped_ = Status::Ok();
  if (questions_ != nullptr) questions_->Open(&positions);
  walk_.Load(positions);
  return Status::Ok();
}

Result<FeedBatch> WalkFeed::Next(Duration wait) {
  MR_RETURN_IF_ERROR(std::exchange(stopped_, Status::Ok()));
  FeedBatch batch;
  if (!api_->asking()) {
    if (!walk_.under_way() && !IsDue()) return batch;
    MR_RETURN_IF_ERROR(AskNext(&batch));
    if (!api_->asking()) return batch;
  }
  MR_ASSIGN_OR_RETURN(auto answer, api_->Answer(wait));
  if (!answer) return batch;
  if (!list_) {
    questions_->Take(*answer, walk_, &batch);
  } else if (answer->outcome == MarketingAnswer::Outcome::kGiven) {
    TakePage(&answer->body, &batch);
  } else {
    MR_RETURN_IF_ERROR(SkipList(*answer, &batch));
  }
  return batch;
}

bool WalkFeed::IsDue() const {
  return !walk_.began() || clock_.Now() >= EventTime(walk_.began()->value() + options_.every.count());
}

void WalkFeed::Begin() {
  walk_.Begin(clock_.Now());
  refused_ = 0;
}

Status WalkFeed::AskNext(FeedBatch* batch) {
  if (!walk_.under_way()) Begin();
  list_ = walk_.Next();
  whole_ = true;
  if (list_) return api_->Ask("/" + list_->path + "?limit=" + std::to_string(options_.page_size));
  if (questions_ != nullptr) {
    if (const auto question = questions_->Next(walk_, clock_.Now())) return api_->Ask(*question);
  }
  walk_.End(batch);
  return Status::Ok();
}

void WalkFeed::TakePage(boost::json::object* body, FeedBatch* batch) {
  EntityPage page = ReadEntityPage(*list_->kind, body);
  whole_ = whole_ && page.whole;
  for (const boost::json::object& entity : page.entities) {
    const std::string key = EntityKey(*list_->kind, TextField(entity, "id"));
    if (walk_.Note(*list_, key, EntityVersion(entity), batch))
      batch->records.push_back(options_.record(*list_->kind, entity, list_->parents, clock_.Now()));
  }
  if (!page.next.empty()) {
    stopped_ = api_->Ask(page.next);  // after what this page has
    return;
  }
  if (!whole_) skipped_.Add(list_->path, "Snap left something out of its answer");
  walk_.Finish(*list_, whole_, clock_.Now(), batch);
}

Status WalkFeed::SkipList(const MarketingAnswer& answer, FeedBatch* batch) {
  if (list_->stage == 0 && ++refused_ >= CountOfFirstLists()) {
    // Where nothing can be read, somebody has to correct something; the next try begins anew.
    const std::string what = "asking Snap for " + list_->path + ": " + answer.reason;
    Begin();
    if (answer.outcome == MarketingAnswer::Outcome::kForbidden)
      return Status::PermissionDenied(what + options_.when_forbidden);
    return Status::InvalidArgument(what);
  }
  skipped_.Add(list_->path, answer.reason);
  walk_.Finish(*list_, /*whole=*/false, clock_.Now(), batch);
  return Status::Ok();
}

std::size_t WalkFeed::CountOfFirstLists() const {
  const std::vector<EntityList> lists = options_.tree->Lists(walk_);
  return static_cast<std::size_t>(
      std::count_if(lists.begin(), lists.end(), [](const EntityList& list) { return list.stage == 0; }));
}

}  // namespace millrace
